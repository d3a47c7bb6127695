//! What an event action is told: how everything before it came out.

use serde_json::value::RawValue;

use super::input;
use crate::core::{AssignOrder, derive};
use crate::store::{Result, Store};

/// LitePipeline's `result`: for each finished action of the task its entry, as in the task's own `result`.
pub(super) async fn results(store: &Store, order: &AssignOrder) -> Result<Box<RawValue>> {
    let Some(task) = store.find_task(order.key.task_id).await? else { return Ok(input::empty_object()) };
    let results = derive::results(&task.record, &task.plan, &task.attempts, &task.outputs);
    Ok(serde_json::value::to_raw_value(&results).unwrap_or_else(|_| input::empty_object()))
}
