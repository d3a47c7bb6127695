//! Finished tasks that run again: from the beginning, or keeping what has succeeded.
//!
//! Both begin a new run of the same task. Earlier attempts stay as they are, and numbers of attempts go on where they were, so that every
//! attempt of a name has a log and a workspace of its own. What a recovered task keeps is said by its attempts: their success counts in the
//! new run too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lp_protocol::plan::{Ordinal, Plan};
use lp_protocol::{Stage, Status, VersionId};

use super::record::{ActionRecord, AttemptRecord, Deed, Origin, SUCCESS_EVENT, TaskRecord, What};
use super::{Core, Now, Shape, TaskRefusal};

/// A finished task as the store has it.
#[derive(Clone, Debug)]
pub struct Finished {
    pub record: TaskRecord,
    /// Of all runs, ascending by id.
    pub attempts: Vec<AttemptRecord>,
    /// The plan of its version, with the actions it has made at run time.
    pub plan: Arc<Plan>,
}

impl Core {
    /// Runs a finished task again from the beginning. `version` is what it shall run, where that is another than before.
    ///
    /// # Errors
    /// [`TaskRefusal::StillOpen`], or [`TaskRefusal::Changed`] where this batch has already done something with it.
    pub fn rerun_task(
        &mut self,
        now: Now,
        task: Finished,
        version: Option<(VersionId, Arc<Plan>)>,
        by: &str,
    ) -> Result<TaskRecord, TaskRefusal> {
        self.refuse_unless_runnable(&task.record)?;
        self.refuse_of_service(&task.record)?;
        let Finished { mut record, mut attempts, mut plan } = task;
        // a work has chosen the version of its tasks, and reads their results by its plan
        let is_chosen = matches!(record.origin, Some(Origin::Work(_)));
        match version.filter(|(version_id, _)| *version_id != record.version_id && !is_chosen) {
            Some((version_id, other)) => {
                self.name_attempts(&mut attempts, &plan);
                if plan.actions.iter().any(|action| action.generated.is_some()) {
                    self.outcome.changes.without_actions.push(record.seq);
                }
                record.version_id = version_id;
                plan = other;
            }
            None => {
                let all: Vec<Ordinal> = (0..plan.actions.len() as Ordinal).collect();
                self.retire(&record, &mut plan, &all);
            }
        }
        begin_run(&mut record);
        let what = What::Rerun { run: record.run, version_id: record.version_id };
        Ok(self.reopen(now, record, &attempts, &plan, by, what))
    }

    /// Runs what is left of a finished task: what has not succeeded, or, where `from` names actions, these and all that follows from them.
    ///
    /// # Errors
    /// As for [`Core::rerun_task`]; [`TaskRefusal::Succeeded`] where nothing is left, [`TaskRefusal::NoSuchAction`].
    pub fn recover_task(
        &mut self,
        now: Now,
        task: Finished,
        from: Vec<String>,
        by: &str,
    ) -> Result<TaskRecord, TaskRefusal> {
        self.refuse_unless_runnable(&task.record)?;
        self.refuse_of_service(&task.record)?;
        let Finished { mut record, mut attempts, mut plan } = task;
        if record.status == Some(Status::Success) && from.is_empty() {
            return Err(TaskRefusal::Succeeded);
        }
        let shape = Shape::new(plan.clone());
        let again = descendants(&shape, &from)?;
        let kept: BTreeSet<Ordinal> = attempts
            .iter()
            .filter(|attempt| {
                attempt.id.action < SUCCESS_EVENT
                    && attempt.counts_in == record.run
                    && attempt.exit.as_ref().is_some_and(lp_protocol::Exit::is_success)
                    && !again.contains(&attempt.id.action)
            })
            .map(|attempt| attempt.id.action)
            .collect();
        let makers: Vec<Ordinal> =
            (0..plan.actions.len() as Ordinal).filter(|ordinal| !kept.contains(ordinal)).collect();
        let gone = self.retire(&record, &mut plan, &makers);
        let before = record.run;
        begin_run(&mut record);
        for attempt in &mut attempts {
            let action = attempt.id.action;
            let counts = attempt.counts_in == before
                && attempt.exit.as_ref().is_some_and(lp_protocol::Exit::is_success);
            if counts && kept.contains(&action) && !gone.contains(&action) {
                attempt.counts_in = record.run;
                self.outcome.changes.attempts.insert(attempt.id, attempt.clone());
            }
        }
        let what = What::Recover { run: record.run, from };
        Ok(self.reopen(now, record, &attempts, &plan, by, what))
    }

    fn refuse_unless_runnable(&self, record: &TaskRecord) -> Result<(), TaskRefusal> {
        self.refuse_unless_finished(record)?;
        if record.status == Some(Status::Error) { Err(TaskRefusal::WithoutInput) } else { Ok(()) }
    }

    fn reopen(
        &mut self,
        now: Now,
        record: TaskRecord,
        attempts: &[AttemptRecord],
        plan: &Arc<Plan>,
        by: &str,
        what: What,
    ) -> TaskRecord {
        let seq = record.seq;
        self.outcome.changes.deeds.push(Deed { task: seq, at: now.wall, by: by.into(), what });
        let own = plan.actions.iter().any(|action| action.generated.is_some());
        if own {
            self.open_shaped(now, record.clone(), Arc::new(Shape::new(plan.clone())), attempts);
        } else {
            self.open(now, record.clone(), plan, attempts);
        }
        self.touch(seq);
        // nothing may be left to do
        self.settle(now, seq);
        self.outcome.changes.tasks.get(&seq).cloned().unwrap_or(record)
    }

    /// Makes history of the actions that these have made, and of those that they have made in turn. Returns them.
    fn retire(&mut self, record: &TaskRecord, plan: &mut Arc<Plan>, makers: &[Ordinal]) -> BTreeSet<Ordinal> {
        let mut makers: BTreeSet<Ordinal> = makers.iter().copied().collect();
        let mut gone = BTreeSet::new();
        // a maker comes before what it makes, except where a place was taken again
        loop {
            let made: Vec<Ordinal> = (0..)
                .zip(&plan.actions)
                .filter(|(ordinal, action)| {
                    let maker = action.generated.filter(|generation| !generation.retired).map(|made| made.by);
                    maker.is_some_and(|maker| makers.contains(&maker)) && !gone.contains(ordinal)
                })
                .map(|(ordinal, _)| ordinal)
                .collect();
            if made.is_empty() {
                break;
            }
            makers.extend(&made);
            gone.extend(made);
        }
        if gone.is_empty() {
            return gone;
        }
        let changed = Arc::make_mut(plan);
        changed.retire_all(&gone);
        for ordinal in &gone {
            if let Some(action) = changed.actions.get(*ordinal as usize) {
                let record_of = ActionRecord { plan: action.clone(), input: None };
                self.outcome.changes.actions.insert((record.seq, *ordinal), record_of);
            }
        }
        gone
    }

    /// Writes the names of a version's actions into their attempts, before the task takes another version.
    fn name_attempts(&mut self, attempts: &mut [AttemptRecord], plan: &Arc<Plan>) {
        let shape = Shape::new(plan.clone());
        for attempt in attempts.iter_mut().filter(|attempt| attempt.name.is_none()) {
            if let Some(action) = shape.action(attempt.id.action) {
                attempt.name = Some(action.name.as_str().into());
                self.outcome.changes.attempts.insert(attempt.id, attempt.clone());
            }
        }
    }
}

fn begin_run(record: &mut TaskRecord) {
    record.run += 1;
    record.stage = Stage::Pending;
    record.status = None;
    record.reason = None;
    record.start_at = None;
    record.end_at = None;
    record.stop = None;
}

/// These actions, all that wait for them or were made by them, and so on.
fn descendants(shape: &Shape, names: &[String]) -> Result<BTreeSet<Ordinal>, TaskRefusal> {
    let mut made: BTreeMap<Ordinal, Vec<Ordinal>> = BTreeMap::new();
    for (ordinal, action) in (0..).zip(&shape.plan.actions) {
        if let Some(generation) = action.generated.filter(|generation| !generation.retired) {
            made.entry(generation.by).or_default().push(ordinal);
        }
    }
    let mut found = BTreeSet::new();
    let mut open = Vec::new();
    for name in names {
        let ordinal = shape
            .ordinal(name)
            .filter(|ordinal| {
                *ordinal < SUCCESS_EVENT && !shape.action(*ordinal).is_some_and(|plan| plan.is_retired())
            })
            .ok_or_else(|| TaskRefusal::NoSuchAction(name.clone()))?;
        open.push(ordinal);
    }
    while let Some(ordinal) = open.pop() {
        if found.insert(ordinal) {
            open.extend(shape.children(ordinal));
            open.extend(made.get(&ordinal).into_iter().flatten());
        }
    }
    Ok(found)
}
