//! Draining nodes and removing them.

use actix_web::{HttpResponse, web};
use lp_protocol::units::duration_from_seconds;
use lp_protocol::views::{DrainNode, NodeView};
use serde::Deserialize;

use super::failure::Failure;
use super::input::{JsonOrNothing, Query};
use super::state::State;
use super::{names, nodes};

/// Gives a node nothing new from now on; what it has not started is taken back. Said again, it changes the deadline.
#[utoipa::path(
    post,
    path = "/api/v1/nodes/{node}/drain",
    tag = "nodes",
    params(("node" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)")),
    request_body = DrainNode,
    responses((status = 200, body = NodeView))
)]
pub(crate) async fn drain(
    state: web::Data<State>,
    node: web::Path<String>,
    body: JsonOrNothing<DrainNode>,
) -> Result<HttpResponse, Failure> {
    let patience = body.0.deadline.map(patience_of).transpose()?;
    let node_id = names::node(&state.store.list_nodes().await?, &node)?.node_id;
    state.engine.drain_node(node_id, patience).await?;
    Ok(HttpResponse::Ok().json(nodes::shown(&state, node_id).await?))
}

/// Ends a drain; nothing changes where there is none.
#[utoipa::path(
    post,
    path = "/api/v1/nodes/{node}/undrain",
    tag = "nodes",
    params(("node" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)")),
    responses((status = 200, body = NodeView))
)]
pub(crate) async fn undrain(
    state: web::Data<State>,
    node: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let node_id = names::node(&state.store.list_nodes().await?, &node)?.node_id;
    state.engine.undrain_node(node_id).await?;
    Ok(HttpResponse::Ok().json(nodes::shown(&state, node_id).await?))
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Removal {
    /// Also a node that works: what it runs is given to others.
    #[serde(default)]
    force: bool,
}

/// Removes a node for good; its credential is worth nothing from then on.
#[utoipa::path(
    delete,
    path = "/api/v1/nodes/{node}",
    tag = "nodes",
    params(("node" = String, Path, description = "Id, exact name, or unique beginning of the id (4 characters or more)"), Removal),
    responses((status = 204, description = "Removed."))
)]
pub(crate) async fn remove(
    state: web::Data<State>,
    node: web::Path<String>,
    query: Query<Removal>,
) -> Result<HttpResponse, Failure> {
    let node_id = names::node(&state.store.list_nodes().await?, &node)?.node_id;
    state.engine.remove_node(node_id, query.0.force).await?;
    state.authenticator.forget_node(node_id);
    tracing::info!(node.id = %node_id, "a node was removed");
    Ok(HttpResponse::NoContent().finish())
}

/// Ten years: beyond that a clock's arithmetic ends before the wait does.
const LONGEST_SECONDS: f64 = 10.0 * 366.0 * 86_400.0;

fn patience_of(seconds: f64) -> Result<std::time::Duration, Failure> {
    duration_from_seconds(seconds).filter(|_| seconds <= LONGEST_SECONDS).ok_or_else(|| {
        Failure::invalid(format!("`deadline` must be seconds from 0 to {LONGEST_SECONDS}, found {seconds}"))
    })
}
