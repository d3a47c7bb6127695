//! One task with all that happened to it, put together from its rows.

use std::collections::BTreeMap;

use lp_protocol::plan::{Ordinal, Plan};
use lp_protocol::views::{ActionResult, ActionView, TaskInfo};
use lp_protocol::{NodeId, Stage};
use serde_json::value::RawValue;

use crate::core::derive;
use crate::core::record::{AttemptId, FAIL_EVENT, SUCCESS_EVENT};
use crate::store::StoredTask;

pub(super) fn task_info(task: StoredTask, node_names: &BTreeMap<NodeId, String>) -> TaskInfo {
    let view = task.view();
    let actions = derive::action_views(&task.record, &task.plan, &task.attempts, node_names);
    let ordinals = ordinals(&task.plan);
    let mut result = BTreeMap::new();
    for action in &actions {
        let Some(ordinal) = ordinals.get(action.name.as_str()) else { continue };
        let output =
            |number| task.outputs.get(&AttemptId { task: task.record.seq, action: *ordinal, number });
        if let Some(entry) = action_result(action, task.record.run, output) {
            result.insert(action.name.clone(), entry);
        }
    }
    TaskInfo { task: view, input_data: task.input.unwrap_or_else(empty_object), actions, result }
}

/// Every name of a plan, with the place its attempts are kept under.
pub(crate) fn ordinals(plan: &Plan) -> BTreeMap<&str, Ordinal> {
    let mut ordinals: BTreeMap<&str, Ordinal> =
        plan.actions.iter().zip(0..).map(|(action, ordinal)| (action.name.as_str(), ordinal)).collect();
    for (event, ordinal) in [(&plan.on_success, SUCCESS_EVENT), (&plan.on_fail, FAIL_EVENT)] {
        if let Some(event) = event {
            ordinals.insert(event.name.as_str(), ordinal);
        }
    }
    ordinals
}

/// What the last attempt of this run left, once the action is finished.
fn action_result<'a>(
    action: &ActionView,
    run: u32,
    output: impl Fn(u32) -> Option<&'a Box<RawValue>>,
) -> Option<ActionResult> {
    let last = action.attempts.last().filter(|attempt| attempt.run == run)?;
    (action.stage == Stage::Finished).then(|| ActionResult {
        name: action.name.clone(),
        stage: action.stage,
        status: action.status,
        node_id: last.node_id,
        start_at: last.start_at,
        end_at: last.end_at,
        returncode: last.exit.as_ref().and_then(lp_protocol::Exit::returncode),
        result: output(last.attempt).cloned().unwrap_or_else(empty_object),
    })
}

fn empty_object() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).expect("`{}` is JSON")
}
