//! Looking at works: lists, one with its applications, waiting for the end, why it waits.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use lp_protocol::units::duration_from_seconds;
use lp_protocol::views::{
    ListWorks, Page, WaitTask, WhyAction, WhyWork, WorkApplication, WorkInfo, WorkView,
};
use lp_protocol::{Stage, Status, WorkId};

use super::super::failure::Failure;
use super::super::input::Query;
use super::super::names;
use super::super::state::State;
use super::info::{applications, work_info};
use crate::store::StoredWork;

/// Longest wait of one request, as for tasks.
const MAX_WAIT: Duration = Duration::from_secs(60);
const DEFAULT_WAIT: Duration = Duration::from_secs(30);

/// Lists works, newest first.
#[utoipa::path(get, path = "/api/v1/works", tag = "works", params(ListWorks), responses((status = 200, body = Page<WorkView>)))]
pub(crate) async fn list(state: web::Data<State>, query: Query<ListWorks>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(state.store.list_works(&query.0).await?))
}

/// Shows a work with its applications, their tasks and what they left.
#[utoipa::path(
    get,
    path = "/api/v1/works/{work}",
    tag = "works",
    params(("work" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`")),
    responses((status = 200, body = WorkInfo))
)]
pub(crate) async fn show(state: web::Data<State>, work: web::Path<String>) -> Result<HttpResponse, Failure> {
    let work_id = names::work(&state, &work).await?;
    let work = load(&state, work_id).await?;
    Ok(HttpResponse::Ok().json(work_info(&state, work).await?))
}

/// Answers as soon as the work is finished, or as it then is after `timeout` seconds.
#[utoipa::path(
    get,
    path = "/api/v1/works/{work}/wait",
    tag = "works",
    params(("work" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`"), WaitTask),
    responses((status = 200, body = WorkView))
)]
pub(crate) async fn wait(
    state: web::Data<State>,
    work: web::Path<String>,
    query: Query<WaitTask>,
) -> Result<HttpResponse, Failure> {
    let too_long =
        || Failure::invalid(format!("`timeout` must be between 0 and {} seconds", MAX_WAIT.as_secs()));
    let timeout = match query.0.timeout {
        None => DEFAULT_WAIT,
        Some(seconds) => {
            let timeout = duration_from_seconds(seconds).filter(|timeout| *timeout <= MAX_WAIT);
            timeout.ok_or_else(too_long)?
        }
    };
    let work_id = names::work(&state, &work).await?;
    tokio::select! {
        waited = state.engine.wait_work(work_id, timeout) => waited?,
        // a stop must not take as long as the longest wait
        () = state.shutdown.cancelled() => return Err(Failure::unavailable("it is stopping")),
    }
    Ok(HttpResponse::Ok().json(view(&state, work_id).await?))
}

/// Tells what a work waits for, or why it failed.
#[utoipa::path(
    get,
    path = "/api/v1/works/{work}/why",
    tag = "works",
    params(("work" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`")),
    responses((status = 200, body = WhyWork))
)]
pub(crate) async fn why(state: web::Data<State>, work: web::Path<String>) -> Result<HttpResponse, Failure> {
    let work_id = names::work(&state, &work).await?;
    let open = state.engine.why_work(work_id).await?;
    let work = load(&state, work_id).await?;
    let applications = match open {
        Some(reasons) => reasons,
        None => applications(&work).iter().filter_map(why_ended).collect(),
    };
    let view = work.view();
    Ok(HttpResponse::Ok().json(WhyWork {
        work_id,
        stage: view.stage,
        status: view.status,
        summary: summary(&view, &applications),
        applications,
    }))
}

pub(crate) async fn view(state: &State, work_id: WorkId) -> Result<WorkView, Failure> {
    state.store.find_work_view(work_id).await?.ok_or_else(|| Failure::not_found("work", work_id))
}

async fn load(state: &State, work_id: WorkId) -> Result<StoredWork, Failure> {
    state.store.find_work(work_id).await?.ok_or_else(|| Failure::not_found("work", work_id))
}

fn why_ended(application: &WorkApplication) -> Option<WhyAction> {
    let hint = application.task_id.map(|task_id| format!("`lp why {}`", task_id.short()));
    let reason = match application.status {
        Some(Status::Success) | None => return None,
        Some(Status::Skipped) => "was not started because what it waits for did not succeed".to_owned(),
        Some(Status::Cancel) => "was not started because the work was stopped".to_owned(),
        Some(Status::Kill) => "was stopped".to_owned(),
        Some(Status::Fail | Status::Error | Status::Terminate) => "failed".to_owned(),
    };
    Some(WhyAction { name: application.name.clone(), reason, hint })
}

/// All that matters in a sentence.
fn summary(view: &WorkView, applications: &[WhyAction]) -> String {
    let first = applications.first().map(|first| {
        let more = match applications.len() - 1 {
            0 => String::new(),
            1 => " (and 1 more application)".to_owned(),
            more => format!(" (and {more} more applications)"),
        };
        format!("`{}` {}{more}", first.name, first.reason)
    });
    let how = match (view.stage, view.status) {
        (Stage::Finished, Some(Status::Success)) => return "the work has succeeded".to_owned(),
        (Stage::Finished, Some(Status::Kill)) => "the work was stopped",
        (Stage::Finished, _) => "the work has failed",
        (Stage::Stopping, _) => "the work is stopping",
        (Stage::Pending, _) => "the work is pending",
        (Stage::Running, _) => "the work is running",
    };
    match view.reason.clone().filter(|_| view.stage == Stage::Finished).or(first) {
        Some(reason) => format!("{how}: {reason}"),
        None => how.to_owned(),
    }
}
