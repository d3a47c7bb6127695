//! How a machine becomes a node: a join token for a credential of its own, once.

use actix_web::{HttpResponse, web};
use lp_protocol::NodeId;
use lp_protocol::frames::{JoinRequest, Joined};

use super::super::failure::Failure;
use super::super::input::Json;
use super::super::names;
use super::super::state::State;
use crate::auth::{Kind, Secret};
use crate::store::NewNode;

/// Makes a node. The credential is shown this once.
#[utoipa::path(
    post,
    path = "/node/v1/join",
    tag = "node plane",
    request_body = JoinRequest,
    responses((status = 201, body = Joined))
)]
pub(crate) async fn join(state: web::Data<State>, body: Json<JoinRequest>) -> Result<HttpResponse, Failure> {
    names::check_name("node's name", &body.0.name)?;
    state.engine.epoch()?;
    let (node_id, secret) = (NodeId::random(), Secret::random(Kind::Node));
    let node =
        NewNode { node_id, name: body.0.name, credential_hash: secret.hash(), create_at: state.clock.now() };
    tracing::info!(node.id = %node_id, node.name = node.name, "a node has joined");
    state.store.insert_node(node).await?;
    Ok(HttpResponse::Created().json(Joined { node_id, credential: secret.reveal().to_owned() }))
}
