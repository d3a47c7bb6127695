//! Stopping, running again, deleting.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use lp_protocol::TaskId;
use lp_protocol::units::duration_from_seconds;
use lp_protocol::views::{DeleteTask, RecoverTask, RerunTask, StopTask, TaskView};

use super::super::failure::Failure;
use super::super::input::{JsonOrNothing, Query};
use super::super::names;
use super::super::state::State;
use super::super::workspaces::Kept;
use crate::auth::Principal;
use crate::core::record::StopRequest;
use crate::engine::{self, Reopen};

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
    caller: web::ReqData<Principal>,
    body: JsonOrNothing<StopTask>,
) -> Result<HttpResponse, Failure> {
    let request = stop_request(&body.0)?;
    let task_id = names::task(&state, &task).await?;
    known(&state, task_id, state.engine.stop_task(task_id, request, caller.actor()).await).await?;
    accepted(&state, task_id).await
}

/// Runs a finished task again, from the beginning and under its own id; with the active version of its application, unless told otherwise.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/{task}/rerun",
    tag = "tasks",
    params(("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`")),
    request_body = RerunTask,
    responses((status = 202, description = "It is pending again.", body = TaskView))
)]
pub(crate) async fn rerun(
    state: web::Data<State>,
    task: web::Path<String>,
    caller: web::ReqData<Principal>,
    body: JsonOrNothing<RerunTask>,
) -> Result<HttpResponse, Failure> {
    let task_id = names::task(&state, &task).await?;
    let how = Reopen::Rerun { same_version: body.0.same_version };
    known(&state, task_id, state.engine.reopen_task(task_id, how, caller.actor()).await).await?;
    accepted(&state, task_id).await
}

/// Runs what is left of a finished task: actions that have succeeded are kept with their outputs, those made at run time included.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/{task}/recover",
    tag = "tasks",
    params(("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`")),
    request_body = RecoverTask,
    responses((status = 202, description = "It is pending again.", body = TaskView))
)]
pub(crate) async fn recover(
    state: web::Data<State>,
    task: web::Path<String>,
    caller: web::ReqData<Principal>,
    body: JsonOrNothing<RecoverTask>,
) -> Result<HttpResponse, Failure> {
    let task_id = names::task(&state, &task).await?;
    let how = Reopen::Recover { from: body.0.from };
    known(&state, task_id, state.engine.reopen_task(task_id, how, caller.actor()).await).await?;
    accepted(&state, task_id).await
}

/// Deletes a task with its history, its logs and its workspaces. One that is not finished is refused, or stopped first with `force`.
#[utoipa::path(
    delete,
    path = "/api/v1/tasks/{task}",
    tag = "tasks",
    params(("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`"), DeleteTask),
    responses((status = 204, description = "Deleted."))
)]
pub(crate) async fn delete(
    state: web::Data<State>,
    task: web::Path<String>,
    caller: web::ReqData<Principal>,
    query: Query<DeleteTask>,
) -> Result<HttpResponse, Failure> {
    let task_id = names::task(&state, &task).await?;
    delete_one(&state, task_id, query.0.force, caller.actor()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Longest wait for the end of a task that is stopped to be deleted: SIGKILL needs no grace.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn delete_one(
    state: &State,
    task_id: TaskId,
    force: bool,
    actor: String,
) -> Result<(), Failure> {
    if force {
        let kill = StopRequest { signal: 9, grace: Some(Duration::ZERO) };
        match state.engine.stop_task(task_id, kill, actor).await {
            // finished, or never there
            Ok(_) | Err(engine::Error::WrongStage { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        state.engine.wait_task(task_id, STOP_PATIENCE).await?;
    }
    // read before: nobody knows afterwards where they are
    let kept = Kept::find(state, &task_id.to_string()).await?;
    let unwanted = kept.workspaces.clone();
    known(state, task_id, state.engine.delete_task(task_id, unwanted).await).await?;
    kept.tell(&state.link);
    Ok(())
}

/// The engine knows open tasks only; to it one that never was is as finished as one that is.
pub(super) async fn known<T>(
    state: &State,
    task_id: TaskId,
    outcome: Result<T, engine::Error>,
) -> Result<T, Failure> {
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
