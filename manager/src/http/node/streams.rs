//! A node sends what somebody asked for.

use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::ErrorCode;
use lp_protocol::frames::OFFSET_HEADER;

use super::super::failure::Failure;
use super::super::input::Body;
use super::super::state::State;
use super::Caller;
use crate::link::Unwanted;

/// A followed log may be silent for as long as its program is; a node that is gone is noticed by its link, which ends its streams.
const SILENCE: Duration = Duration::from_secs(366 * 24 * 3600);

/// Takes the bytes of a stream that the manager asked for, until they end or nobody wants them any more.
#[utoipa::path(
    post,
    path = "/node/v1/streams/{stream_id}",
    tag = "node plane",
    params(("stream_id" = u64, Path, description = "As the manager gave it")),
    request_body(content = String, content_type = "application/octet-stream", description = "The bytes."),
    responses((status = 204, description = "All were taken."), (status = 410, description = "Nobody wants them."))
)]
pub(crate) async fn stream(
    state: web::Data<State>,
    caller: Caller,
    request: HttpRequest,
    stream_id: web::Path<String>,
    mut body: Body,
) -> Result<HttpResponse, Failure> {
    let stream_id = stream_id.parse().map_err(|_| Failure::not_found("stream", &*stream_id))?;
    let number =
        |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let (offset, size_bytes) = (number(OFFSET_HEADER), number(header::CONTENT_LENGTH.as_str()));
    let sink = state.link.accept_stream(caller.0, stream_id, offset, size_bytes).map_err(gone)?;
    loop {
        let next = tokio::select! {
            next = body.next(SILENCE) => next?,
            () = sink.unwanted() => return Err(gone(Unwanted)),
        };
        match next {
            Some(bytes) => sink.send(bytes).await.map_err(gone)?,
            None => break,
        }
    }
    sink.finish().await;
    Ok(HttpResponse::NoContent().finish())
}

fn gone(unwanted: Unwanted) -> Failure {
    Failure::new(ErrorCode::Gone, unwanted.to_string())
}
