//! What people do with tasks: create, stop, run again, delete.

use std::sync::Arc;

use lp_protocol::frames::{ManagerFrame, Stop};
use lp_protocol::manifest;
use lp_protocol::plan::{ActionPlan, Ordinal, Plan};
use lp_protocol::{AppId, ServiceId, Stage, Status, TaskId, VersionId, WorkId};
use serde_json::value::RawValue;

use super::record::{
    AttemptId, AttemptRecord, Deed, NewTask, Origin, StopRequest, TaskRecord, TaskSeq, What,
};
use super::task::{Halt, State, Task};
use super::timers::Timer;
use super::{Core, Effect, Now, Shape};

/// A task to create.
pub struct NewTaskRequest {
    pub task_id: TaskId,
    pub name: String,
    pub app_id: AppId,
    pub version_id: VersionId,
    pub plan: Arc<Plan>,
    pub origin: Option<Origin>,
    pub priority: i32,
    pub input: Option<Box<RawValue>>,
    pub key: Option<Box<str>>,
    pub fingerprint: Option<Box<str>>,
}

/// The task's stage forbids what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskRefusal {
    NotOpen,
    StillOpen(Stage),
    /// There is nothing to recover.
    Succeeded,
    NoSuchAction(String),
    /// Deleted or reopened in this very batch.
    Changed,
    /// It is the task of a service, which makes the next one itself.
    OfService(ServiceId),
    /// It belongs to a work that is not finished, which counts on it.
    PartOf(WorkId),
    /// It was never started, because its input could not be put together.
    WithoutInput,
}

impl Core {
    pub fn create_task(&mut self, now: Now, request: NewTaskRequest) -> TaskRecord {
        let NewTaskRequest {
            task_id,
            name,
            app_id,
            version_id,
            plan,
            origin,
            priority,
            input,
            key,
            fingerprint,
        } = request;
        // lists order by sequence and cut by time: a clock set back must not make the two disagree
        self.last_create_at = self.last_create_at.max(now.wall);
        let record = TaskRecord {
            seq: self.next_seq,
            task_id,
            name: name.into(),
            app_id,
            version_id,
            origin,
            priority,
            run: 1,
            stage: Stage::Pending,
            status: None,
            reason: None,
            create_at: self.last_create_at,
            start_at: None,
            end_at: None,
            stop: None,
        };
        self.next_seq += 1;
        self.counters.tasks_created += 1;
        let targets: Option<Box<str>> =
            input.as_deref().and_then(manifest::find_target_env).map(|text| text.get().into());
        self.outcome.changes.new_tasks.push(NewTask { record: record.clone(), input, key, fingerprint });
        if let Some(text) = targets {
            self.outcome.changes.targets.insert(record.seq, text.clone());
            self.offer_targets(record.seq, text);
        }
        self.open(now, record.clone(), &plan, &[]);
        self.touch(record.seq);
        record
    }

    /// Takes a task into the open ones, in the state its records tell, and queues what can start.
    pub(super) fn open(
        &mut self,
        now: Now,
        record: TaskRecord,
        plan: &Arc<Plan>,
        attempts: &[AttemptRecord],
    ) {
        let shape = self.shape(record.version_id, plan);
        self.open_shaped(now, record, shape, attempts);
    }

    /// The same for a task with a shape of its own.
    pub(super) fn open_shaped(
        &mut self,
        now: Now,
        mut record: TaskRecord,
        shape: Arc<Shape>,
        attempts: &[AttemptRecord],
    ) {
        let seq = record.seq;
        let targets = self.take_targets(now, &mut record, &shape);
        let mut task = Task::restore(record, shape, attempts, now);
        task.targets = targets.map(Box::new);
        self.by_id.insert(task.record.task_id, seq);
        self.origin_opened(&task.record);
        self.begun_tasks += u64::from(task.begun);
        let states: Vec<(Ordinal, State)> =
            task.all_actions().map(|(ordinal, action)| (ordinal, action.state)).collect();
        self.tasks.insert(seq, Box::new(task));
        for (action, state) in states {
            match state {
                State::Queued => self.enqueue(seq, action),
                State::Backoff { due, .. } => self.timers.set(due, Timer::Retry { task: seq, action }),
                State::Waiting { .. } | State::Live | State::Done(_) => {}
            }
        }
    }

    /// Stops a task: nothing of it starts any more, and what runs is told to end.
    ///
    /// # Errors
    /// [`TaskRefusal::NotOpen`] where there is no such open task.
    pub fn stop_task(
        &mut self,
        now: Now,
        task_id: TaskId,
        stop: StopRequest,
        by: &str,
    ) -> Result<TaskRecord, TaskRefusal> {
        let seq = self.find_open(task_id).ok_or(TaskRefusal::NotOpen)?;
        let Some(task) = self.tasks.get_mut(&seq) else { return Err(TaskRefusal::NotOpen) };
        let is_new = task.record.stop != Some(stop);
        if task.record.status.is_none() {
            task.record.stop = Some(stop);
            task.record.stage = Stage::Stopping;
            task.record.reason = Some("stopped on request".into());
            self.halt(seq);
        } else {
            // only its event action is left
            self.drop_unstarted_event(seq);
        }
        self.send_stops(seq, stop);
        self.touch(seq);
        if is_new {
            let what = What::Stop { signal: stop.signal };
            self.outcome.changes.deeds.push(Deed { task: seq, at: now.wall, by: by.into(), what });
        }
        let stopping = self.tasks.get(&seq).map(|task| task.record.clone());
        self.settle(now, seq);
        match self.tasks.get(&seq) {
            Some(task) => Ok(task.record.clone()),
            // it was finished by the stop: the record in the batch is its last
            None => self.outcome.changes.tasks.get(&seq).cloned().or(stopping).ok_or(TaskRefusal::NotOpen),
        }
    }

    /// Forgets a finished task.
    ///
    /// # Errors
    /// [`TaskRefusal::StillOpen`], or [`TaskRefusal::Changed`] where this batch has already done something with it.
    pub fn delete_task(&mut self, record: &TaskRecord) -> Result<(), TaskRefusal> {
        self.refuse_unless_finished(record)?;
        self.outcome.changes.deleted.push(record.seq);
        Ok(())
    }

    /// A service makes its tasks itself, one after the other.
    pub(super) fn refuse_of_service(&self, record: &TaskRecord) -> Result<(), TaskRefusal> {
        match record.origin {
            Some(Origin::Service(id)) if self.services.is_known(id) => Err(TaskRefusal::OfService(id)),
            _ => Ok(()),
        }
    }

    pub(super) fn refuse_unless_finished(&self, record: &TaskRecord) -> Result<(), TaskRefusal> {
        if let Some(task) = self.tasks.get(&record.seq) {
            return Err(TaskRefusal::StillOpen(task.record.stage));
        }
        if record.stage.is_open() {
            return Err(TaskRefusal::Changed);
        }
        if let Some(Origin::Work(work_id)) = record.origin.filter(|_| self.is_part_of_open_work(record)) {
            return Err(TaskRefusal::PartOf(work_id));
        }
        let changes = &self.outcome.changes;
        if changes.deleted.contains(&record.seq) || changes.tasks.contains_key(&record.seq) {
            return Err(TaskRefusal::Changed);
        }
        Ok(())
    }

    /// Ends everything of a task that has not started.
    pub(super) fn halt(&mut self, seq: TaskSeq) {
        let Some(task) = self.tasks.get(&seq) else { return };
        let Some(halt) = task.halt() else { return };
        let states: Vec<(Ordinal, State)> = task
            .all_actions()
            .take(task.shape.actions())
            .filter(|(ordinal, _)| !task.plan(*ordinal).is_some_and(ActionPlan::is_retired))
            .map(|(ordinal, action)| (ordinal, action.state))
            .collect();
        for (ordinal, state) in states {
            match state {
                State::Live | State::Done(Status::Success) => continue,
                // a stop after a failure: what was skipped is cancelled now
                State::Done(_) if halt == Halt::Failed => continue,
                State::Done(_) | State::Waiting { .. } => {}
                State::Queued => self.dequeue(seq, ordinal),
                State::Backoff { due, .. } => {
                    self.timers.cancel(due, Timer::Retry { task: seq, action: ordinal })
                }
            }
            let Some(task) = self.tasks.get_mut(&seq) else { return };
            if let Some(status) = task.action(ordinal).map(|action| action.halted_status(halt)) {
                task.set_state(ordinal, State::Done(status));
            }
        }
    }

    fn drop_unstarted_event(&mut self, seq: TaskSeq) {
        let Some(task) = self.tasks.get(&seq) else { return };
        let Some(event) = task.due_event() else { return };
        match task.action(event).map(|action| action.state) {
            Some(State::Queued) => self.dequeue(seq, event),
            Some(State::Backoff { due, .. }) => {
                self.timers.cancel(due, Timer::Retry { task: seq, action: event })
            }
            _ => return,
        }
        if let Some(task) = self.tasks.get_mut(&seq) {
            task.set_state(event, State::Done(Status::Cancel));
        }
    }

    fn send_stops(&mut self, seq: TaskSeq, stop: StopRequest) {
        let ids: Vec<AttemptId> = self.live_of(seq).collect();
        for id in ids {
            self.send_stop(id, stop);
        }
    }

    /// Tells the node of a live attempt to stop it. Where the node is away, its next hello is answered with the stop.
    pub(super) fn send_stop(&mut self, id: AttemptId, stop: StopRequest) {
        let Some(record) = self.live.get_mut(&id) else { return };
        record.stage = Stage::Stopping;
        let record = record.clone();
        let connection = self.nodes.get(&record.node_id).and_then(|node| node.connection);
        let grace = stop.grace.or_else(|| self.tasks.get(&id.task)?.plan(id.action).map(|plan| plan.grace));
        if let (Some(connection), Some(attempt)) = (connection, self.key(id)) {
            let stop = Stop {
                attempt,
                signal: stop.signal,
                grace: grace.unwrap_or(lp_protocol::plan::DEFAULT_GRACE),
            };
            self.outcome
                .effects
                .push(Effect::Send { connection, frame: ManagerFrame::Stop { stops: vec![stop] } });
        }
        self.touch_attempt(record);
    }

    pub(super) fn live_of(&self, seq: TaskSeq) -> impl Iterator<Item = AttemptId> + '_ {
        let from = AttemptId { task: seq, action: 0, number: 0 };
        let to = AttemptId { task: seq, action: Ordinal::MAX, number: u32::MAX };
        self.live.range(from..=to).map(|(id, _)| *id)
    }
}
