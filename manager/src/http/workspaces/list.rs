//! Which workspaces a task has, and their end.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use lp_protocol::views::{Page, WorkspaceView};
use lp_protocol::{ErrorCode, NodeId, Stage};

use super::super::failure::Failure;
use super::super::input::Query;
use super::super::nodes::PageQuery;
use super::super::state::State;
use super::kept::Kept;
use crate::core::record::Unwanted;

/// Lists the workspaces of a task's attempts, first attempt first.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{task}/workspaces",
    tag = "workspaces",
    params(("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`"), PageQuery),
    responses((status = 200, body = Page<WorkspaceView>))
)]
pub(crate) async fn list(
    state: web::Data<State>,
    task: web::Path<String>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Failure> {
    let kept = Kept::find(&state, &task).await?;
    let names: BTreeMap<NodeId, String> =
        state.store.list_nodes().await?.into_iter().map(|node| (node.node_id, node.name)).collect();
    let views = kept.workspaces.into_iter().map(|Unwanted { node_id, id: _, key }| WorkspaceView {
        task_id: key.task_id,
        action: key.action,
        attempt: key.attempt,
        node_id,
        node_name: names.get(&node_id).cloned().unwrap_or_default(),
        reachable: state.link.is_connected(node_id),
    });
    let page =
        query.0.cut(views.collect(), |view: &WorkspaceView| format!("{}/{}", view.attempt, view.action))?;
    Ok(HttpResponse::Ok().json(page))
}

/// Deletes the workspaces of a finished task on their nodes; on a node that is away, when it is back.
#[utoipa::path(
    delete,
    path = "/api/v1/tasks/{task}/workspaces",
    tag = "workspaces",
    params(("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`")),
    responses((status = 204, description = "It is noted, and the nodes that are connected are told."))
)]
pub(crate) async fn delete(
    state: web::Data<State>,
    task: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let kept = Kept::find(&state, &task).await?;
    if kept.record.stage != Stage::Finished {
        let (task_id, stage) = (kept.record.task_id, kept.record.stage);
        let message = format!("task `{task_id}` is {stage}; its workspaces are in use");
        return Err(Failure::new(ErrorCode::Conflict, message).hint("Stop it first, or wait for its end."));
    }
    state.engine.give_up_workspaces(kept.workspaces.clone()).await?;
    kept.tell(&state.link);
    Ok(HttpResponse::NoContent().finish())
}
