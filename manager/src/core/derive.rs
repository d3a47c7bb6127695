//! What the rows of a task say about its actions, for people: by the same function that builds the core.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lp_protocol::plan::Plan;
use lp_protocol::views::{ActionResult, ActionView, AttemptView};
use lp_protocol::{Exit, NodeId, Stage, Status, TaskId};
use serde_json::value::RawValue;

use super::record::{AttemptId, AttemptRecord, SUCCESS_EVENT, TaskRecord};
use super::shape::Shape;
use super::task::{State, Task};
use super::time::Now;
use super::why::{Reasons, WhyAsked};

/// The actions of a task as its records tell them, in the order of the manifest; an event action only once its event has happened.
/// `attempts` are all of the task's, ascending by id; `node_names` may lack nodes that are gone.
pub fn action_views(
    record: &TaskRecord,
    plan: &Arc<Plan>,
    attempts: &[AttemptRecord],
    node_names: &BTreeMap<NodeId, String>,
) -> Vec<ActionView> {
    let shape = Arc::new(Shape::new(plan.clone()));
    // only the wall-clock time of a retry is shown, which does not depend on now
    let now = Now { wall: record.create_at, mono: Duration::ZERO };
    let task = Task::restore(record.clone(), shape, attempts, now);
    let mut by_name: BTreeMap<&str, Vec<&AttemptRecord>> = BTreeMap::new();
    for attempt in attempts {
        if let Some(name) = name_of(attempt, &task.shape) {
            by_name.entry(name).or_default().push(attempt);
        }
    }
    let mut views = Vec::with_capacity(task.actions.len());
    for (ordinal, action) in task.all_actions() {
        let Some(plan) = task.plan(ordinal) else { continue };
        let mut own = by_name.remove(plan.name.as_str()).unwrap_or_default();
        // of one name, but perhaps of two versions
        own.sort_by_key(|attempt| attempt.id.number);
        let is_event = ordinal >= SUCCESS_EVENT;
        if (is_event && own.is_empty() && matches!(action.state, State::Waiting { .. }))
            || plan.is_retired() && own.is_empty()
        {
            continue;
        }
        let (stage, status, retry_at) = match action.state {
            State::Waiting { .. } | State::Queued => (Stage::Pending, None, None),
            State::Backoff { retry_at, .. } => (Stage::Pending, None, Some(retry_at)),
            State::Live => (own.last().map_or(Stage::Pending, |attempt| attempt.stage), None, None),
            State::Done(status) => (Stage::Finished, Some(status), None),
        };
        let condition =
            plan.condition.iter().filter_map(|parent| task.plan(*parent)).map(|plan| plan.name.clone());
        views.push(ActionView {
            name: plan.name.clone(),
            condition: condition.collect(),
            generated_by: plan.generated.and_then(|made| task.plan(made.by)).map(|maker| maker.name.clone()),
            stage,
            status,
            attempts: own.into_iter().map(|attempt| attempt_view(attempt, node_names)).collect(),
            retry_at,
        });
    }
    // of versions that the task has left
    for (name, own) in by_name {
        views.push(ActionView {
            name: name.to_owned(),
            condition: Vec::new(),
            generated_by: None,
            stage: Stage::Finished,
            status: Some(Status::Skipped),
            attempts: own.into_iter().map(|attempt| attempt_view(attempt, node_names)).collect(),
            retry_at: None,
        });
    }
    views
}

/// The name of an attempt's action; `shape` is that of the task's present version.
pub fn name_of<'a>(attempt: &'a AttemptRecord, shape: &'a Shape) -> Option<&'a str> {
    match &attempt.name {
        Some(name) => Some(name),
        None => shape.action(attempt.id.action).map(|plan| plan.name.as_str()),
    }
}

/// LitePipeline's `result`: by name, the last attempt of each action that has ended in this run.
pub fn results(
    record: &TaskRecord,
    plan: &Arc<Plan>,
    attempts: &[AttemptRecord],
    outputs: &BTreeMap<AttemptId, Box<RawValue>>,
) -> BTreeMap<String, ActionResult> {
    let shape = Shape::new(plan.clone());
    let mut results = BTreeMap::new();
    for attempt in
        attempts.iter().filter(|attempt| attempt.counts_in == record.run && attempt.stage == Stage::Finished)
    {
        let Some(plan) = shape.action(attempt.id.action) else { continue };
        let output = outputs.get(&attempt.id).cloned();
        let result = ActionResult {
            name: plan.name.clone(),
            stage: attempt.stage,
            status: attempt.status,
            node_id: attempt.node_id,
            start_at: attempt.start_at,
            end_at: attempt.end_at,
            returncode: attempt.exit.as_ref().and_then(Exit::returncode),
            result: output.unwrap_or_else(|| RawValue::from_string("{}".to_owned()).expect("`{}` is JSON")),
        };
        // ascending by number: the last one stays
        results.insert(plan.name.clone(), result);
    }
    results
}

fn attempt_view(attempt: &AttemptRecord, node_names: &BTreeMap<NodeId, String>) -> AttemptView {
    let AttemptRecord {
        id,
        run,
        counts_in: _,
        name: _,
        node_id,
        stage,
        status,
        exit,
        assign_at,
        start_at,
        end_at,
        log_bytes,
        usage,
        preparing,
    } = attempt;
    AttemptView {
        attempt: id.number,
        run: *run,
        stage: *stage,
        status: *status,
        exit: exit.clone(),
        node_id: *node_id,
        node_name: node_names.get(node_id).cloned().unwrap_or_default(),
        assign_at: *assign_at,
        start_at: *start_at,
        end_at: *end_at,
        log_bytes: *log_bytes,
        usage: *usage,
        preparing: preparing.to_vec(),
    }
}

/// For a finished task: the actions that did not succeed, and why.
pub fn why_finished(task_id: TaskId, actions: &[ActionView], asked: &WhyAsked) -> Reasons {
    let mut reasons = Reasons::default();
    for action in actions {
        match action.status {
            Some(Status::Success) | None => {}
            Some(status) => reasons.tell(asked, &action.name, || why_ended(task_id, action, status)),
        }
    }
    reasons
}

fn why_ended(task_id: TaskId, action: &ActionView, status: Status) -> (String, Option<String>) {
    let last = action.attempts.last();
    let exit = last.and_then(|attempt| attempt.exit.as_ref().map(|exit| (attempt, exit)));
    match (status, exit) {
        (Status::Skipped, _) => {
            ("was not started because another action of the task failed".to_owned(), None)
        }
        (Status::Cancel, _) => ("was not started because the task was stopped".to_owned(), None),
        (_, Some((attempt, exit))) => (
            format!("{exit} (attempt {} on node {})", attempt.attempt, attempt.node_name),
            (attempt.log_bytes > 0).then(|| format!("`lp logs {} '{}'`", task_id.short(), action.name)),
        ),
        (status, None) => (format!("ended as {status}"), None),
    }
}
