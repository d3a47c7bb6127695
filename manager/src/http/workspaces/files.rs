//! What is in a workspace: its node lists it, sends a file of it, or packs it.

use actix_web::{HttpResponse, web};
use lp_protocol::ErrorCode;
use lp_protocol::frames::StreamRequest;
use lp_protocol::views::WorkspaceListing;
use serde::Deserialize;

use super::super::attempts::{self, AttemptPath, Found};
use super::super::download::{as_attachment, stream_of};
use super::super::failure::Failure;
use super::super::input::Query;
use super::super::state::State;
use crate::link::{Incoming, NoStream};

/// Largest listing taken from a node: 10,000 files with paths of some hundred bytes.
const MAX_LISTING_BYTES: usize = 16 << 20;

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
