//! Venvs: environment packages.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::VenvId;
use lp_protocol::frames::PackageKind;
use lp_protocol::views::{CreateVenv, HolderView, Page, UpdateVenv, VenvView};

use super::failure::Failure;
use super::input::{Json, Query};
use super::packages::{ListPackages, Purpose, version_of};
use super::state::State;
use super::{download, names};
use crate::auth::Principal;
use crate::store::{NewPackage, PackageUpdate};

/// Lists the venvs, newest first.
#[utoipa::path(get, path = "/api/v1/venvs", tag = "venvs", params(ListPackages), responses((status = 200, body = Page<VenvView>)))]
pub(crate) async fn list(
    state: web::Data<State>,
    query: Query<ListPackages>,
) -> Result<HttpResponse, Failure> {
    let mut page = state.store.list_venvs(&query.0.into()).await?;
    state.store.load_venv_users(&mut page.items).await?;
    for venv in &mut page.items {
        venv.nodes = holders(&state, &venv.version.digest);
    }
    Ok(HttpResponse::Ok().json(page))
}

/// Creates a venv of an uploaded package. The whole archive is read; a hostile one is refused.
#[utoipa::path(post, path = "/api/v1/venvs", tag = "venvs", request_body = CreateVenv, responses((status = 201, body = VenvView)))]
pub(crate) async fn create(
    state: web::Data<State>,
    caller: web::ReqData<Principal>,
    body: Json<CreateVenv>,
) -> Result<HttpResponse, Failure> {
    let CreateVenv { name, description, digest } = body.0;
    names::check_package_name(&name)?;
    names::check_description(&description)?;
    let (version, _) = version_of(&state, &digest, description.clone(), *caller, Purpose::Venv).await?;
    let new = NewPackage { name, description, version, create_at: state.clock.now() };
    let venv = state.store.create_venv(state.engine.epoch()?, VenvId::random(), new).await?;
    let place = format!("/api/v1/venvs/{}", venv.venv_id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, place)).json(venv))
}

/// Shows a venv with who uses it and which nodes hold it.
#[utoipa::path(
    get,
    path = "/api/v1/venvs/{venv}",
    tag = "venvs",
    params(("venv" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)")),
    responses((status = 200, body = VenvView))
)]
pub(crate) async fn show(state: web::Data<State>, venv: web::Path<String>) -> Result<HttpResponse, Failure> {
    let mut venv = [find(&state, &venv).await?];
    state.store.load_venv_users(&mut venv).await?;
    let [mut venv] = venv;
    venv.users.tasks = state.store.list_venv_tasks(&venv).await?;
    venv.nodes = holders(&state, &venv.version.digest);
    Ok(HttpResponse::Ok().json(venv))
}

/// Changes name or description, or adds a version, which becomes the active one.
#[utoipa::path(
    patch,
    path = "/api/v1/venvs/{venv}",
    tag = "venvs",
    params(("venv" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)")),
    request_body = UpdateVenv,
    responses((status = 200, body = VenvView))
)]
pub(crate) async fn update(
    state: web::Data<State>,
    venv: web::Path<String>,
    caller: web::ReqData<Principal>,
    body: Json<UpdateVenv>,
) -> Result<HttpResponse, Failure> {
    let UpdateVenv { name, description, digest } = body.0;
    let venv_id = names::venv(&state, &venv).await?;
    name.as_deref().map(names::check_package_name).transpose()?;
    description.as_deref().map(names::check_description).transpose()?;
    let version = match digest {
        Some(digest) => {
            let said = description.clone().unwrap_or_default();
            Some(version_of(&state, &digest, said, *caller, Purpose::Venv).await?.0)
        }
        None => None,
    };
    let update = PackageUpdate { name, description, version, update_at: state.clock.now() };
    Ok(HttpResponse::Ok().json(state.store.update_venv(state.engine.epoch()?, venv_id, update).await?))
}

/// Deletes a venv that no open task refers to.
#[utoipa::path(
    delete,
    path = "/api/v1/venvs/{venv}",
    tag = "venvs",
    params(("venv" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)")),
    responses((status = 204, description = "Deleted."))
)]
pub(crate) async fn delete(
    state: web::Data<State>,
    venv: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let venv_id = names::venv(&state, &venv).await?;
    state.store.delete_venv(state.engine.epoch()?, venv_id, state.clock.now()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Downloads the active version's archive as it was uploaded.
#[utoipa::path(
    get,
    path = "/api/v1/venvs/{venv}/package",
    tag = "venvs",
    params(("venv" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)")),
    responses((status = 200, description = "The archive.", body = String, content_type = "application/octet-stream"))
)]
pub(crate) async fn download(
    state: web::Data<State>,
    request: HttpRequest,
    venv: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let venv = find(&state, &venv).await?;
    let digest = super::blobs::parse_digest(&venv.version.digest)?;
    let name = format!("{}.{}", venv.name, venv.version.format);
    download::package(&state, &request, &digest, &name, "application/octet-stream").await
}

/// None where this manager does not lead: nodes tell the leader.
fn holders(state: &State, digest: &str) -> Option<Vec<HolderView>> {
    state.engine.epoch().is_ok().then(|| state.link.holders(PackageKind::Venv, digest))
}

async fn find(state: &State, text: &str) -> Result<VenvView, Failure> {
    let venv_id = names::venv(state, text).await?;
    state.store.find_venv(venv_id).await?.ok_or_else(|| Failure::not_found("venv", text))
}
