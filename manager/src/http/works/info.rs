//! One work with all that happened to it, put together from its rows.

use std::collections::BTreeMap;

use lp_protocol::plan::{Ordinal, Plan};
use lp_protocol::views::{WorkApplication, WorkInfo, WorkResult};
use lp_protocol::{TaskId, VersionId};
use serde_json::value::RawValue;

use super::super::failure::Failure;
use super::super::state::State;
use crate::core::record::TaskSeq;
use crate::core::{result, work};
use crate::store::StoredWork;

pub(super) async fn work_info(state: &State, work: StoredWork) -> Result<WorkInfo, Failure> {
    let applications = applications(&work);
    let results = results(state, &work, &applications).await?;
    Ok(WorkInfo {
        work: work.view(),
        input_data: work.input.unwrap_or_else(result::empty_object),
        configuration: work.configuration,
        applications,
        result: results,
    })
}

/// The applications in the order of the workflow; an event application only once its event has happened.
pub(super) fn applications(work: &StoredWork) -> Vec<WorkApplication> {
    let states = work::states(&work.record, &work.plan, &work.tasks);
    let mut views = Vec::with_capacity(states.len());
    for state in states {
        let Some(app) = work.plan.app(state.ordinal) else { continue };
        let condition = app.condition.iter().filter_map(|parent| work.plan.app(*parent));
        let named = work.versions.get(&app.version_id);
        views.push(WorkApplication {
            name: app.name.clone(),
            condition: condition.map(|parent| parent.name.clone()).collect(),
            app_id: app.app_id,
            app_name: named.map(|named| named.app.clone()).unwrap_or_default(),
            version_id: app.version_id,
            version: named.map(|named| named.number).unwrap_or_default(),
            task_id: state.task_id,
            stage: state.stage,
            status: state.status,
        });
    }
    views
}

/// LitePipeline's `result`: by name, each application that has a task.
async fn results(
    state: &State,
    work: &StoredWork,
    applications: &[WorkApplication],
) -> Result<BTreeMap<String, WorkResult>, Failure> {
    let runs: BTreeMap<TaskId, (TaskSeq, u32)> =
        work.tasks.iter().map(|task| (task.task_id, (task.seq, task.run))).collect();
    let mut plans = BTreeMap::new();
    let mut wanted: Vec<(TaskSeq, u32, Ordinal)> = Vec::new();
    for application in applications {
        let Some((seq, run)) = application.task_id.and_then(|task_id| runs.get(&task_id)) else { continue };
        let version: VersionId = application.version_id;
        let plan = state.catalogue.load_plan(&state.store, version).await?;
        wanted.extend(result::output_actions(&plan).into_iter().map(|action| (*seq, *run, action)));
        plans.insert(version, plan);
    }
    let outputs = if wanted.is_empty() { BTreeMap::new() } else { state.store.load_outputs(&wanted).await? };
    let mut results = BTreeMap::new();
    for application in applications {
        let Some(task_id) = application.task_id else { continue };
        let seq = runs.get(&task_id).map(|(seq, _)| *seq);
        let plan = plans.get(&application.version_id);
        let left = seq.zip(plan).map(|(seq, plan)| left_by(seq, plan, &outputs));
        results.insert(
            application.name.clone(),
            WorkResult {
                name: application.name.clone(),
                app_id: application.app_id,
                task_id: Some(task_id),
                stage: application.stage,
                status: application.status,
                result: left.unwrap_or_else(result::empty_object),
            },
        );
    }
    Ok(results)
}

fn left_by(
    task: TaskSeq,
    plan: &Plan,
    outputs: &BTreeMap<(TaskSeq, Ordinal), Option<Box<RawValue>>>,
) -> Box<RawValue> {
    result::of_task(plan, |action| outputs.get(&(task, action))?.as_deref())
}
