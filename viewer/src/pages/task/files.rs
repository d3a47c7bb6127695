//! The workspace of an attempt: its files as a list, one of them open as text, each and all of them to be downloaded.
//!
//! What a program has written is shown as text and never as anything else; what is no text is offered as a download.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use askama::Template;
use askama::filters::HtmlSafe;
use futures_util::{StreamExt as _, TryStreamExt as _};
use lp_protocol::client::AttemptRef;
use lp_protocol::views::{ActionView, AttemptView, TaskInfo, WorkspaceFile};
use serde::Deserialize;

use super::Address;
use crate::auth::Session;
use crate::failure::Failure;
use crate::frame::Signed;
use crate::pages::downloads::{AttemptPath, attachment};
use crate::parts::{Json, LogText, Moment, bytes, json, url_part, visible};

/// A node that does not answer must not keep the page from showing what the manager knows.
const PATIENCE: Duration = Duration::from_secs(6);

/// Rows of one listing.
const MAX_FILES: usize = 1000;

/// Of one file on a page; all of it is a download away.
const MAX_SHOWN_BYTES: usize = 256 << 10;

const NOT_STARTED: &str = "It has not started yet, so there is no workspace.";

#[derive(Template)]
#[template(path = "parts/task_files.html")]
pub(super) struct Files {
    rows: Vec<Row>,
    /// There are more than are listed.
    is_cut: bool,
    archive_url: String,
    open: Option<Open>,
    /// Why there is nothing to see.
    message: Option<String>,
}

impl HtmlSafe for Files {}

struct Row {
    name: String,
    /// How deep it lies.
    depth: usize,
    is_directory: bool,
    kind: &'static str,
    size: String,
    modified: Option<Moment>,
    /// To see and to download it.
    urls: Option<(String, String)>,
    is_open: bool,
}

struct Open {
    name: String,
    download: String,
    content: Content,
}

/// A file as a page can show it.
enum Content {
    Text { text: String, is_cut: bool },
    Json(Json),
    NoText,
    Missing(String),
}

impl Files {
    fn nothing(message: impl Into<String>) -> Self {
        let message = Some(message.into());
        Self { rows: Vec::new(), is_cut: false, archive_url: String::new(), open: None, message }
    }

    pub(super) async fn fetch(
        session: &Session,
        info: &TaskInfo,
        action: &ActionView,
        attempt: Option<&AttemptView>,
        address: &Address,
    ) -> Self {
        let Some(attempt) = attempt else { return Self::nothing(NOT_STARTED) };
        let task = info.task.task_id.to_string();
        let number = AttemptRef::Number(attempt.attempt);
        let listing = session.client.list_workspace_files(&task, &action.name, number);
        let listing = match tokio::time::timeout(PATIENCE, listing).await {
            Ok(Ok(listing)) => listing,
            Ok(Err(error)) => return Self::nothing(Failure::from(error).line()),
            Err(_) => return Self::nothing(away(attempt)),
        };
        let base = base(&task, &action.name, attempt.attempt);
        let mut files = listing.files;
        files.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
        let is_cut = listing.truncated || files.len() > MAX_FILES;
        let here =
            Address { action: action.name.clone(), attempt: attempt.attempt.to_string(), ..address.clone() };
        let open = match address.file.as_str() {
            "" => None,
            path => Some(Open {
                name: visible(path),
                download: format!("{base}/workspace/file?path={}", url_part(path)),
                content: Content::fetch(session, &task, &action.name, number, path).await,
            }),
        };
        Self {
            rows: files.into_iter().take(MAX_FILES).map(|file| Row::new(&file, &base, &here)).collect(),
            is_cut,
            archive_url: format!("{base}/workspace.tar.gz"),
            open,
            message: None,
        }
    }
}

fn away(attempt: &AttemptView) -> String {
    format!(
        "Node {} has not answered. The workspace stays where it is; reload to try again.",
        visible(&attempt.node_name)
    )
}

fn base(task: &str, action: &str, attempt: u32) -> String {
    format!("/tasks/{task}/actions/{}/attempts/{attempt}", url_part(action))
}

impl Row {
    fn new(file: &WorkspaceFile, base: &str, here: &Address) -> Self {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        let is_file = file.kind == "file";
        let kind = match file.kind.as_str() {
            "file" => "file",
            "dir" => "directory",
            "symlink" => "link",
            _ => "something else",
        };
        Self {
            name: visible(name),
            depth: file.path.matches('/').count().min(12),
            is_directory: file.kind == "dir",
            kind,
            size: if is_file { bytes(file.size_bytes) } else { String::new() },
            modified: file.modify_at.map(|at| Moment::new(at, chrono::Utc::now())),
            urls: is_file.then(|| {
                let download = format!("{base}/workspace/file?path={}", url_part(&file.path));
                (here.on_file(&file.path), download)
            }),
            is_open: here.file == file.path,
        }
    }
}

impl Content {
    async fn fetch(session: &Session, task: &str, action: &str, attempt: AttemptRef, path: &str) -> Self {
        let reading = Self::read(session, task, action, attempt, path);
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Ok((bytes, is_cut))) => Self::new(&bytes, is_cut, path),
            Ok(Err(failure)) => Content::Missing(failure.line()),
            Err(_) => Content::Missing("The node has not answered; reload to try again.".to_owned()),
        }
    }

    async fn read(
        session: &Session,
        task: &str,
        action: &str,
        attempt: AttemptRef,
        path: &str,
    ) -> Result<(Vec<u8>, bool), Failure> {
        let mut file = session.client.download_workspace_file(task, action, attempt, path).await?;
        let mut content = Vec::new();
        while let Some(chunk) = file.bytes.next().await {
            content.extend_from_slice(&chunk?);
            if content.len() > MAX_SHOWN_BYTES {
                content.truncate(MAX_SHOWN_BYTES);
                return Ok((content, true));
            }
        }
        Ok((content, false))
    }

    fn new(content: &[u8], is_cut: bool, path: &str) -> Self {
        if content.contains(&0) {
            return Content::NoText;
        }
        let is_json = path.ends_with(".json") || matches!(path, "input.data" | "output.data");
        if is_json
            && !is_cut
            && let Ok(text) = std::str::from_utf8(content)
            && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
        {
            return Content::Json(json(text));
        }
        Content::Text { text: LogText::default().feed(content), is_cut }
    }
}

/// What an action was given: its `input.data`, as it lies in its workspace.
#[derive(Template)]
#[template(path = "parts/task_input.html")]
pub(super) struct Input {
    content: Content,
    download: Option<String>,
}

impl HtmlSafe for Input {}

impl Input {
    pub(super) async fn fetch(
        session: &Session,
        info: &TaskInfo,
        action: &ActionView,
        attempt: Option<&AttemptView>,
    ) -> Self {
        let Some(attempt) = attempt else {
            let message = "It has not started yet. It will get the task's input and the outputs of the actions it waits for.";
            return Self { content: Content::Missing(message.to_owned()), download: None };
        };
        let task = info.task.task_id.to_string();
        let number = AttemptRef::Number(attempt.attempt);
        let content = Content::fetch(session, &task, &action.name, number, "input.data").await;
        let base = base(&task, &action.name, attempt.attempt);
        Self { content, download: Some(format!("{base}/workspace/file?path=input.data")) }
    }
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    path: String,
}

/// One file, as an attachment whatever it is.
pub(crate) async fn download(
    signed: web::ReqData<Signed>,
    path: web::Path<AttemptPath>,
    wanted: web::Query<Wanted>,
) -> Result<HttpResponse, Failure> {
    let AttemptPath { task, action, attempt } = path.into_inner();
    let file = &wanted.path;
    let client = &signed.session.client;
    let download = client.download_workspace_file(&task, &action, AttemptRef::Number(attempt), file).await?;
    let name = file.rsplit('/').next().unwrap_or(file);
    let body = download.bytes.map_err(std::io::Error::other);
    Ok(attachment("application/octet-stream", name).streaming(body))
}

/// All of them.
pub(crate) async fn archive(
    signed: web::ReqData<Signed>,
    path: web::Path<AttemptPath>,
) -> Result<HttpResponse, Failure> {
    let AttemptPath { task, action, attempt } = path.into_inner();
    let client = &signed.session.client;
    let download = client.download_workspace(&task, &action, AttemptRef::Number(attempt)).await?;
    let name = format!("{task}.{action}.{attempt}.workspace.tar.gz");
    Ok(attachment("application/gzip", &name).streaming(download.bytes.map_err(std::io::Error::other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_shown_as_what_it_is() {
        assert!(matches!(Content::new(b"{\"a\": 1}", false, "x.json"), Content::Json(_)));
        assert!(matches!(Content::new(b"{\"a\": 1", false, "x.json"), Content::Text { .. }));
        assert!(matches!(Content::new(b"a\0b", false, "x.txt"), Content::NoText));
        assert!(matches!(Content::new(b"<b>\x1b[31m", true, "x.html"), Content::Text { is_cut: true, .. }));
    }
}
