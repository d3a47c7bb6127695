//! Stopping, running again, deleting.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use lp_protocol::TaskId;
use lp_protocol::units::duration_from_seconds;
use lp_protocol::views::{StopTask, TaskView};

use super::super::failure::Failure;
use super::super::input::JsonOrNothing;
use super::super::names;
use super::super::state::State;
use super::super::workspaces::Kept;
use crate::core::record::StopRequest;
use crate::engine;

/// Stops a task. Nothing of it starts any more; what runs gets the signal, and SIGKILL after the grace.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/{task}/stop",
    tag = "tasks",
    params(("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`")),
    request_body = StopTask,
    responses((status = 202, description = "It is stopping, or has stopped.", body = TaskView))
)]
pub(crate) async fn stop(
    state: web::Data<State>,
    task: web::Path<String>,
    body: JsonOrNothing<StopTask>,
) -> Result<HttpResponse, Failure> {
    let request = stop_request(&body.0)?;
    let task_id = names::task(&state, &task).await?;
    known(&state, task_id, state.engine.stop_task(task_id, request).await).await?;
    accepted(&state, task_id).await
}

/// Runs a finished task again, from the beginning and under its own id.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/{task}/rerun",
    tag = "tasks",
    params(("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`")),
    responses((status = 202, description = "It is pending again.", body = TaskView))
)]
pub(crate) async fn rerun(state: web::Data<State>, task: web::Path<String>) -> Result<HttpResponse, Failure> {
    let task_id = names::task(&state, &task).await?;
    known(&state, task_id, state.engine.rerun_task(task_id).await).await?;
    accepted(&state, task_id).await
}

/// Deletes a finished task with its history, its logs and its workspaces.
#[utoipa::path(
    delete,
    path = "/api/v1/tasks/{task}",
    tag = "tasks",
    params(("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`")),
    responses((status = 204, description = "Deleted."))
)]
pub(crate) async fn delete(
    state: web::Data<State>,
    task: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    // read before: nobody knows afterwards where they are
    let kept = Kept::find(&state, &task).await?;
    let task_id = kept.record.task_id;
    known(&state, task_id, state.engine.delete_task(task_id).await).await?;
    let away = kept.delete(&state).await?;
    if !away.is_empty() {
        tracing::info!(task.id = %task_id, nodes = away.len(), "workspaces of a deleted task stay on nodes that are away");
    }
    Ok(HttpResponse::NoContent().finish())
}

/// The engine knows open tasks only; to it one that never was is as finished as one that is.
async fn known<T>(state: &State, task_id: TaskId, outcome: Result<T, engine::Error>) -> Result<T, Failure> {
    match outcome {
        Err(engine::Error::WrongStage { .. }) if state.store.find_record(task_id).await?.is_none() => {
            Err(Failure::not_found("task", task_id))
        }
        outcome => Ok(outcome?),
    }
}

async fn accepted(state: &State, task_id: TaskId) -> Result<HttpResponse, Failure> {
    let view = state.store.find_view(task_id).await?.ok_or_else(|| Failure::not_found("task", task_id))?;
    Ok(HttpResponse::Accepted().json(view))
}

pub(crate) fn stop_request(wanted: &StopTask) -> Result<StopRequest, Failure> {
    let signal = match wanted.signal.unwrap_or(15) {
        15 | -15 => 15,
        9 | -9 => 9,
        other => {
            return Err(Failure::invalid(format!(
                "{other} is not a signal to stop with; use 15 (SIGTERM) or 9 (SIGKILL)"
            )));
        }
    };
    let grace = match wanted.grace {
        None => None,
        Some(seconds) => Some(grace_of(seconds)?),
    };
    Ok(StopRequest { signal, grace })
}

fn grace_of(seconds: f64) -> Result<Duration, Failure> {
    duration_from_seconds(seconds)
        .ok_or_else(|| Failure::invalid(format!("{seconds} seconds is not a grace period")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_sigterm_unless_told_otherwise() {
        let stop = |signal, grace| stop_request(&StopTask { signal, grace });

        assert_eq!(stop(None, None).unwrap(), StopRequest { signal: 15, grace: None });
        assert_eq!(
            stop(Some(-9), Some(1.5)).unwrap(),
            StopRequest { signal: 9, grace: Some(Duration::from_millis(1500)) }
        );
        for (signal, grace) in [
            (Some(1), None),
            (Some(0), None),
            (None, Some(-1.0)),
            (None, Some(f64::NAN)),
            (None, Some(1e300)),
        ] {
            assert!(stop(signal, grace).is_err(), "{signal:?} {grace:?}");
        }
    }
}
