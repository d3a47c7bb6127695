//! Workspaces: they stay on their nodes, and everything about them is asked of those.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use lp_protocol::frames::{ManagerFrame, StreamRequest};
use lp_protocol::plan::{Ordinal, Plan};
use lp_protocol::views::{Page, WorkspaceListing, WorkspaceView};
use lp_protocol::{AttemptKey, ErrorCode, Exit, NodeId, Stage};
use serde::Deserialize;

use super::attempts::{self, AttemptPath, Found};
use super::download::{as_attachment, stream_of};
use super::failure::Failure;
use super::input::Query;
use super::names;
use super::nodes::PageQuery;
use super::state::State;
use super::tasks::ordinals;
use crate::core::record::{AttemptRecord, TaskRecord};
use crate::link::{Incoming, NoStream};

/// Largest listing taken from a node: 10,000 files with paths of some hundred bytes.
const MAX_LISTING_BYTES: usize = 16 << 20;

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
    let task = find(&state, &task).await?;
    let names: BTreeMap<NodeId, String> =
        state.store.list_nodes().await?.into_iter().map(|node| (node.node_id, node.name)).collect();
    let views = workspaces_of(&task).into_iter().map(|(node_id, key)| WorkspaceView {
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

/// Deletes the workspaces of a finished task on their nodes.
#[utoipa::path(
    delete,
    path = "/api/v1/tasks/{task}/workspaces",
    tag = "workspaces",
    params(("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`")),
    responses((status = 204, description = "The nodes were told."))
)]
pub(crate) async fn delete(
    state: web::Data<State>,
    task: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let task = find(&state, &task).await?;
    if task.record.stage != Stage::Finished {
        let message =
            format!("task `{}` is {}; its workspaces are in use", task.record.task_id, task.record.stage);
        return Err(Failure::new(ErrorCode::Conflict, message).hint("Stop it first, or wait for its end."));
    }
    let mut by_node: BTreeMap<NodeId, Vec<AttemptKey>> = BTreeMap::new();
    for (node_id, key) in workspaces_of(&task) {
        by_node.entry(node_id).or_default().push(key);
    }
    let mut away = BTreeSet::new();
    for (node_id, attempts) in by_node {
        if !state.link.send(node_id, ManagerFrame::DeleteWorkspaces { attempts }) {
            away.insert(node_id.short());
        }
    }
    if away.is_empty() {
        return Ok(HttpResponse::NoContent().finish());
    }
    let away: Vec<String> = away.into_iter().collect();
    let message = format!("some workspaces are on nodes that cannot be reached: {}", away.join(", "));
    Err(Failure::new(ErrorCode::NodeUnreachable, message)
        .hint("The others are deleted; try again when these nodes are back."))
}

/// Lists the files of a workspace.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{task}/actions/{action}/attempts/{attempt}/workspace",
    tag = "workspaces",
    params(
        ("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`"),
        ("action" = String, Path, description = "Name of the action"),
        ("attempt" = String, Path, description = "Number of the attempt, or `latest`")
    ),
    responses((status = 200, body = WorkspaceListing))
)]
pub(crate) async fn show(state: web::Data<State>, path: AttemptPath) -> Result<HttpResponse, Failure> {
    let found = attempts::find(&state, &path).await?;
    let incoming = ask(&state, &found, StreamRequest::WorkspaceFiles { attempt: found.key.clone() }).await?;
    let broken = |what: &str| {
        Failure::new(ErrorCode::NodeUnreachable, format!("the node's list of files cannot be read: {what}"))
    };
    let bytes = incoming.read_all(MAX_LISTING_BYTES).await.map_err(|cut| broken(&cut.to_string()))?;
    let bytes = bytes.ok_or_else(|| broken("it is too long"))?;
    // read and written anew: what a node sends is not passed on unseen as ours
    let listing: WorkspaceListing =
        serde_json::from_slice(&bytes).map_err(|error| broken(&error.to_string()))?;
    Ok(HttpResponse::Ok().json(listing))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FilePath {
    /// Relative to the workspace, `/` between the parts.
    path: String,
}

/// Downloads one file of a workspace as it is.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{task}/actions/{action}/attempts/{attempt}/workspace/file",
    tag = "workspaces",
    params(
        ("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`"),
        ("action" = String, Path, description = "Name of the action"),
        ("attempt" = String, Path, description = "Number of the attempt, or `latest`"),
        FilePath
    ),
    responses((status = 200, description = "The file.", body = String, content_type = "application/octet-stream"))
)]
pub(crate) async fn download_file(
    state: web::Data<State>,
    path: AttemptPath,
    query: Query<FilePath>,
) -> Result<HttpResponse, Failure> {
    let file = query.0.path;
    check_file_path(&file)?;
    let found = attempts::find(&state, &path).await?;
    let name = file.rsplit('/').next().unwrap_or("file").to_owned();
    let incoming =
        ask(&state, &found, StreamRequest::WorkspaceFile { attempt: found.key.clone(), path: file }).await?;
    Ok(send(incoming, &name, "application/octet-stream"))
}

/// Downloads a whole workspace as tar.gz.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{task}/actions/{action}/attempts/{attempt}/workspace/archive",
    tag = "workspaces",
    params(
        ("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`"),
        ("action" = String, Path, description = "Name of the action"),
        ("attempt" = String, Path, description = "Number of the attempt, or `latest`")
    ),
    responses((status = 200, description = "A tar.gz.", body = String, content_type = "application/gzip"))
)]
pub(crate) async fn download(state: web::Data<State>, path: AttemptPath) -> Result<HttpResponse, Failure> {
    let found = attempts::find(&state, &path).await?;
    let name = format!("{}.{}.tar.gz", found.key.task_id, found.key.action);
    let incoming = ask(&state, &found, StreamRequest::Workspace { attempt: found.key.clone() }).await?;
    Ok(send(incoming, &name, "application/gzip"))
}

/// A task with its attempts, and nothing of what they left.
struct Task {
    record: TaskRecord,
    plan: Arc<Plan>,
    attempts: Vec<AttemptRecord>,
}

async fn find(state: &State, text: &str) -> Result<Task, Failure> {
    let task_id = names::task(state, text).await?;
    let record = state.store.find_record(task_id).await?.ok_or_else(|| Failure::not_found("task", text))?;
    let plan = state.catalogue.load_plan(&state.store, record.version_id).await?;
    let attempts = state.store.list_attempts(record.seq).await?;
    Ok(Task { record, plan, attempts })
}

/// The attempts that have a workspace, with their nodes.
fn workspaces_of(task: &Task) -> Vec<(NodeId, AttemptKey)> {
    let names = names_of(&task.plan);
    let mut found = Vec::new();
    for attempt in &task.attempts {
        let never_began = matches!(attempt.exit, Some(Exit::Returned)) || (attempt.stage == Stage::Pending);
        let Some(action) = names.get(&attempt.id.action).filter(|_| !never_began) else { continue };
        let key = AttemptKey {
            task_id: task.record.task_id,
            action: (*action).to_owned(),
            attempt: attempt.id.number,
        };
        found.push((attempt.node_id, key));
    }
    found
}

fn names_of(plan: &Plan) -> BTreeMap<Ordinal, &str> {
    ordinals(plan).into_iter().map(|(name, ordinal)| (ordinal, name)).collect()
}

async fn ask(state: &State, found: &Found, what: StreamRequest) -> Result<Incoming, Failure> {
    state.link.open_stream(found.record.node_id, what).await.map_err(|error| match error {
        NoStream::Refused(error) => error.into(),
        NoStream::NotConnected | NoStream::NoAnswer => {
            let message = format!(
                "the workspace is on node {}, which cannot be reached: {error}",
                found.record.node_id
            );
            Failure::new(ErrorCode::NodeUnreachable, message)
                .hint("It can be read when the node is back: `lp node list`.")
        }
    })
}

fn send(incoming: Incoming, file_name: &str, media_type: &str) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    as_attachment(&mut answer, file_name, media_type);
    if let Some(size_bytes) = incoming.size_bytes {
        answer.no_chunking(size_bytes);
    }
    answer.streaming(Box::pin(stream_of(incoming, |mut incoming| async move {
        Ok(incoming.next().await?.map(|bytes| (bytes, incoming)))
    })))
}

/// The node judges the path on its disk; what is plainly no path inside of anything does not even get there.
fn check_file_path(path: &str) -> Result<(), Failure> {
    let plain = path.len() <= 4096
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if plain { Ok(()) } else { Err(Failure::invalid("`path` must lead to a file inside of the workspace")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_inside_are_passed_to_a_node() {
        for path in ["a", "a/b c/d.txt", "..a/b..", "größe"] {
            assert!(check_file_path(path).is_ok(), "{path}");
        }
        for path in
            ["", "/etc/passwd", "..", "a/../../b", "a//b", "./a", "a/", "a\0b", "a\nb", &"a/".repeat(3000)]
        {
            assert!(check_file_path(path).is_err(), "{path}");
        }
    }
}
