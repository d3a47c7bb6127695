//! One task with all that happened to it, put together from its rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use lp_protocol::plan::Plan;
use lp_protocol::views::{DeedView, TaskInfo};
use lp_protocol::{NodeId, VersionId};
use serde_json::value::RawValue;

use super::super::failure::Failure;
use super::super::state::State;
use crate::core::record::{Deed, TaskRecord, What};
use crate::core::{derive, result};
use crate::store::StoredTask;

pub(super) fn task_info(
    task: StoredTask,
    node_names: &BTreeMap<NodeId, String>,
    history: Vec<DeedView>,
) -> TaskInfo {
    TaskInfo {
        task: task.view(),
        output: (!task.record.stage.is_open()).then(|| output(&task)),
        actions: derive::action_views(&task.record, &task.plan, &task.attempts, node_names),
        history,
        result: derive::results(&task.record, &task.plan, &task.attempts, &task.outputs),
        input_data: task
            .input
            .unwrap_or_else(|| RawValue::from_string("{}".to_owned()).expect("`{}` is JSON")),
    }
}

/// What was done to a task, with names for tokens and numbers for versions.
pub(super) async fn history(state: &State, task: &StoredTask) -> Result<Vec<DeedView>, Failure> {
    let actors = if task.deeds.is_empty() { BTreeMap::new() } else { state.store.list_token_names().await? };
    let mut history: Vec<DeedView> = task.deeds.iter().map(|deed| deed_view(deed, &actors)).collect();
    let rerun: Vec<VersionId> = history.iter().filter_map(|deed| deed.version_id).collect();
    let numbers = state.store.load_version_numbers(&rerun).await?;
    for deed in &mut history {
        deed.version = deed.version_id.and_then(|version_id| numbers.get(&version_id).copied());
    }
    Ok(history)
}

fn deed_view(deed: &Deed, actors: &BTreeMap<String, String>) -> DeedView {
    let Deed { task: _, at, by, what } = deed;
    let by = actors.get(&**by).cloned().unwrap_or_else(|| by.to_string());
    let view = DeedView {
        at: *at,
        by,
        deed: String::new(),
        run: None,
        version_id: None,
        version: None,
        from: Vec::new(),
        signal: None,
    };
    match what.clone() {
        What::Stop { signal } => DeedView { deed: "stop".to_owned(), signal: Some(signal), ..view },
        What::Rerun { run, version_id } => {
            DeedView { deed: "rerun".to_owned(), run: Some(run), version_id: Some(version_id), ..view }
        }
        What::Recover { run, from } => DeedView { deed: "recover".to_owned(), run: Some(run), from, ..view },
    }
}

/// The plan of a task: that of its version, with the actions it has made at run time.
pub(crate) async fn plan_of(state: &State, record: &TaskRecord) -> Result<Arc<Plan>, Failure> {
    let mut plan = state.catalogue.load_plan(&state.store, record.version_id).await?;
    let generated = state.store.list_generated(record.seq).await?;
    if !generated.is_empty() {
        Arc::make_mut(&mut plan).add_generated(generated);
    }
    Ok(plan)
}

/// What the task as a whole has left, from the attempts of its latest run that succeeded.
fn output(task: &StoredTask) -> Box<RawValue> {
    let succeeded = |ordinal| {
        task.attempts.iter().rfind(|attempt| {
            attempt.id.action == ordinal
                && attempt.counts_in == task.record.run
                && attempt.exit.as_ref().is_some_and(lp_protocol::Exit::is_success)
        })
    };
    result::of_task(&task.plan, |ordinal| task.outputs.get(&succeeded(ordinal)?.id).map(|output| &**output))
}
