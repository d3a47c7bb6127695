//! Looking at tasks: lists, one with its history, waiting for the end, why it waits.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use lp_protocol::units::duration_from_seconds;
use lp_protocol::views::{ExplainTask, LastOutput, ListTasks, Page, TaskInfo, TaskView, WaitTask, Why};
use lp_protocol::{NodeId, Stage, Status, TaskId};

use super::super::failure::Failure;
use super::super::input::Query;
use super::super::names;
use super::super::state::State;
use super::info::{self, task_info};
use super::last_output::last_output;
use crate::core::{Reasons, WhyAsked, derive};
use crate::store::{Payloads, StoredTask};

/// Longest wait of one request: proxies on the way give up after a minute.
const MAX_WAIT: Duration = Duration::from_secs(60);
const DEFAULT_WAIT: Duration = Duration::from_secs(30);

/// Lists tasks, newest first.
#[utoipa::path(get, path = "/api/v1/tasks", tag = "tasks", params(ListTasks), responses((status = 200, body = Page<TaskView>)))]
pub(crate) async fn list(state: web::Data<State>, query: Query<ListTasks>) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(state.store.list_tasks(&query.0).await?))
}

/// Shows a task with its actions, their attempts and what they left.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{task}",
    tag = "tasks",
    params(("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`")),
    responses((status = 200, body = TaskInfo))
)]
pub(crate) async fn show(state: web::Data<State>, task: web::Path<String>) -> Result<HttpResponse, Failure> {
    let task = find(&state, &task).await?;
    let names = node_names(&state, &task).await?;
    let history = info::history(&state, &task).await?;
    Ok(HttpResponse::Ok().json(task_info(task, &names, history)))
}

/// Answers as soon as the task is finished, or as it then is after `timeout` seconds.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{task}/wait",
    tag = "tasks",
    params(("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`"), WaitTask),
    responses((status = 200, body = TaskView))
)]
pub(crate) async fn wait(
    state: web::Data<State>,
    task: web::Path<String>,
    query: Query<WaitTask>,
) -> Result<HttpResponse, Failure> {
    let timeout = match query.0.timeout {
        None => DEFAULT_WAIT,
        Some(seconds) => {
            duration_from_seconds(seconds).filter(|timeout| *timeout <= MAX_WAIT).ok_or_else(|| {
                Failure::invalid(format!("`timeout` must be between 0 and {} seconds", MAX_WAIT.as_secs()))
            })?
        }
    };
    let task_id = names::task(&state, &task).await?;
    tokio::select! {
        waited = state.engine.wait_task(task_id, timeout) => waited?,
        // a stop must not take as long as the longest wait
        () = state.shutdown.cancelled() => return Err(Failure::unavailable("it is stopping")),
    }
    let view = state.store.find_view(task_id).await?.ok_or_else(|| Failure::not_found("task", task_id))?;
    Ok(HttpResponse::Ok().json(view))
}

/// Tells what a task waits for, or why it failed.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{task}/why",
    tag = "tasks",
    params(
        ("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`"),
        ExplainTask
    ),
    responses((status = 200, body = Why))
)]
pub(crate) async fn why(
    state: web::Data<State>,
    task: web::Path<String>,
    query: Query<ExplainTask>,
) -> Result<HttpResponse, Failure> {
    let task_id = names::task(&state, &task).await?;
    let ExplainTask { limit, action } = query.0;
    // the first one is needed for the sentence that says it all
    let asked = WhyAsked { most: limit.map_or(usize::MAX, |limit| limit.max(1) as usize), action };
    let why = match state.engine.why(task_id, asked.clone()).await? {
        Some(reasons) => {
            let view =
                state.store.find_view(task_id).await?.ok_or_else(|| Failure::not_found("task", task_id))?;
            explained(&view, reasons, None)
        }
        None => {
            let task = load(&state, task_id, Payloads::LeftOut).await?;
            let names = node_names(&state, &task).await?;
            let views = derive::action_views(&task.record, &task.plan, &task.attempts, &names);
            let last = last_output(&state, &task, &views).await?;
            explained(&task.view(), derive::why_finished(task_id, &views, &asked), last)
        }
    };
    Ok(HttpResponse::Ok().json(why))
}

pub(super) fn explained(view: &TaskView, reasons: Reasons, last_output: Option<LastOutput>) -> Why {
    let summary = summary(view, &reasons);
    let Reasons { actions, more } = reasons;
    Why { task_id: view.task_id, stage: view.stage, status: view.status, summary, actions, more, last_output }
}

async fn find(state: &State, text: &str) -> Result<StoredTask, Failure> {
    let task_id = names::task(state, text).await?;
    load(state, task_id, Payloads::Read).await
}

pub(super) async fn load(state: &State, task_id: TaskId, payloads: Payloads) -> Result<StoredTask, Failure> {
    let known = |version_id| state.catalogue.find_plan(version_id);
    let task = state.store.find_task_with(task_id, payloads, known).await?;
    let task = task.ok_or_else(|| Failure::not_found("task", task_id))?;
    state.catalogue.keep_plan(task.record.version_id, &task.plan);
    Ok(task)
}

pub(super) async fn node_names(
    state: &State,
    task: &StoredTask,
) -> Result<BTreeMap<NodeId, String>, Failure> {
    if task.attempts.is_empty() {
        return Ok(BTreeMap::new());
    }
    Ok(state.store.list_nodes().await?.into_iter().map(|node| (node.node_id, node.name)).collect())
}

/// The whole answer in one sentence.
fn summary(view: &TaskView, reasons: &Reasons) -> String {
    let first = reasons.actions.first().map(|action| {
        let more = match reasons.actions.len() as u64 - 1 + reasons.more {
            0 => String::new(),
            1 => " (and 1 more action)".to_owned(),
            more => format!(" (and {more} more actions)"),
        };
        format!("`{}`: {}{more}", action.name, action.reason)
    });
    match (view.stage, view.status) {
        (Stage::Finished, Some(Status::Success)) => "the task has succeeded".to_owned(),
        (Stage::Finished, status) => {
            let how = match status {
                Some(Status::Kill) => "the task was stopped",
                Some(_) | None => "the task has failed",
            };
            match view.reason.clone().or(first) {
                Some(reason) => format!("{how}: {reason}"),
                None => how.to_owned(),
            }
        }
        (Stage::Stopping, _) => format!(
            "the task is stopping: {}",
            first.unwrap_or_else(|| "its end is being recorded".to_owned())
        ),
        (Stage::Pending, _) => {
            format!("the task is pending: {}", first.unwrap_or_else(|| "it is about to start".to_owned()))
        }
        (Stage::Running, _) => format!(
            "the task is running: {}",
            first.unwrap_or_else(|| "its end is being recorded".to_owned())
        ),
    }
}

#[cfg(test)]
mod tests {
    use lp_protocol::views::WhyAction;

    use super::*;

    fn view(stage: Stage, status: Option<Status>, reason: Option<&str>) -> TaskView {
        TaskView {
            task_id: TaskId::random(),
            task_name: "t".into(),
            app_id: lp_protocol::AppId::random(),
            app_name: "a".into(),
            version_id: 1,
            version: 1,
            work_id: None,
            schedule_id: None,
            service_id: None,
            stage,
            status,
            priority: 0,
            create_at: chrono::DateTime::UNIX_EPOCH,
            start_at: None,
            end_at: None,
            reason: reason.map(str::to_owned),
        }
    }

    #[test]
    fn one_sentence_says_it_all() {
        let waits =
            |name: &str| WhyAction { name: name.into(), reason: "waits for a slot".into(), hint: None };
        let reasons = |actions: &[WhyAction], more| Reasons { actions: actions.to_vec(), more };

        assert_eq!(
            summary(&view(Stage::Pending, None, None), &reasons(&[waits("first"), waits("second")], 0)),
            "the task is pending: `first`: waits for a slot (and 1 more action)"
        );
        assert_eq!(
            summary(&view(Stage::Pending, None, None), &reasons(&[waits("first")], 7)),
            "the task is pending: `first`: waits for a slot (and 7 more actions)"
        );
        assert_eq!(
            summary(&view(Stage::Finished, Some(Status::Success), None), &reasons(&[], 0)),
            "the task has succeeded"
        );
        assert_eq!(
            summary(
                &view(Stage::Finished, Some(Status::Fail), Some("action `x`: exit code 3")),
                &reasons(&[waits("x")], 0)
            ),
            "the task has failed: action `x`: exit code 3"
        );
    }
}
