//! Segments of finished logs, from the node that ran the attempt.

use actix_web::{HttpResponse, web};
use lp_protocol::{ErrorCode, TaskId};
use serde::{Deserialize, Serialize};

use super::super::attempts;
use super::super::failure::Failure;
use super::super::input::Body;
use super::super::logs::logs_of;
use super::super::state::State;
use super::Caller;
use crate::logs::Piece;

/// Largest segment, 4 MiB: what a repeated request costs, and what is in memory of each.
const MAX_SEGMENT_BYTES: usize = 4 << 20;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Place {
    /// Where in the log the segment begins.
    offset: u64,
    /// The log ends with it.
    #[serde(default)]
    end: bool,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Next {
    /// Where the next segment begins.
    next: u64,
}

/// Stores a segment of a log. A repeated one is answered as the first time; one that leaves a gap is refused with `next`, where to go on.
#[utoipa::path(
    put,
    path = "/node/v1/logs/{task_id}/{action}/{attempt}",
    tag = "node plane",
    params(
        ("task_id" = TaskId, Path, description = "The task"),
        ("action" = String, Path, description = "Name of the action"),
        ("attempt" = u32, Path, description = "Number of the attempt"),
        Place
    ),
    request_body(content = String, content_type = "application/octet-stream", description = "At most 4 MiB."),
    responses((status = 200, body = Next))
)]
pub(crate) async fn log_segment(
    state: web::Data<State>,
    caller: Caller,
    path: web::Path<(TaskId, String, String)>,
    query: super::super::input::Query<Place>,
    mut body: Body,
) -> Result<HttpResponse, Failure> {
    let Place { offset, end } = query.0;
    let (task_id, action, attempt) = path.into_inner();
    let found = attempts::find(&state, &(task_id.to_string(), action, attempt)).await?;
    if found.record.node_id != caller.0 {
        return Err(Failure::new(ErrorCode::Forbidden, format!("attempt {} is not this node's", found.key)));
    }
    let bytes = body.read_all(MAX_SEGMENT_BYTES, 0).await?.freeze();
    if bytes.is_empty() && !end {
        return Err(Failure::invalid("the segment is empty"));
    }
    let piece = Piece { offset, bytes, is_last: end };
    let next = logs_of(&state).append(state.engine.epoch()?, found.record.id, task_id, piece).await?;
    Ok(HttpResponse::Ok().json(Next { next }))
}
