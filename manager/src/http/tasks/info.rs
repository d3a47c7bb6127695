//! One task with all that happened to it, put together from its rows.

use std::collections::BTreeMap;

use lp_protocol::NodeId;
use lp_protocol::plan::{Ordinal, Plan};
use lp_protocol::views::TaskInfo;
use serde_json::value::RawValue;

use crate::core::record::{FAIL_EVENT, SUCCESS_EVENT};
use crate::core::{derive, result};
use crate::store::StoredTask;

pub(super) fn task_info(task: StoredTask, node_names: &BTreeMap<NodeId, String>) -> TaskInfo {
    TaskInfo {
        task: task.view(),
        output: (!task.record.stage.is_open()).then(|| output(&task)),
        actions: derive::action_views(&task.record, &task.plan, &task.attempts, node_names),
        result: derive::results(&task.record, &task.plan, &task.attempts, &task.outputs),
        input_data: task
            .input
            .unwrap_or_else(|| RawValue::from_string("{}".to_owned()).expect("`{}` is JSON")),
    }
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

/// What the task as a whole has left, from the attempts of its latest run that succeeded.
fn output(task: &StoredTask) -> Box<RawValue> {
    let succeeded = |ordinal| {
        let own = task
            .attempts
            .iter()
            .filter(move |attempt| attempt.id.action == ordinal && attempt.run == task.record.run);
        own.filter(|attempt| attempt.exit.as_ref().is_some_and(lp_protocol::Exit::is_success)).next_back()
    };
    result::of_task(&task.plan, |ordinal| task.outputs.get(&succeeded(ordinal)?.id).map(|output| &**output))
}
