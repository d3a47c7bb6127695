//! Inputs of tasks that works make: put together in the batch that makes them, so that their rows have them from the beginning.
//!
//! Later wins: the work's own input, over it what the workflow gives the application, over that the results of the applications it
//! waits for, each under its name. Results are of tasks that are finished, in this very batch or before; so one query for the inputs of
//! the works and one for the outputs are enough, however many tasks there are. It is done before anything is placed: a task whose input
//! would be too large must not start with less.

use std::collections::{BTreeMap, HashMap};

use lp_protocol::plan::Ordinal;
use lp_protocol::views::WorkResult;
use lp_protocol::{Stage, WorkId};
use serde_json::value::{RawValue, to_raw_value};

use super::input::{self, Fields};
use crate::core::record::{AttemptRecord, Changes, TaskSeq};
use crate::core::work::{DerivedInput, Entry, InputFrom, ResultOf};
use crate::core::{Core, Now, result};
use crate::store::{Result, Store, WorkInputs};

/// Gives every task that a work has made its input, or ends it where that cannot be.
///
/// # Errors
/// The store's: the batch must not be committed then.
pub(super) async fn fill(store: &Store, core: &mut Core, now: Now) -> Result<()> {
    loop {
        let derived = core.take_derived();
        if derived.is_empty() {
            return Ok(());
        }
        let parts = Parts::load(store, core.changes(), &derived).await?;
        let inputs: Vec<_> = derived.iter().map(|derived| (derived.task, parts.input(derived))).collect();
        for (task, input) in inputs {
            match input {
                Ok(input) => core.give_input(now, task, input),
                // its end may call for the work's event application, hence the loop
                Err(reason) => core.refuse_task(now, task, reason),
            }
        }
    }
}

/// What the inputs are made of.
struct Parts {
    works: BTreeMap<WorkId, WorkInputs>,
    outputs: BTreeMap<(TaskSeq, Ordinal), Option<Box<RawValue>>>,
}

impl Parts {
    async fn load(store: &Store, changes: &Changes, derived: &[DerivedInput]) -> Result<Self> {
        let new = changes.new_works.iter().map(|new| {
            let applications = new.source.inputs.clone();
            (new.record.work_id, WorkInputs { input: new.input.clone(), applications })
        });
        let mut works: BTreeMap<WorkId, WorkInputs> = new.collect();
        let mut absent: Vec<WorkId> =
            derived.iter().map(|derived| derived.work_id).filter(|id| !works.contains_key(id)).collect();
        absent.sort_unstable();
        absent.dedup();
        if !absent.is_empty() {
            works.extend(store.load_work_inputs(&absent).await?);
        }
        let outputs = load_outputs(store, changes, derived).await?;
        Ok(Self { works, outputs })
    }

    fn input(&self, derived: &DerivedInput) -> Result<Box<RawValue>, String> {
        let mut fields = Fields::new();
        if let Some(work) = self.works.get(&derived.work_id) {
            fields = input::own_fields(work.input.as_deref());
            let own = work.applications.get(&*derived.application);
            fields.extend(input::own_fields(own.map(|own| &**own)));
        }
        match &derived.from {
            InputFrom::Results(results) => {
                fields.extend(results.iter().map(|(name, of)| (name.to_string(), self.result(of))));
            }
            InputFrom::Entries(entries) => {
                fields.extend(entries.iter().map(|entry| (entry.name.to_string(), self.entry(entry))));
            }
        }
        input::assemble(&fields)
    }

    fn result(&self, of: &ResultOf) -> Box<RawValue> {
        result::of_task(&of.plan, |action| self.outputs.get(&(of.task, action))?.as_deref())
    }

    fn entry(&self, entry: &Entry) -> Box<RawValue> {
        let Entry { name, app_id, status, task } = entry;
        let view = WorkResult {
            name: name.to_string(),
            app_id: *app_id,
            task_id: task.as_ref().map(|(task_id, _)| *task_id),
            stage: Stage::Finished,
            status: *status,
            result: task.as_ref().map_or_else(result::empty_object, |(_, of)| self.result(of)),
        };
        to_raw_value(&view).unwrap_or_else(|_| result::empty_object())
    }
}

/// The outputs the results are made of: those of this batch, and those that lie in the store.
async fn load_outputs(
    store: &Store,
    changes: &Changes,
    derived: &[DerivedInput],
) -> Result<BTreeMap<(TaskSeq, Ordinal), Option<Box<RawValue>>>> {
    let fresh: HashMap<(TaskSeq, Ordinal), &AttemptRecord> = changes
        .attempts
        .values()
        .filter(|attempt| attempt.exit.as_ref().is_some_and(lp_protocol::Exit::is_success))
        .map(|attempt| ((attempt.id.task, attempt.id.action), attempt))
        .collect();
    let mut outputs = BTreeMap::new();
    let mut absent = Vec::new();
    for of in derived.iter().flat_map(results_of) {
        for action in result::output_actions(&of.plan) {
            match fresh.get(&(of.task, action)) {
                Some(attempt) => match changes.payloads.get(&attempt.id) {
                    Some(payload) => {
                        outputs.insert((of.task, action), payload.output.clone());
                    }
                    // it left nothing, or it is kept by a recover in this very batch: the store knows it in the run before
                    None => {
                        absent.push((of.task, attempt.run.max(attempt.counts_in.saturating_sub(1)), action))
                    }
                },
                None => absent.push((of.task, of.run, action)),
            }
        }
    }
    absent.sort_unstable();
    absent.dedup();
    if !absent.is_empty() {
        outputs.extend(store.load_outputs(&absent).await?);
    }
    Ok(outputs)
}

fn results_of(derived: &DerivedInput) -> Vec<&ResultOf> {
    match &derived.from {
        InputFrom::Results(results) => results.iter().map(|(_, of)| of).collect(),
        InputFrom::Entries(entries) => {
            entries.iter().filter_map(|entry| entry.task.as_ref().map(|(_, of)| of)).collect()
        }
    }
}
