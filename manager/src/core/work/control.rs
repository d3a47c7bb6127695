//! What people do with works: create, stop, run again, recover, delete.

use std::collections::BTreeMap;
use std::sync::Arc;

use lp_protocol::plan::Plan;
use lp_protocol::{ScheduleId, Stage, Status, TaskId, VersionId, WorkId};
use serde_json::value::RawValue;

use super::super::record::{StopRequest, TaskRecord, TaskSeq};
use super::super::{Core, Finished, Now};
use super::machine::{Node, TaskRef, Work};
use super::record::{NewWork, OpenWork, WorkPlan, WorkRecord, WorkSource, WorkTask};

/// A work to create.
pub struct NewWorkRequest {
    pub work_id: WorkId,
    pub schedule_id: Option<ScheduleId>,
    pub name: String,
    pub priority: i32,
    pub source: Arc<WorkSource>,
    /// A JSON object; None is `{}`.
    pub input: Option<Box<RawValue>>,
}

/// A work that the store says is finished, with what is needed to open it again.
#[derive(Clone, Debug)]
pub struct FinishedWork {
    pub record: WorkRecord,
    pub plan: Arc<WorkPlan>,
    /// Of every version in the plan.
    pub plans: BTreeMap<VersionId, Arc<Plan>>,
    /// Of all runs, ascending.
    pub tasks: Vec<WorkTask>,
}

impl FinishedWork {
    /// The task stands for an application of the latest run, and did not succeed.
    pub fn wants_recovery(&self, task: &WorkTask) -> bool {
        let is_current = task.seq >= self.record.since
            && self.plan.applications.iter().any(|application| application.name == *task.name);
        // one that was never started gets another task instead
        let is_kept = matches!(task.status, Some(Status::Success | Status::Error));
        is_current && !task.stage.is_open() && !is_kept
    }
}

/// The work's stage forbids what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkRefusal {
    NotOpen,
    StillOpen(Stage),
    /// There is nothing to recover.
    HasSucceeded,
    /// One of its tasks was run again by itself and is not finished.
    TaskOpen(TaskId),
    /// Deleted or reopened in this very batch.
    Changed,
}

impl Core {
    /// Creates a work, and the tasks of those of its applications that wait for nothing.
    pub fn create_work(&mut self, now: Now, request: NewWorkRequest) -> WorkRecord {
        let NewWorkRequest { work_id, schedule_id, name, priority, source, input } = request;
        self.last_create_at = self.last_create_at.max(now.wall);
        let record = WorkRecord {
            work_id,
            workflow_id: source.workflow_id,
            schedule_id,
            name: name.into(),
            priority,
            run: 1,
            since: self.next_seq,
            event_since: self.next_seq,
            stage: Stage::Pending,
            status: None,
            reason: None,
            create_at: self.last_create_at,
            start_at: None,
            end_at: None,
            stop: None,
        };
        let (plan, plans) = (source.plan.clone(), source.plans.clone());
        self.outcome.changes.new_works.push(NewWork { record: record.clone(), source, input });
        self.open_work(now, record.clone(), plan, &plans, &[]);
        record
    }

    /// Takes a work into the open ones, in the state its rows tell, and starts what can start. Tells whether it could: the plan of each of
    /// its versions must be there.
    pub(in super::super) fn open_work(
        &mut self,
        now: Now,
        record: WorkRecord,
        plan: Arc<WorkPlan>,
        plans: &BTreeMap<VersionId, Arc<Plan>>,
        tasks: &[WorkTask],
    ) -> bool {
        let work_id = record.work_id;
        let mut shapes = Vec::with_capacity(plan.applications.len());
        for version in plan.versions() {
            let Some(plan) = plans.get(&version) else { return false };
            shapes.push(self.shape(version, plan));
        }
        self.origin_of_work_opened(&record);
        let work = Work::restore(record, plan, shapes.into(), tasks);
        self.works.insert(work_id, Box::new(work));
        self.start_applications(now, work_id);
        self.settle_work(now, work_id);
        true
    }

    /// The same from the store, after the tasks have been loaded: one that was settled in the course of that counts as it is now.
    pub(in super::super) fn load_work(
        &mut self,
        now: Now,
        work: OpenWork,
        plans: &BTreeMap<VersionId, Arc<Plan>>,
    ) {
        let OpenWork { record, plan, mut tasks } = work;
        self.refresh(&mut tasks);
        self.open_work(now, record, plan, plans, &tasks);
    }

    /// Stops a work: no application of it starts any more, and its tasks are stopped.
    ///
    /// # Errors
    /// [`WorkRefusal::NotOpen`] where there is no such open work.
    pub fn stop_work(
        &mut self,
        now: Now,
        work_id: WorkId,
        stop: StopRequest,
        by: &str,
    ) -> Result<WorkRecord, WorkRefusal> {
        let work = self.works.get_mut(&work_id).ok_or(WorkRefusal::NotOpen)?;
        if work.record.status.is_none() {
            work.record.stop = Some(stop);
            work.record.stage = Stage::Stopping;
            work.record.reason = Some("stopped on request".into());
            work.cancel_unstarted();
        }
        let stopping = work.record.clone();
        let tasks = work.open_tasks();
        self.touch_work(work_id);
        for task in tasks {
            let _finished_meanwhile = self.stop_task(now, task.task_id, stop, by);
        }
        self.settle_work(now, work_id);
        Ok(match self.works.get(&work_id) {
            Some(work) => work.record.clone(),
            // it was finished by the stop: the record in the batch is its last
            None => self.outcome.changes.works.get(&work_id).cloned().unwrap_or(stopping),
        })
    }

    /// Nothing has asked for its end yet, or an application that came after that still runs on.
    pub(in super::super) fn can_stop_work(&self, work_id: WorkId) -> bool {
        let Some(work) = self.works.get(&work_id) else { return false };
        let runs_on =
            |task: &TaskRef| self.tasks.get(&task.seq).is_some_and(|task| task.record.stop.is_none());
        work.record.stop.is_none() && (work.record.status.is_none() || work.open_tasks().iter().any(runs_on))
    }

    /// Says in the rows of a work and of its tasks why they were stopped in this batch.
    pub(in super::super) fn explain_work_stop(&mut self, work_id: WorkId, reason: &str) {
        if let Some(work) = self.works.get_mut(&work_id) {
            work.record.reason = Some(reason.into());
            let tasks = work.open_tasks();
            self.touch_work(work_id);
            // an event application that has begun with the stop is none of those that were stopped
            let is_stopped = |seq| self.tasks.get(&seq).is_some_and(|task| task.record.stop.is_some());
            let stopped: Vec<TaskSeq> =
                tasks.iter().map(|task| task.seq).filter(|seq| is_stopped(*seq)).collect();
            for seq in stopped {
                self.explain_stop(seq, reason);
            }
            return;
        }
        let changes = &mut self.outcome.changes;
        let made = changes.new_works.iter_mut().map(|new| &mut new.record);
        if let Some(record) = made.chain(changes.works.values_mut()).find(|record| record.work_id == work_id)
        {
            record.reason = Some(reason.into());
        }
    }

    /// Opens a finished work again under its next run number: everything runs anew, from the same copy and with the same input.
    ///
    /// # Errors
    /// [`WorkRefusal::StillOpen`], or [`WorkRefusal::Changed`] where this batch has already done something with it.
    pub fn rerun_work(&mut self, now: Now, work: FinishedWork) -> Result<WorkRecord, WorkRefusal> {
        self.refuse_unless_work_finished(&work.record)?;
        let record = WorkRecord {
            since: self.next_seq,
            event_since: self.next_seq,
            start_at: None,
            ..reopened(&work.record)
        };
        Ok(self.reopen_work(now, record, work))
    }

    /// Opens a finished work again where it ended: what succeeded is kept, tasks that did not are recovered, and what was not started
    /// gets its turn. `failed` are those tasks, as the store has them.
    ///
    /// # Errors
    /// As for [`Core::rerun_work`], and [`WorkRefusal::HasSucceeded`].
    pub fn recover_work(
        &mut self,
        now: Now,
        mut work: FinishedWork,
        failed: Vec<Finished>,
        by: &str,
    ) -> Result<WorkRecord, WorkRefusal> {
        self.refuse_unless_work_finished(&work.record)?;
        if work.record.status == Some(Status::Success) {
            return Err(WorkRefusal::HasSucceeded);
        }
        self.refresh(&mut work.tasks);
        let wanted: Vec<TaskSeq> =
            work.tasks.iter().filter(|task| work.wants_recovery(task)).map(|task| task.seq).collect();
        let failed: Vec<Finished> =
            failed.into_iter().filter(|task| wanted.contains(&task.record.seq)).collect();
        if failed.len() < wanted.len() || failed.iter().any(|task| self.is_changed(&task.record)) {
            return Err(WorkRefusal::Changed);
        }
        for task in failed {
            let seq = task.record.seq;
            let Ok(reopened) = self.recover_task(now, task, Vec::new(), by) else { continue };
            for task in work.tasks.iter_mut().filter(|task| task.seq == seq) {
                (task.run, task.stage, task.status) = (reopened.run, reopened.stage, reopened.status);
            }
        }
        let record = WorkRecord { event_since: self.next_seq, ..reopened(&work.record) };
        Ok(self.reopen_work(now, record, work))
    }

    /// Brings what the store said of tasks to what this batch has made of them.
    fn refresh(&self, tasks: &mut Vec<WorkTask>) {
        let changes = &self.outcome.changes;
        tasks.retain(|task| !changes.deleted.contains(&task.seq));
        for task in tasks {
            let open = self.tasks.get(&task.seq).map(|open| &open.record);
            if let Some(record) = open.or_else(|| changes.tasks.get(&task.seq)) {
                (task.run, task.stage, task.status) = (record.run, record.stage, record.status);
            }
        }
    }

    /// The batch has done something with the task already.
    fn is_changed(&self, record: &TaskRecord) -> bool {
        self.tasks.contains_key(&record.seq) || self.outcome.changes.tasks.contains_key(&record.seq)
    }

    fn reopen_work(&mut self, now: Now, record: WorkRecord, work: FinishedWork) -> WorkRecord {
        let work_id = record.work_id;
        self.outcome.changes.works.insert(work_id, record.clone());
        self.open_work(now, record.clone(), work.plan, &work.plans, &work.tasks);
        self.touch_work(work_id);
        self.outcome.changes.works.get(&work_id).cloned().unwrap_or(record)
    }

    /// Forgets a finished work and its tasks, which are those of all runs.
    ///
    /// # Errors
    /// As for [`Core::rerun_work`], and [`WorkRefusal::TaskOpen`].
    pub fn delete_work(&mut self, record: &WorkRecord, tasks: &[TaskRecord]) -> Result<(), WorkRefusal> {
        self.refuse_unless_work_finished(record)?;
        for task in tasks {
            if task.stage.is_open() || self.find_open(task.task_id).is_some() {
                return Err(WorkRefusal::TaskOpen(task.task_id));
            }
            if self.outcome.changes.tasks.contains_key(&task.seq) {
                return Err(WorkRefusal::Changed);
            }
        }
        for task in tasks {
            if !self.outcome.changes.deleted.contains(&task.seq) {
                self.outcome.changes.deleted.push(task.seq);
            }
        }
        self.outcome.changes.deleted_works.push(record.work_id);
        Ok(())
    }

    fn refuse_unless_work_finished(&self, record: &WorkRecord) -> Result<(), WorkRefusal> {
        if let Some(work) = self.works.get(&record.work_id) {
            return Err(WorkRefusal::StillOpen(work.record.stage));
        }
        let changes = &self.outcome.changes;
        let is_touched = changes.deleted_works.contains(&record.work_id)
            || changes.works.contains_key(&record.work_id)
            || record.stage.is_open();
        if is_touched { Err(WorkRefusal::Changed) } else { Ok(()) }
    }

    /// Tells whether a work is open.
    pub fn is_work_open(&self, work_id: WorkId) -> bool {
        self.works.contains_key(&work_id)
    }
}

fn reopened(record: &WorkRecord) -> WorkRecord {
    WorkRecord {
        run: record.run + 1,
        stage: Stage::Pending,
        status: None,
        reason: None,
        end_at: None,
        stop: None,
        ..record.clone()
    }
}

impl Work {
    /// Ends everything that has no task; what was skipped before is cancelled now.
    fn cancel_unstarted(&mut self) {
        for ordinal in 0..self.plan.applications.len() as u32 {
            if matches!(self.node(ordinal), Some(Node::Waiting { .. } | Node::Unstarted(_))) {
                self.set_node(ordinal, Node::Unstarted(Status::Cancel));
            }
        }
    }
}
