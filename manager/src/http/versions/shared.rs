//! What the routes of both kinds do.

use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::views::{VersionInfo, VersionRef, VersionView};

use super::super::failure::Failure;
use super::super::nodes::PageQuery;
use super::super::state::State;
use super::super::{blobs, download};
use crate::store::{Detail, InUse, PackageId};

/// A package and one of its versions, as a path names them.
pub(crate) type VersionPath = web::Path<(String, String)>;

pub(super) fn parse(text: &str) -> Result<VersionRef, Failure> {
    text.parse().map_err(|error: lp_protocol::views::NotAVersion| Failure::invalid(error.to_string()))
}

pub(super) async fn list(
    state: &State,
    package: PackageId,
    query: PageQuery,
) -> Result<HttpResponse, Failure> {
    let PageQuery { cursor, limit } = query;
    let page = state.store.list_versions(package, cursor.as_deref(), limit).await?;
    Ok(HttpResponse::Ok().json(page))
}

pub(super) async fn show(state: &State, package: PackageId, version: &str) -> Result<HttpResponse, Failure> {
    let Detail { name: _, version, open_tasks, program } =
        state.store.load_version(package, parse(version)?).await?;
    let (plan, manifest) = program.unzip();
    Ok(HttpResponse::Ok().json(VersionInfo { version, open_tasks, plan, manifest }))
}

pub(super) async fn activate(
    state: &State,
    package: PackageId,
    version: &str,
) -> Result<HttpResponse, Failure> {
    let version = parse(version)?;
    let epoch = state.engine.epoch()?;
    let activated = state.store.activate_version(epoch, package, version, state.clock.now()).await;
    if let PackageId::App(app_id) = package {
        // also after an error: it may have come after the commit
        state.catalogue.forget_app(app_id);
    }
    let activated = activated?;
    if let PackageId::App(app_id) = package {
        state.engine.app_activated(app_id, activated.version_id).await?;
    }
    Ok(HttpResponse::Ok().json(activated))
}

pub(super) async fn delete(
    state: &State,
    package: PackageId,
    version: &str,
) -> Result<HttpResponse, Failure> {
    let version = parse(version)?;
    state.store.delete_version(state.engine.epoch()?, package, version, state.clock.now()).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn download(
    state: &web::Data<State>,
    request: &HttpRequest,
    package: PackageId,
    version: &str,
) -> Result<HttpResponse, Failure> {
    let Detail { name, version, open_tasks: _, program: _ } =
        state.store.load_version(package, parse(version)?).await?;
    let VersionView { number, digest, format, .. } = &version;
    let file_name = format!("{name}-{number}.{format}");
    let digest = blobs::parse_digest(digest)?;
    download::package(state, request, &digest, &file_name, "application/octet-stream").await
}

/// What can be done so that the version may be deleted.
pub(crate) fn hint_of_use(what: &str, name: &str, reason: &InUse) -> String {
    match reason {
        InUse::Active => {
            format!("Make another one active first: `lp {what} history activate {name} NUMBER`.")
        }
        InUse::Tasks(_) => "Wait until they have finished, or stop them: `lp task list`.".to_owned(),
        InUse::Works(_) => "Wait until they have finished, or stop them: `lp work list`.".to_owned(),
        InUse::Actions(_) => "Wait until they have ended.".to_owned(),
        InUse::Services(_) => {
            "`lp service update` has a service take the active version; `lp service delete` deletes it."
                .to_owned()
        }
        InUse::Apps(_) => "Upload the app without it first: `lp app update`.".to_owned(),
    }
}
