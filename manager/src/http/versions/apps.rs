//! The versions of applications.

use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::views::{Page, VersionDiff, VersionInfo, VersionView};

use super::super::failure::Failure;
use super::super::input::Query;
use super::super::names;
use super::super::nodes::PageQuery;
use super::super::state::State;
use super::diff::{self, DiffQuery};
use super::shared::{self, VersionPath};
use crate::store::PackageId;

/// Lists the versions of an application, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/apps/{app}/versions",
    tag = "apps",
    params(("app" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)"), PageQuery),
    responses((status = 200, body = Page<VersionView>))
)]
pub(crate) async fn list(
    state: web::Data<State>,
    app: web::Path<String>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Failure> {
    shared::list(&state, find(&state, &app).await?, query.0).await
}

/// Shows a version with its plan and its manifest.
#[utoipa::path(
    get,
    path = "/api/v1/apps/{app}/versions/{version}",
    tag = "apps",
    params(
        ("app" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)"),
        ("version" = String, Path, description = "Number of the version, `active` or `previous`")
    ),
    responses((status = 200, body = VersionInfo))
)]
pub(crate) async fn show(state: web::Data<State>, path: VersionPath) -> Result<HttpResponse, Failure> {
    let (app, version) = path.into_inner();
    shared::show(&state, find(&state, &app).await?, &version).await
}

/// Makes a version the active one. Where it is that already, nothing happens.
#[utoipa::path(
    post,
    path = "/api/v1/apps/{app}/versions/{version}/activate",
    tag = "apps",
    params(
        ("app" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)"),
        ("version" = String, Path, description = "Number of the version, or `previous` for the one that was active before")
    ),
    responses((status = 200, body = VersionView))
)]
pub(crate) async fn activate(state: web::Data<State>, path: VersionPath) -> Result<HttpResponse, Failure> {
    let (app, version) = path.into_inner();
    shared::activate(&state, find(&state, &app).await?, &version).await
}

/// Deletes a version that is not active and that nothing unfinished uses.
#[utoipa::path(
    delete,
    path = "/api/v1/apps/{app}/versions/{version}",
    tag = "apps",
    params(
        ("app" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)"),
        ("version" = String, Path, description = "Number of the version, or `previous`")
    ),
    responses((status = 204, description = "Deleted."))
)]
pub(crate) async fn delete(state: web::Data<State>, path: VersionPath) -> Result<HttpResponse, Failure> {
    let (app, version) = path.into_inner();
    shared::delete(&state, find(&state, &app).await?, &version).await
}

/// Downloads a version's archive as it was uploaded.
#[utoipa::path(
    get,
    path = "/api/v1/apps/{app}/versions/{version}/package",
    tag = "apps",
    params(
        ("app" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)"),
        ("version" = String, Path, description = "Number of the version, `active` or `previous`")
    ),
    responses((status = 200, description = "The archive.", body = String, content_type = "application/octet-stream"))
)]
pub(crate) async fn download(
    state: web::Data<State>,
    request: HttpRequest,
    path: VersionPath,
) -> Result<HttpResponse, Failure> {
    let (app, version) = path.into_inner();
    shared::download(&state, &request, find(&state, &app).await?, &version).await
}

/// Tells what differs between two versions. Both archives are read.
#[utoipa::path(
    get,
    path = "/api/v1/apps/{app}/diff",
    tag = "apps",
    params(("app" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)"), DiffQuery),
    responses((status = 200, body = VersionDiff))
)]
pub(crate) async fn diff(
    state: web::Data<State>,
    app: web::Path<String>,
    query: Query<DiffQuery>,
) -> Result<HttpResponse, Failure> {
    diff::answer(&state, find(&state, &app).await?, &query.0).await
}

async fn find(state: &State, text: &str) -> Result<PackageId, Failure> {
    names::app(state, text).await.map(PackageId::App)
}
