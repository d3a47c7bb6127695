//! Applications.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::AppId;
use lp_protocol::frames::PackageKind;
use lp_protocol::views::{AppView, CreateApp, Page, ShowApp, UpdateApp};

use super::failure::Failure;
use super::input::{Json, Query};
use super::packages::{ListPackages, Purpose, version_of};
use super::state::State;
use super::{download, names};
use crate::auth::Principal;
use crate::store::{NewPackage, PackageUpdate};

/// Lists the applications, newest first.
#[utoipa::path(get, path = "/api/v1/apps", tag = "apps", params(ListPackages), responses((status = 200, body = Page<AppView>)))]
pub(crate) async fn list(
    state: web::Data<State>,
    query: Query<ListPackages>,
) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(state.store.list_apps(&query.0.into()).await?))
}

/// Creates an application of an uploaded package. The whole archive is read; a hostile one or a manifest that breaks a rule is refused.
#[utoipa::path(post, path = "/api/v1/apps", tag = "apps", request_body = CreateApp, responses((status = 201, body = AppView)))]
pub(crate) async fn create(
    state: web::Data<State>,
    caller: web::ReqData<Principal>,
    body: Json<CreateApp>,
) -> Result<HttpResponse, Failure> {
    let CreateApp { name, description, digest, strict } = body.0;
    names::check_package_name(&name)?;
    names::check_description(&description)?;
    let (version, missing) =
        version_of(&state, &digest, description.clone(), *caller, Purpose::App { strict }).await?;
    let new = NewPackage { name, description, version, create_at: state.clock.now() };
    let mut app = state.store.create_app(state.engine.epoch()?, AppId::random(), new).await?;
    app.version.warnings.extend(missing);
    let place = format!("/api/v1/apps/{}", app.app_id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, place)).json(app))
}

/// Shows an application with its plan and its manifest.
#[utoipa::path(
    get,
    path = "/api/v1/apps/{app}",
    tag = "apps",
    params(
        ("app" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)"),
        ShowApp
    ),
    responses((status = 200, body = AppView))
)]
pub(crate) async fn show(
    state: web::Data<State>,
    app: web::Path<String>,
    query: Query<ShowApp>,
) -> Result<HttpResponse, Failure> {
    let mut app = match query.0.plan {
        Some(false) => {
            let app_id = names::app(&state, &app).await?;
            let found = state.store.find_app_head(app_id).await?;
            found.ok_or_else(|| Failure::not_found("app", app_id))?
        }
        Some(true) | None => find(&state, &app).await?,
    };
    // nodes tell the leader
    let leads = state.engine.epoch().is_ok();
    app.nodes = leads.then(|| state.link.holders(PackageKind::App, &app.version.digest));
    Ok(HttpResponse::Ok().json(app))
}

/// Changes name or description, or adds a version, which becomes the active one.
#[utoipa::path(
    patch,
    path = "/api/v1/apps/{app}",
    tag = "apps",
    params(("app" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)")),
    request_body = UpdateApp,
    responses((status = 200, body = AppView))
)]
pub(crate) async fn update(
    state: web::Data<State>,
    app: web::Path<String>,
    caller: web::ReqData<Principal>,
    body: Json<UpdateApp>,
) -> Result<HttpResponse, Failure> {
    let UpdateApp { name, description, digest, strict } = body.0;
    let app_id = names::app(&state, &app).await?;
    name.as_deref().map(names::check_package_name).transpose()?;
    description.as_deref().map(names::check_description).transpose()?;
    let (version, missing) = match digest {
        Some(digest) => {
            let said = description.clone().unwrap_or_default();
            let (version, missing) =
                version_of(&state, &digest, said, *caller, Purpose::App { strict }).await?;
            (Some(version), missing)
        }
        None => (None, Vec::new()),
    };
    let update = PackageUpdate { name, description, version, update_at: state.clock.now() };
    let updated = state.store.update_app(state.engine.epoch()?, app_id, update).await;
    // also after an error: it may have come after the commit
    state.catalogue.forget_app(app_id);
    let mut updated = updated?;
    updated.version.warnings.extend(missing);
    state.engine.app_activated(app_id, updated.version.version_id).await?;
    Ok(HttpResponse::Ok().json(updated))
}

/// Deletes an application. Its finished tasks keep their history.
#[utoipa::path(
    delete,
    path = "/api/v1/apps/{app}",
    tag = "apps",
    params(("app" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)")),
    responses((status = 204, description = "Deleted."))
)]
pub(crate) async fn delete(state: web::Data<State>, app: web::Path<String>) -> Result<HttpResponse, Failure> {
    let app_id = names::app(&state, &app).await?;
    let deleted = state.store.delete_app(state.engine.epoch()?, app_id, state.clock.now()).await;
    state.catalogue.forget_app(app_id);
    deleted?;
    Ok(HttpResponse::NoContent().finish())
}

/// Downloads the active version's archive as it was uploaded.
#[utoipa::path(
    get,
    path = "/api/v1/apps/{app}/package",
    tag = "apps",
    params(("app" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)")),
    responses((status = 200, description = "The archive.", body = String, content_type = "application/octet-stream"))
)]
pub(crate) async fn download(
    state: web::Data<State>,
    request: HttpRequest,
    app: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let app = find(&state, &app).await?;
    let digest = super::blobs::parse_digest(&app.version.digest)?;
    let name = format!("{}.{}", app.name, app.version.format);
    download::package(&state, &request, &digest, &name, "application/octet-stream").await
}

async fn find(state: &State, text: &str) -> Result<AppView, Failure> {
    let app_id = names::app(state, text).await?;
    state.store.find_app(app_id).await?.ok_or_else(|| Failure::not_found("app", text))
}
