//! Logs, from any byte, during and after the run.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use lp_protocol::ErrorCode;
use lp_protocol::frames::OFFSET_HEADER;
use lp_protocol::views::{LogTimes, ReadLog};

use super::attempts::{self, AttemptPath, Found};
use super::download::stream_of;
use super::failure::Failure;
use super::input::Query;
use super::state::State;
use crate::logs::{Error, Logs, Reader, Wanted};

/// Sends an attempt's output as it is. With `follow` the answer goes on until the attempt has ended. A connection that is closed without the mark
/// of a complete answer means that the log goes on: ask again from the byte you have.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{task}/actions/{action}/attempts/{attempt}/log",
    tag = "logs",
    params(
        ("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`"),
        ("action" = String, Path, description = "Name of the action"),
        ("attempt" = String, Path, description = "Number of the attempt, or `latest`"),
        ReadLog
    ),
    responses((
        status = 200,
        description = "The bytes.",
        body = String,
        content_type = "text/plain; charset=utf-8",
        headers(("x-attempt" = u32, description = "Number of the attempt"), ("x-offset" = u64, description = "Where in the log the first byte stands"))
    ))
)]
pub(crate) async fn read(
    state: web::Data<State>,
    path: AttemptPath,
    query: Query<ReadLog>,
) -> Result<HttpResponse, Failure> {
    let ReadLog { offset, tail_bytes, follow } = query.0;
    let Found { record, key } = attempts::find(&state, &path).await?;
    let attempt = key.attempt;
    let reader = logs_of(&state).open(Wanted { id: record.id, key, offset, tail_bytes, follow }).await?;
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header(("x-attempt", attempt.to_string()))
        .insert_header((OFFSET_HEADER, reader.position().to_string()));
    let shutdown = state.shutdown.clone();
    Ok(answer.streaming(Box::pin(stream_of((reader, shutdown), |(mut reader, shutdown)| async move {
        let bytes = tokio::select! {
            bytes = next(&mut reader) => bytes?,
            () = shutdown.cancelled() => return Err("the manager is stopping".into()),
        };
        Ok(bytes.map(|bytes| (bytes, (reader, shutdown))))
    }))))
}

/// Tells when an attempt's output was written, as far as that is known: how long it was at which moments. For one that runs its node is asked.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{task}/actions/{action}/attempts/{attempt}/log/times",
    tag = "logs",
    params(
        ("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`"),
        ("action" = String, Path, description = "Name of the action"),
        ("attempt" = String, Path, description = "Number of the attempt, or `latest`")
    ),
    responses((status = 200, body = LogTimes))
)]
pub(crate) async fn times(state: web::Data<State>, path: AttemptPath) -> Result<HttpResponse, Failure> {
    let Found { record, key } = attempts::find(&state, &path).await?;
    Ok(HttpResponse::Ok().json(logs_of(&state).load_times(record.id, &key).await?))
}

pub(crate) fn logs_of(state: &State) -> Logs {
    Logs { store: state.store.clone(), blobs: state.blobs.clone(), link: state.link.clone() }
}

async fn next(reader: &mut Reader) -> Result<Option<bytes::Bytes>, super::download::BodyError> {
    let outcome = reader.next().await;
    if let Err(error) = &outcome {
        tracing::debug!(error = %error, offset = reader.position(), "a log could not be read to its end");
    }
    Ok(outcome?)
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(error) => error.into(),
            Error::Blobs(error) => error.into(),
            Error::Refused(error) => error.into(),
            Error::NoSuchAttempt(key) => Failure::not_found("attempt", key),
            Error::Unreachable { .. } => Failure::new(ErrorCode::NodeUnreachable, error.to_string())
                .hint("It can be read when the node is back: `lp node list`."),
            Error::LostSegment(_) => Failure::internal(&error),
        }
    }
}
