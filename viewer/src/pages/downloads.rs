//! Whole logs, inputs and outputs as files.
//!
//! Always attachments of a plain type: what a program has written is never a page of ours.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use futures_util::{StreamExt as _, TryStreamExt as _};
use lp_protocol::client::AttemptRef;
use lp_protocol::views::ReadLog;
use serde::Deserialize;

use crate::failure::Failure;
use crate::frame::Signed;

/// Few requests for a long log, and little memory for one of them.
const MAX_PIECE_BYTES: usize = 1 << 20;

#[derive(Deserialize)]
pub(crate) struct AttemptPath {
    pub(super) task: String,
    pub(super) action: String,
    pub(super) attempt: u32,
}

pub(crate) async fn log(
    signed: web::ReqData<Signed>,
    path: web::Path<AttemptPath>,
) -> Result<HttpResponse, Failure> {
    let AttemptPath { task, action, attempt } = path.into_inner();
    let log = signed
        .session
        .client
        .read_log(&task, &action, AttemptRef::Number(attempt), &ReadLog::default())
        .await?;
    let name = format!("{task}.{action}.{attempt}.log");
    Ok(attachment("text/plain; charset=utf-8", &name).streaming(log.bytes.map_err(std::io::Error::other)))
}

#[derive(Deserialize)]
pub(crate) struct Range {
    #[serde(default)]
    offset: u64,
}

/// A piece of the output as it was written, for the script that shows it: from `offset` on, [`MAX_PIECE_BYTES`] at most. Less than that is
/// all there is by now.
pub(crate) async fn piece(
    signed: web::ReqData<Signed>,
    path: web::Path<AttemptPath>,
    range: web::Query<Range>,
) -> Result<HttpResponse, Failure> {
    let AttemptPath { task, action, attempt } = path.into_inner();
    let query = ReadLog { offset: range.offset, ..ReadLog::default() };
    let client = &signed.session.client;
    let mut log = client.read_log(&task, &action, AttemptRef::Number(attempt), &query).await?;
    let mut piece = Vec::new();
    while let Some(chunk) = log.bytes.next().await {
        piece.extend_from_slice(&chunk.map_err(Failure::from)?);
        if piece.len() >= MAX_PIECE_BYTES {
            // the rest is not read: the connection ends here
            piece.truncate(MAX_PIECE_BYTES);
            break;
        }
    }
    Ok(attachment("application/octet-stream", "log").body(piece))
}

pub(crate) async fn input(
    signed: web::ReqData<Signed>,
    task: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let input = signed.session.client.fetch_task_input(&task).await?;
    let name = format!("{task}.input.json");
    Ok(attachment("application/json", &name).body(Box::<str>::from(input).into_string()))
}

pub(crate) async fn output(
    signed: web::ReqData<Signed>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Failure> {
    let (task, action) = path.into_inner();
    let output = signed.session.client.fetch_output(&task, &action).await?;
    let name = format!("{task}.{action}.output.json");
    Ok(attachment("application/json", &name).body(Box::<str>::from(output).into_string()))
}

pub(super) fn attachment(content_type: &'static str, name: &str) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.content_type(content_type).insert_header((
        header::CONTENT_DISPOSITION,
        format!("attachment; filename=\"{}\"", file_name(name)),
    ));
    response
}

/// Names come from manifests and addresses: only what is harmless in a header and on every disk is left.
fn file_name(name: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name: String = name.chars().take(120).map(|c| if harmless(c) { c } else { '_' }).collect();
    name.trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_has_a_harmless_name_whatever_the_action_is_called() {
        for (name, harmless) in [
            ("1.load.1.log", "1.load.1.log"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("a\"\r\nX: y", "a___X__y"),
            ("é漢\u{202e}", "___"),
        ] {
            assert_eq!(file_name(name), harmless);
        }
    }
}
