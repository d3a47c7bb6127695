//! A task as pages show it, and what it was given or has left piece by piece: none of these grows with what a task's other actions have left.

use actix_web::{HttpResponse, web};
use lp_protocol::views::{ActionColumns, ActionResult, Left, ShowOutline, TaskOutline};
use serde_json::value::RawValue;

use super::super::failure::Failure;
use super::super::input::Query;
use super::super::names;
use super::super::state::State;
use super::info;
use super::last_output::last_output;
use super::read::{explained, load, node_names};
use crate::core::record::AttemptRecord;
use crate::core::{Shape, WhyAsked, derive, result};
use crate::store::{Payloads, StoredTask};

/// Text of results in one answer. One result more may be told, which has a limit of its own.
const MAX_RESULTS_BYTES: usize = 1 << 20;

/// A task's output that is put together from more results than this is not told here.
const MAX_OUTPUT_PARTS: usize = 100;

/// Shows a task with its actions in columns, which is much less than `/tasks/{task}` where there are thousands of them.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{task}/outline",
    tag = "tasks",
    params(
        ("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`"),
        ShowOutline
    ),
    responses((status = 200, body = TaskOutline))
)]
pub(crate) async fn outline(
    state: web::Data<State>,
    task: web::Path<String>,
    query: Query<ShowOutline>,
) -> Result<HttpResponse, Failure> {
    let ShowOutline { why, why_action, results } = query.0;
    let task_id = names::task(&state, &task).await?;
    let task = load(&state, task_id, Payloads::LeftOut).await?;
    let names = node_names(&state, &task).await?;
    let actions = derive::action_views(&task.record, &task.plan, &task.attempts, &names);
    let view = task.view();
    let why = match why {
        None => None,
        Some(most) => {
            let asked = WhyAsked { most: most.max(1) as usize, action: why_action };
            let open = match view.stage.is_open() {
                // the page is worth showing without it
                true => state.engine.why(task_id, asked.clone()).await.ok().flatten(),
                false => None,
            };
            let last = match open {
                None => last_output(&state, &task, &actions).await?,
                Some(_) => None,
            };
            let reasons = open.unwrap_or_else(|| derive::why_finished(task_id, &actions, &asked));
            Some(explained(&view, reasons, last))
        }
    };
    let left = match results {
        Some(most) => Some(left(&state, &task, most as usize).await?),
        None => None,
    };
    let history = info::history(&state, &task).await?;
    let actions = ActionColumns::new(actions);
    Ok(HttpResponse::Ok().json(TaskOutline { task: view, history, actions, why, left }))
}

/// Gives what a task was given.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{task}/input",
    tag = "tasks",
    params(("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`")),
    responses((status = 200, body = Object))
)]
pub(crate) async fn input(state: web::Data<State>, task: web::Path<String>) -> Result<HttpResponse, Failure> {
    let task_id = names::task(&state, &task).await?;
    let record = state.store.find_record(task_id).await?;
    let record = record.ok_or_else(|| Failure::not_found("task", task_id))?;
    Ok(HttpResponse::Ok().json(input_of(&state, record.seq).await?))
}

/// Gives what an action has left in the task's latest run.
#[utoipa::path(
    get,
    path = "/api/v1/tasks/{task}/actions/{action}/output",
    tag = "tasks",
    params(
        ("task" = String, Path, description = "Id, unique beginning of it (4 characters or more), or `@last`"),
        ("action" = String, Path, description = "Name of the action")
    ),
    responses((status = 200, body = Object))
)]
pub(crate) async fn output(
    state: web::Data<State>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Failure> {
    let (task, action) = path.into_inner();
    let task_id = names::task(&state, &task).await?;
    let record = state.store.find_record(task_id).await?;
    let record = record.ok_or_else(|| Failure::not_found("task", task_id))?;
    let shape = Shape::new(info::plan_of(&state, &record).await?);
    let missing = || Failure::not_found("output of action", &action);
    let ordinal = shape.ordinal(&action).ok_or_else(missing)?;
    let attempts = state.store.list_attempts_of(record.seq, Some(ordinal), &action).await?;
    let last = attempts.iter().rfind(|attempt| counts(attempt, record.run)).ok_or_else(missing)?;
    let output = state.store.find_output(last.id).await?.ok_or_else(missing)?;
    Ok(HttpResponse::Ok().json(output))
}

/// As LitePipeline's `result` has it: an attempt that has ended in this run.
fn counts(attempt: &AttemptRecord, run: u32) -> bool {
    attempt.counts_in == run && !attempt.stage.is_open()
}

async fn input_of(state: &State, seq: i64) -> Result<Box<RawValue>, Failure> {
    let input = state.store.load_inputs(&[seq]).await?.remove(&seq).flatten();
    Ok(input.unwrap_or_else(result::empty_object))
}

async fn left(state: &State, task: &StoredTask, most: usize) -> Result<Left, Failure> {
    let record = &task.record;
    let shape = Shape::new(task.plan.clone());
    let output = if record.stage.is_open() { None } else { output_of(state, task).await? };
    let (mut results, mut bytes, mut has_more) = (Vec::new(), 0, false);
    let mut after = None;
    'walk: loop {
        let some = state.store.list_outputs(record.seq, after).await?;
        let Some((last, _)) = some.last() else { break };
        after = Some(*last);
        for (id, output) in some {
            let attempt = task.attempts.binary_search_by_key(&id, |attempt| attempt.id);
            let attempt =
                attempt.ok().map(|at| &task.attempts[at]).filter(|attempt| counts(attempt, record.run));
            let Some((attempt, action)) = attempt.zip(shape.action(id.action)) else { continue };
            if results.len() >= most || bytes >= MAX_RESULTS_BYTES {
                has_more = true;
                break 'walk;
            }
            bytes += output.get().len();
            put(&mut results, result_of(attempt, &action.name, output));
        }
    }
    Ok(Left { input_data: input_of(state, record.seq).await?, output, results, has_more })
}

/// Of one action the last attempt stays.
fn put(results: &mut Vec<ActionResult>, result: ActionResult) {
    results.pop_if(|before| before.name == result.name);
    results.push(result);
}

fn result_of(attempt: &AttemptRecord, name: &str, output: Box<RawValue>) -> ActionResult {
    ActionResult {
        name: name.to_owned(),
        stage: attempt.stage,
        status: attempt.status,
        node_id: attempt.node_id,
        start_at: attempt.start_at,
        end_at: attempt.end_at,
        returncode: attempt.exit.as_ref().and_then(lp_protocol::Exit::returncode),
        result: output,
    }
}

async fn output_of(state: &State, task: &StoredTask) -> Result<Option<Box<RawValue>>, Failure> {
    let parts = result::output_actions(&task.plan);
    if parts.len() > MAX_OUTPUT_PARTS {
        return Ok(None);
    }
    let (seq, run) = (task.record.seq, task.record.run);
    let wanted: Vec<_> = parts.into_iter().map(|ordinal| (seq, run, ordinal)).collect();
    let outputs = state.store.load_outputs(&wanted).await?;
    Ok(Some(result::of_task(&task.plan, |ordinal| outputs.get(&(seq, ordinal))?.as_deref())))
}
