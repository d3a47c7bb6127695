//! The store of the simulation: rows in memory, with the rules that no committed batch may break.

use std::collections::BTreeMap;
use std::sync::Arc;

use lp_protocol::plan::{ActionPlan, Ordinal, Plan};
use lp_protocol::{DigestHex, Exit, NodeId, Stage, TaskId, VersionId};

use super::standing_model::StandingModel;
use super::work_model::WorkRows;
use crate::core::Finished;
use crate::core::build::record::{BuildRecord, BuildState};
use crate::core::record::{
    AttemptId, AttemptRecord, Changes, Drain, Open, SUCCESS_EVENT, TaskRecord, TaskSeq,
};

#[derive(Default)]
pub(super) struct Model {
    pub(super) tasks: BTreeMap<TaskSeq, TaskRecord>,
    pub(super) attempts: BTreeMap<AttemptId, AttemptRecord>,
    pub(super) plans: BTreeMap<VersionId, Arc<Plan>>,
    pub(super) standing: StandingModel,
    pub(super) works: WorkRows,
    pub(super) targets: BTreeMap<TaskSeq, Box<str>>,
    pub(super) drains: BTreeMap<NodeId, Drain>,
    /// Made at run time.
    pub(super) actions: BTreeMap<(TaskSeq, Ordinal), ActionPlan>,
    pub(super) builds: BTreeMap<DigestHex, BuildRecord>,
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
        self.targets.extend(changes.targets.clone());
        for (node_id, drain) in &changes.drains {
            match drain {
                Some(drain) => drop(self.drains.insert(*node_id, *drain)),
                None => drop(self.drains.remove(node_id)),
            }
        }
        for node_id in &changes.removed_nodes {
            self.drains.remove(node_id);
        }
        self.actions.retain(|(task, _), _| !changes.without_actions.contains(task));
        for (key, record) in &changes.actions {
            self.actions.insert(*key, record.plan.clone());
        }
        for (id, record) in &changes.attempts {
            self.commit_attempt(*id, record);
        }
        for seq in &changes.deleted {
            self.tasks.remove(seq);
            self.attempts.retain(|id, _| id.task != *seq);
            self.actions.retain(|(task, _), _| task != seq);
        }
        self.builds.extend(changes.builds.clone());
        changes.deleted_builds.iter().for_each(|key| drop(self.builds.remove(key)));
        self.commit_standing(changes);
        self.commit_works(changes);
    }

    fn commit_attempt(&mut self, id: AttemptId, record: &AttemptRecord) {
        let task = &self.tasks[&id.task];
        let Some(before) = self.attempts.insert(id, record.clone()) else {
            assert!(
                task.stop.is_none() || id.action >= SUCCESS_EVENT || record.stage == Stage::Finished,
                "nothing of a stopped task starts later: {id:?}"
            );
            let is_drained = self.drains.contains_key(&record.node_id);
            assert!(!is_drained, "a drained node gets nothing new: {record:?}");
            let newest = self.attempts.range(action_range(id)).next_back().map(|(newest, _)| *newest);
            assert_eq!(newest, Some(id), "attempt numbers grow");
            let of_action: Vec<&AttemptRecord> =
                self.attempts.range(action_range(id)).map(|(_, attempt)| attempt).collect();
            let open = of_action.iter().filter(|attempt| attempt.stage.is_open()).count();
            assert!(open <= 1, "at most one current attempt of an action: {of_action:#?}");
            return;
        };
        let kept = AttemptRecord { counts_in: record.counts_in, name: record.name.clone(), ..before.clone() };
        let ends_once = before.stage.is_open() || kept == *record;
        assert!(ends_once, "an attempt ends once: {before:?} -> {record:?}");
        assert!(record.counts_in >= before.counts_in && record.counts_in <= task.run);
        assert_eq!(before.node_id, record.node_id, "an attempt stays with its node");
    }

    pub(super) fn load(&self) -> Open {
        let open = |seq: &TaskSeq| self.tasks.get(seq).is_some_and(|task| task.stage.is_open());
        Open {
            tasks: self.tasks.values().filter(|task| task.stage.is_open()).cloned().collect(),
            attempts: self.attempts.values().filter(|attempt| open(&attempt.id.task)).cloned().collect(),
            works: self.open_works(),
            plans: self.plans.clone(),
            actions: self
                .actions
                .iter()
                .filter(|((task, _), _)| open(task))
                .map(|((task, _), plan)| (*task, plan.clone()))
                .collect(),
            next_seq: self.next_seq,
            standing: self.load_standing(),
            corrupt: Vec::new(),
            targets: self
                .targets
                .iter()
                .filter(|(seq, _)| open(seq))
                .map(|(seq, text)| (*seq, text.clone()))
                .collect(),
            drains: self.drains.clone(),
            builds: self
                .builds
                .values()
                .filter(|build| matches!(build.state, BuildState::Building { .. }))
                .cloned()
                .collect(),
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
        let plan = self.plan_of(task);
        let run = self.attempts[&id].run;
        let Some(action) = plan.actions.get(id.action as usize) else {
            // an event action of an earlier run may still be with a node that was given up
            return task.status.is_some() || run < task.run;
        };
        action.condition.iter().all(|parent| {
            let range = action_range(AttemptId { action: *parent, ..id });
            plan.actions[*parent as usize].is_retired()
                || run < task.run
                || self.attempts.range(range).any(|(_, attempt)| {
                    attempt.counts_in == run && attempt.exit == Some(Exit::Code { code: 0 })
                })
        })
    }

    /// The plan of a task's version, with what the task has made at run time.
    pub(super) fn plan_of(&self, task: &TaskRecord) -> Arc<Plan> {
        let mut plan = self.plans[&task.version_id].clone();
        let range = (task.seq, 0)..=(task.seq, Ordinal::MAX);
        let generated: Vec<ActionPlan> =
            self.actions.range(range).map(|(_, action)| action.clone()).collect();
        if !generated.is_empty() {
            Arc::make_mut(&mut plan).add_generated(generated);
        }
        plan
    }

    pub(super) fn finished(&self, record: TaskRecord) -> Finished {
        Finished { attempts: self.attempts_of(record.seq), plan: self.plan_of(&record), record }
    }
}

fn action_range(id: AttemptId) -> std::ops::RangeInclusive<AttemptId> {
    AttemptId { number: 0, ..id }..=AttemptId { number: u32::MAX, ..id }
}
