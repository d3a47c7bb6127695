//! Stopping, running again, recovering, deleting.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use lp_protocol::views::{DeleteWork, StopTask, WorkView};
use lp_protocol::{ErrorCode, WorkId};

use super::super::failure::Failure;
use super::super::input::{JsonOrNothing, Query};
use super::super::names;
use super::super::state::State;
use super::super::tasks::stop_request;
use super::super::workspaces::Kept;
use crate::auth::Principal;
use crate::core::record::StopRequest;
use crate::engine;

/// Longest wait for the end of a work that is stopped to be deleted: SIGKILL needs no grace.
const STOP_WAIT: Duration = Duration::from_secs(30);

/// Stops a work: no application of it starts any more, and its tasks are stopped.
#[utoipa::path(
    post,
    path = "/api/v1/works/{work}/stop",
    tag = "works",
    params(("work" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`")),
    request_body = StopTask,
    responses((status = 202, description = "It is stopping, or has stopped.", body = WorkView))
)]
pub(crate) async fn stop(
    state: web::Data<State>,
    work: web::Path<String>,
    caller: web::ReqData<Principal>,
    body: JsonOrNothing<StopTask>,
) -> Result<HttpResponse, Failure> {
    let request = stop_request(&body.0)?;
    let work_id = names::work(&state, &work).await?;
    known(&state, work_id, state.engine.stop_work(work_id, request, caller.actor()).await).await?;
    accepted(&state, work_id).await
}

/// Runs a finished work again, from the beginning and under its own id: the same versions, the same input, new tasks.
#[utoipa::path(
    post,
    path = "/api/v1/works/{work}/rerun",
    tag = "works",
    params(("work" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`")),
    responses((status = 202, description = "It is pending again.", body = WorkView))
)]
pub(crate) async fn rerun(state: web::Data<State>, work: web::Path<String>) -> Result<HttpResponse, Failure> {
    let work_id = names::work(&state, &work).await?;
    state.engine.rerun_work(work_id).await?;
    accepted(&state, work_id).await
}

/// Goes on with a work that did not succeed: applications that succeeded are kept, the others run.
#[utoipa::path(
    post,
    path = "/api/v1/works/{work}/recover",
    tag = "works",
    params(("work" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`")),
    responses((status = 202, description = "It is pending again.", body = WorkView))
)]
pub(crate) async fn recover(
    state: web::Data<State>,
    work: web::Path<String>,
    caller: web::ReqData<Principal>,
) -> Result<HttpResponse, Failure> {
    let work_id = names::work(&state, &work).await?;
    state.engine.recover_work(work_id, caller.actor()).await?;
    accepted(&state, work_id).await
}

/// Deletes a finished work with its tasks, their history, logs and workspaces.
#[utoipa::path(
    delete,
    path = "/api/v1/works/{work}",
    tag = "works",
    params(("work" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`"), DeleteWork),
    responses((status = 204, description = "Deleted."))
)]
pub(crate) async fn delete(
    state: web::Data<State>,
    work: web::Path<String>,
    caller: web::ReqData<Principal>,
    query: Query<DeleteWork>,
) -> Result<HttpResponse, Failure> {
    let work_id = names::work(&state, &work).await?;
    if query.0.force {
        stop_first(&state, work_id, caller.actor()).await?;
    }
    // read before: nobody knows afterwards where they are
    let mut kept = Vec::new();
    for task in state.store.list_tasks_of_work(work_id).await? {
        kept.push(Kept::find(&state, &task.task_id.to_string()).await?);
    }
    let unwanted = kept.iter().flat_map(|kept| kept.workspaces.clone()).collect();
    known(&state, work_id, state.engine.delete_work(work_id, unwanted).await).await?;
    for kept in kept {
        kept.tell(&state.link);
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Stops a work that is not finished and waits for its end.
async fn stop_first(state: &State, work_id: WorkId, actor: String) -> Result<(), Failure> {
    let record = state.store.find_work_record(work_id).await?;
    let record = record.ok_or_else(|| Failure::not_found("work", work_id))?;
    if !record.stage.is_open() {
        return Ok(());
    }
    let kill = StopRequest { signal: 9, grace: Some(Duration::ZERO) };
    match state.engine.stop_work(work_id, kill, actor).await {
        // it has finished meanwhile
        Ok(_) | Err(engine::Error::WorkConflict { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    state.engine.wait_work(work_id, STOP_WAIT).await?;
    let record = state.store.find_work_record(work_id).await?;
    if record.is_some_and(|record| record.stage.is_open()) {
        let message =
            format!("work `{work_id}` was told to stop and has not within {} s", STOP_WAIT.as_secs());
        return Err(Failure::new(ErrorCode::TimedOut, message).hint(format!(
            "`lp work why {work_id}` tells what it waits for; delete it when it has stopped."
        )));
    }
    Ok(())
}

/// The engine knows open works only; to it one that never was is as finished as one that is.
async fn known<T>(state: &State, work_id: WorkId, outcome: Result<T, engine::Error>) -> Result<T, Failure> {
    match outcome {
        Err(engine::Error::WorkConflict { .. }) if state.store.find_work_record(work_id).await?.is_none() => {
            Err(Failure::not_found("work", work_id))
        }
        outcome => Ok(outcome?),
    }
}

async fn accepted(state: &State, work_id: WorkId) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Accepted().json(super::view(state, work_id).await?))
}
