//! What the cluster has been doing lately.

use actix_web::{HttpResponse, web};
use lp_protocol::views::Activity;

use super::failure::Failure;
use super::state::State;

/// The last 24 hours, an hour at a time. Counted as it happens: the answer costs the same whatever was done.
#[utoipa::path(get, path = "/api/v1/activity", tag = "cluster", responses((status = 200, body = Activity)))]
pub(crate) async fn show(state: web::Data<State>) -> Result<HttpResponse, Failure> {
    let hours = state.engine.activity().await?;
    let oldest_waiting = state.store.find_oldest_waiting().await?;
    let skipped = state.store.list_skipped().await?;
    Ok(HttpResponse::Ok().json(Activity { hours, oldest_waiting, skipped }))
}
