//! The store of the simulation: rows in memory, with the rules that no committed batch may break.

use std::collections::BTreeMap;
use std::sync::Arc;

use lp_protocol::plan::Plan;
use lp_protocol::{Exit, Stage, TaskId, VersionId};

use super::standing_model::StandingModel;
use crate::core::record::{AttemptId, AttemptRecord, Changes, Open, SUCCESS_EVENT, TaskRecord, TaskSeq};

#[derive(Default)]
pub(super) struct Model {
    pub(super) tasks: BTreeMap<TaskSeq, TaskRecord>,
    pub(super) attempts: BTreeMap<AttemptId, AttemptRecord>,
    pub(super) plans: BTreeMap<VersionId, Arc<Plan>>,
    pub(super) standing: StandingModel,
    next_seq: TaskSeq,
}

impl Model {
    /// Commits a batch, checking what must hold between any two committed states.
    pub(super) fn commit(&mut self, changes: &Changes) {
        for new in &changes.new_tasks {
            let seq = new.record.seq;
            assert!(seq >= self.next_seq, "sequence numbers are never used twice");
            self.next_seq = seq + 1;
            assert!(self.tasks.insert(seq, new.record.clone()).is_none());
        }
        for (seq, record) in &changes.tasks {
            let before =
                self.tasks.insert(*seq, record.clone()).expect("an update is of a task that is there");
            if before.stage == Stage::Finished {
                assert!(
                    record.run > before.run,
                    "a finished task changes only by a new run: {before:?} -> {record:?}"
                );
            }
            if before.run == record.run && before.status.is_some() {
                assert_eq!(before.status, record.status, "a status, once given, stays");
            }
        }
        for (id, record) in &changes.attempts {
            self.commit_attempt(*id, record);
        }
        for seq in &changes.deleted {
            self.tasks.remove(seq);
            self.attempts.retain(|id, _| id.task != *seq);
        }
        self.commit_standing(changes);
    }

    fn commit_attempt(&mut self, id: AttemptId, record: &AttemptRecord) {
        let task = &self.tasks[&id.task];
        let Some(before) = self.attempts.insert(id, record.clone()) else {
            assert!(
                task.stop.is_none() || id.action >= SUCCESS_EVENT || record.stage == Stage::Finished,
                "nothing of a stopped task starts later: {id:?}"
            );
            let newest = self.attempts.range(action_range(id)).next_back().map(|(newest, _)| *newest);
            assert_eq!(newest, Some(id), "attempt numbers grow");
            let of_action: Vec<&AttemptRecord> =
                self.attempts.range(action_range(id)).map(|(_, attempt)| attempt).collect();
            let open = of_action.iter().filter(|attempt| attempt.stage.is_open()).count();
            assert!(open <= 1, "at most one current attempt of an action: {of_action:#?}");
            return;
        };
        assert!(before.stage.is_open(), "an attempt ends once: {before:?} -> {record:?}");
        assert_eq!(before.node_id, record.node_id, "an attempt stays with its node");
    }

    pub(super) fn load(&self) -> Open {
        let open = |seq: &TaskSeq| self.tasks.get(seq).is_some_and(|task| task.stage.is_open());
        Open {
            tasks: self.tasks.values().filter(|task| task.stage.is_open()).cloned().collect(),
            attempts: self.attempts.values().filter(|attempt| open(&attempt.id.task)).cloned().collect(),
            plans: self.plans.clone(),
            next_seq: self.next_seq,
            standing: self.load_standing(),
            corrupt: Vec::new(),
        }
    }

    pub(super) fn task(&self, task_id: TaskId) -> &TaskRecord {
        self.tasks.values().find(|task| task.task_id == task_id).expect("an acknowledged task is never lost")
    }

    pub(super) fn attempts_of(&self, seq: TaskSeq) -> Vec<AttemptRecord> {
        self.attempts.values().filter(|attempt| attempt.id.task == seq).cloned().collect()
    }

    /// The actions an attempt waits for have succeeded in its run.
    pub(super) fn conditions_hold(&self, id: AttemptId) -> bool {
        let task = &self.tasks[&id.task];
        let plan = &self.plans[&task.version_id];
        let run = self.attempts[&id].run;
        let Some(action) = plan.actions.get(id.action as usize) else {
            // an event action of an earlier run may still be with a node that was given up
            return task.status.is_some() || run < task.run;
        };
        action.condition.iter().all(|parent| {
            let range = action_range(AttemptId { action: *parent, ..id });
            self.attempts
                .range(range)
                .any(|(_, attempt)| attempt.run == run && attempt.exit == Some(Exit::Code { code: 0 }))
        })
    }
}

fn action_range(id: AttemptId) -> std::ops::RangeInclusive<AttemptId> {
    AttemptId { number: 0, ..id }..=AttemptId { number: u32::MAX, ..id }
}
