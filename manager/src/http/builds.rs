//! Environments that are built from locks.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use lp_protocol::frames::StreamRequest;
use lp_protocol::views::{BuildView, ListBuilds, Page};

use super::failure::Failure;
use super::input::Query;
use super::state::State;
use crate::core::build::record::BuildState;
use crate::store::BuildList;

/// The words of the filter.
const STATES: [&str; 4] = ["building", "later", "failed", "ready"];

/// Lists builds of environments, newest first.
#[utoipa::path(get, path = "/api/v1/builds", tag = "builds", params(ListBuilds), responses((status = 200, body = Page<BuildView>)))]
pub(crate) async fn list(state: web::Data<State>, query: Query<ListBuilds>) -> Result<HttpResponse, Failure> {
    let ListBuilds { state: wanted, cursor, limit } = query.0;
    if let Some(word) = wanted.as_deref().filter(|word| !STATES.contains(word)) {
        return Err(Failure::invalid(format!(
            "`{word}` is no state of a build: building, later, failed or ready"
        )));
    }
    let page = state.store.list_builds(&BuildList { state: wanted, cursor, limit }).await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Shows a build.
#[utoipa::path(
    get,
    path = "/api/v1/builds/{key}",
    tag = "builds",
    params(("key" = String, Path, description = "Key, or a unique beginning of it (4 characters or more)")),
    responses((status = 200, body = BuildView))
)]
pub(crate) async fn show(state: web::Data<State>, key: web::Path<String>) -> Result<HttpResponse, Failure> {
    let (_, view) = state.store.find_build(&key).await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Sends what the tools of a build have said: of the one under way as far as it is, else the end of the last one.
#[utoipa::path(
    get,
    path = "/api/v1/builds/{key}/log",
    tag = "builds",
    params(("key" = String, Path, description = "Key, or a unique beginning of it (4 characters or more)")),
    responses((status = 200, description = "The text.", body = String, content_type = "text/plain; charset=utf-8"))
)]
pub(crate) async fn log(state: web::Data<State>, key: web::Path<String>) -> Result<HttpResponse, Failure> {
    let (record, _) = state.store.find_build(&key).await?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"));
    if let BuildState::Building { node_id, .. } = record.state {
        let what = StreamRequest::BuildLog { key: record.key.clone() };
        // one that has ended in this moment, or has not begun to speak, is told from what is stored
        if let Ok(incoming) = state.link.open_stream(node_id, what).await
            && let Ok(Some(bytes)) = incoming.read_all(lp_protocol::env::MAX_BUILD_LOG_BYTES).await
        {
            return Ok(answer.body(bytes));
        }
    }
    let log = state.store.load_build_log(&record.key).await?;
    Ok(answer.body(log.map(|log| log.text).unwrap_or_default()))
}

/// Gives a build that has failed another chance, at once where a node waits for it.
#[utoipa::path(
    post,
    path = "/api/v1/builds/{key}/retry",
    tag = "builds",
    params(("key" = String, Path, description = "Key, or a unique beginning of it (4 characters or more)")),
    responses((status = 200, body = BuildView))
)]
pub(crate) async fn retry(state: web::Data<State>, key: web::Path<String>) -> Result<HttpResponse, Failure> {
    let (record, _) = state.store.find_build(&key).await?;
    let key = record.key.clone();
    state.engine.retry_build(record).await?;
    let (_, view) = state.store.find_build(&key).await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Forgets a build: who needs it next builds it anew. Its pack goes when nothing else refers to it; nodes keep what they have unpacked.
#[utoipa::path(
    delete,
    path = "/api/v1/builds/{key}",
    tag = "builds",
    params(("key" = String, Path, description = "Key, or a unique beginning of it (4 characters or more)")),
    responses((status = 204, description = "Forgotten."))
)]
pub(crate) async fn delete(state: web::Data<State>, key: web::Path<String>) -> Result<HttpResponse, Failure> {
    let (record, _) = state.store.find_build(&key).await?;
    state.engine.delete_build(record).await?;
    Ok(HttpResponse::NoContent().finish())
}
