//! What this manager is and how it is: health, status, metrics, the description of its routes.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use lp_protocol::views::{ClusterStatus, Health, NodeState};

use super::failure::{Failure, chain};
use super::openapi;
use super::state::State;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Tells whether the manager can do its work. Needs no token.
#[utoipa::path(
    get,
    path = "/health",
    tag = "cluster",
    responses((status = 200, description = "It can.", body = Health), (status = 503, description = "It cannot; the reason says why.", body = Health))
)]
pub(crate) async fn health(state: web::Data<State>) -> HttpResponse {
    answer_health(&state).await
}

/// The same as `/health`.
#[utoipa::path(
    get,
    path = "/api/v1/health",
    tag = "cluster",
    responses((status = 200, description = "It can.", body = Health), (status = 503, description = "It cannot; the reason says why.", body = Health))
)]
pub(crate) async fn api_health(state: web::Data<State>) -> HttpResponse {
    answer_health(&state).await
}

async fn answer_health(state: &State) -> HttpResponse {
    let reason = match state.store.ping().await {
        // without the cause: this answer is for everybody
        Err(error) => {
            tracing::warn!(error = chain(&error), "the database does not answer");
            Some("the database does not answer".to_owned())
        }
        Ok(()) => unready(state).await,
    };
    let status = if reason.is_none() { "ok" } else { "unavailable" };
    let health = Health { status: status.to_owned(), version: VERSION.to_owned(), reason };
    match health.reason {
        None => HttpResponse::Ok().json(health),
        Some(_) => HttpResponse::ServiceUnavailable().json(health),
    }
}

/// A stand-by is well as long as somebody leads.
async fn unready(state: &State) -> Option<String> {
    if state.engine.epoch().is_ok() {
        return None;
    }
    match state.store.find_leader().await {
        Ok(Some(_)) => None,
        Ok(None) => Some("no manager leads".to_owned()),
        Err(_) => Some("the database does not answer".to_owned()),
    }
}

/// The whole cluster in a few numbers.
#[utoipa::path(get, path = "/api/v1/status", tag = "cluster", responses((status = 200, body = ClusterStatus)))]
pub(crate) async fn status(state: web::Data<State>) -> Result<HttpResponse, Failure> {
    let overview = state.engine.overview().await?;
    let connected = overview.nodes.iter().filter(|node| node.state == NodeState::Connected);
    let slots = connected.clone().map(|node| u64::from(node.capacity.slots)).sum();
    let slots_in_use = connected.clone().map(|node| u64::from(node.in_use.slots)).sum();
    let nodes_connected = connected.count() as u64;
    let nodes = state.store.list_nodes().await?.len() as u64;
    Ok(HttpResponse::Ok().json(ClusterStatus {
        version: VERSION.to_owned(),
        role: if overview.leading { "leader" } else { "standby" }.to_owned(),
        database: state.store.backend_name().to_owned(),
        start_at: state.start_at,
        tasks_pending: overview.tasks_pending,
        tasks_running: overview.tasks_running,
        actions_queued: overview.actions_queued,
        actions_running: overview.actions_running,
        slots,
        slots_in_use,
        nodes_connected,
        nodes,
    }))
}

/// Everything that is counted, in Prometheus' text format.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "cluster",
    responses((status = 200, description = "Prometheus text.", body = String, content_type = "text/plain; version=0.0.4"))
)]
pub(crate) async fn metrics(state: web::Data<State>) -> HttpResponse {
    // a stand-by still has its own numbers to tell
    let overview = match state.engine.epoch() {
        Ok(_) => state.engine.overview().await.ok(),
        Err(_) => None,
    };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(state.metrics.render(overview.as_ref(), &state.swept))
}

/// This description.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "cluster",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object, content_type = "application/json"))
)]
pub(crate) async fn openapi() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(openapi::text())
}
