//! The same deed for all tasks that pass a filter.
//!
//! One call does a bounded number of them and says where to go on, so that no request takes for ever and a caller sees how far it is. Tasks the
//! deed is not for (a finished one to stop, a running one to delete) do not count. What fails is named and does not keep the others from it.

use actix_web::{HttpResponse, web};
use futures_util::{StreamExt, stream};
use lp_protocol::views::{BulkDeed, BulkFailure, BulkTasks, BulkTasksDone, ListTasks, MAX_PAGE, TaskView};
use lp_protocol::{Stage, TaskId};

use super::super::failure::Failure;
use super::super::input::Json;
use super::super::state::State;
use super::control::{delete_one, known, stop_request};
use crate::auth::Principal;
use crate::engine::Reopen;

/// Tasks looked at in one call: some seconds of work.
const MAX_LOOKED_AT: usize = 10_000;

/// Tasks counted in one call: somebody waits for the answer before anything is done.
const MAX_COUNTED: usize = 5_000;

/// A page that is not full though more follow had to look at names one by one; it costs as much as so many tasks.
const SEARCHED_PAGE: usize = 2_500;

/// Deeds under way at once: they share commits.
const AT_ONCE: usize = 256;

/// Failures told with their reasons; the others are counted.
const MAX_TOLD: usize = 100;

/// Does the same to every task that passes the filter, newest first: stop, rerun, recover or delete. With `dry_run` they are only counted.
/// Go on with `next_cursor` until there is none.
#[utoipa::path(
    post,
    path = "/api/v1/tasks/bulk",
    tag = "tasks",
    request_body = BulkTasks,
    responses((status = 200, body = BulkTasksDone))
)]
pub(crate) async fn bulk(
    state: web::Data<State>,
    caller: web::ReqData<Principal>,
    body: Json<BulkTasks>,
) -> Result<HttpResponse, Failure> {
    let BulkTasks { deed, filter, all, dry_run } = body.0;
    if !all && is_empty(&filter) {
        return Err(Failure::invalid("no filter is given").hint("Give one, or `all: true` for every task."));
    }
    // refused before anything is done
    if let BulkDeed::Stop(stop) = &deed {
        stop_request(stop)?;
    }
    let mut query = filter;
    query.limit = Some(MAX_PAGE);
    let mut done = BulkTasksDone::default();
    let (mut looked_at, most) = (0, if dry_run { MAX_COUNTED } else { MAX_LOOKED_AT });
    loop {
        let page = state.store.list_tasks(&query).await?;
        let is_searched = page.next_cursor.is_some() && page.items.len() < MAX_PAGE as usize;
        looked_at += if is_searched { SEARCHED_PAGE } else { page.items.len() };
        let wanted: Vec<TaskId> =
            page.items.iter().filter(|task| is_for(&deed, task)).map(|task| task.task_id).collect();
        done.matched += wanted.len() as u64;
        if !dry_run {
            carry_out(&state, &deed, wanted, &caller, &mut done).await?;
        }
        query.cursor = page.next_cursor;
        if query.cursor.is_none() || looked_at >= most {
            done.next_cursor = query.cursor;
            return Ok(HttpResponse::Ok().json(done));
        }
    }
}

async fn carry_out(
    state: &State,
    deed: &BulkDeed,
    tasks: Vec<TaskId>,
    caller: &Principal,
    done: &mut BulkTasksDone,
) -> Result<(), Failure> {
    let work =
        stream::iter(tasks).map(|task_id| async move { (task_id, one(state, deed, task_id, caller).await) });
    let mut work = work.buffer_unordered(AT_ONCE);
    while let Some((task_id, result)) = work.next().await {
        match result {
            Ok(()) => done.done += 1,
            Err(failure) if failure.is_unavailable() => return Err(failure),
            Err(failure) => {
                done.failed += 1;
                if done.failures.len() < MAX_TOLD {
                    done.failures.push(BulkFailure { task_id, message: failure.to_string() });
                }
            }
        }
    }
    Ok(())
}

async fn one(state: &State, deed: &BulkDeed, task_id: TaskId, caller: &Principal) -> Result<(), Failure> {
    let actor = caller.actor();
    let reopen = |how| state.engine.reopen_task(task_id, how, actor.clone());
    match deed {
        BulkDeed::Stop(stop) => {
            let stopped = state.engine.stop_task(task_id, stop_request(stop)?, actor.clone()).await;
            known(state, task_id, stopped).await.map(drop)
        }
        BulkDeed::Rerun(rerun) => {
            let how = Reopen::Rerun { same_version: rerun.same_version };
            known(state, task_id, reopen(how).await).await.map(drop)
        }
        BulkDeed::Recover(recover) => {
            let how = Reopen::Recover { from: recover.from.clone() };
            known(state, task_id, reopen(how).await).await.map(drop)
        }
        BulkDeed::Delete(delete) => delete_one(state, task_id, delete.force, actor.clone()).await,
    }
}

fn is_for(deed: &BulkDeed, task: &TaskView) -> bool {
    let is_finished = task.stage == Stage::Finished;
    match deed {
        BulkDeed::Stop(_) => !is_finished,
        BulkDeed::Rerun(_) => is_finished,
        BulkDeed::Recover(recover) => {
            is_finished && (task.status != Some(lp_protocol::Status::Success) || !recover.from.is_empty())
        }
        BulkDeed::Delete(delete) => is_finished || delete.force,
    }
}

fn is_empty(filter: &ListTasks) -> bool {
    let ListTasks {
        app_id,
        work_id,
        schedule_id,
        service_id,
        name,
        stage,
        status,
        since,
        id_prefix,
        cursor: _,
        limit: _,
    } = filter;
    app_id.is_none()
        && work_id.is_none()
        && schedule_id.is_none()
        && service_id.is_none()
        && name.is_none()
        && stage.is_none()
        && status.is_none()
        && since.is_none()
        && id_prefix.is_none()
}
