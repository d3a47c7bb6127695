//! How a work goes on when one of its tasks starts or ends.

use chrono::{DateTime, Utc};
use lp_protocol::plan::Ordinal;
use lp_protocol::{Stage, Status, WorkId, manifest};
use serde_json::value::RawValue;

use super::super::record::{Origin, SUCCESS_EVENT, StopRequest, TaskRecord, TaskSeq};
use super::super::task::State;
use super::super::{Core, NewTaskRequest, Now};
use super::machine::{Node, TaskRef, task_id};

/// How tasks are stopped when another one of a work with `fail_fast` has failed.
const FAIL_FAST: StopRequest = StopRequest { signal: 15, grace: None };

impl Core {
    /// The first program of one of its tasks has started.
    pub(in super::super) fn work_started(&mut self, work_id: WorkId, start_at: DateTime<Utc>) {
        let Some(work) = self.works.get_mut(&work_id) else { return };
        if work.record.start_at.is_none_or(|first| start_at < first) {
            work.record.start_at = Some(start_at);
            if work.record.stage == Stage::Pending {
                work.record.stage = Stage::Running;
            }
            self.touch_work(work_id);
        }
    }

    /// A task of a work is finished.
    pub(in super::super) fn work_task_ended(&mut self, now: Now, work_id: WorkId, ended: &TaskRecord) {
        let Some(work) = self.works.get_mut(&work_id) else { return };
        let Some(ordinal) = work.ordinal(&ended.name) else { return };
        let Some(Node::Open(task)) = work.node(ordinal).copied().filter(|node| is_of(node, ended)) else {
            return;
        };
        let was_halted = work.halted().is_some();
        let status = ended.status.unwrap_or(Status::Fail);
        work.set_node(ordinal, Node::Ended { task, status });
        if ordinal < SUCCESS_EVENT {
            if status == Status::Success {
                self.start_children(now, work_id, ordinal);
            } else {
                self.application_failed(now, work_id, ordinal, ended, was_halted);
            }
        }
        self.settle_work(now, work_id);
    }

    fn start_children(&mut self, now: Now, work_id: WorkId, ordinal: Ordinal) {
        let Some(work) = self.works.get(&work_id) else { return };
        for child in work.children(ordinal).to_vec() {
            let Some(work) = self.works.get_mut(&work_id) else { return };
            let Some(Node::Waiting { missing }) = work.node(child).copied() else { continue };
            let missing = missing.saturating_sub(1);
            work.set_node(child, Node::Waiting { missing });
            if missing == 0 {
                self.start_application(now, work_id, child);
            }
        }
    }

    fn application_failed(
        &mut self,
        now: Now,
        work_id: WorkId,
        ordinal: Ordinal,
        ended: &TaskRecord,
        was_halted: bool,
    ) {
        let Some(work) = self.works.get_mut(&work_id) else { return };
        if work.record.reason.is_none() {
            let how = if ended.status == Some(Status::Kill) { "was stopped" } else { "failed" };
            let why = ended.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
            work.record.reason = Some(format!("application `{}` {how}{why}", ended.name).into());
            self.touch_work(work_id);
        }
        let Some(work) = self.works.get_mut(&work_id) else { return };
        work.skip_dependents(ordinal);
        // only the first failure of all stops the others
        let Some(status) = work.halted().filter(|_| !was_halted) else { return };
        work.end_waiting(status);
        for task in work.open_tasks() {
            let by = format!("work {}", work_id.short());
            let _finished_meanwhile = self.stop_task(now, task.task_id, FAIL_FAST, &by);
        }
    }

    /// Starts every application that waits for nothing: at the beginning of a run, and after a load.
    pub(super) fn start_applications(&mut self, now: Now, work_id: WorkId) {
        let Some(work) = self.works.get(&work_id) else { return };
        let ready: Vec<Ordinal> = (0..)
            .zip(work.plain_nodes())
            .filter(|(_, node)| matches!(node, Node::Waiting { missing: 0 }))
            .map(|(ordinal, _)| ordinal)
            .collect();
        for ordinal in ready {
            self.start_application(now, work_id, ordinal);
        }
    }

    /// Makes the task of an application.
    fn start_application(&mut self, now: Now, work_id: WorkId, ordinal: Ordinal) {
        let Some(work) = self.works.get(&work_id) else { return };
        let (Some(app), Some(shape)) = (work.plan.app(ordinal), work.shape(ordinal)) else { return };
        let request = NewTaskRequest {
            task_id: task_id(work_id, work.record.run, ordinal),
            name: app.name.clone(),
            app_id: app.app_id,
            version_id: app.version_id,
            plan: shape.plan.clone(),
            origin: Some(Origin::Work(work_id)),
            priority: work.record.priority.saturating_add(app.priority),
            input: None,
            key: None,
            fingerprint: None,
        };
        let TaskRecord { seq, task_id, run, .. } = self.create_task(now, request);
        let Some(work) = self.works.get_mut(&work_id) else { return };
        let input = work.input_for(ordinal, seq);
        work.set_node(ordinal, Node::Open(TaskRef { seq, task_id, run }));
        self.derived.extend(input);
    }

    /// Finishes a work whose applications are all done; before that, its event application gets its turn.
    pub(super) fn settle_work(&mut self, now: Now, work_id: WorkId) {
        let Some(work) = self.works.get_mut(&work_id) else { return };
        if work.unsettled > 0 {
            return;
        }
        let is_new = work.record.status.is_none();
        let status = *work.record.status.get_or_insert(work.outcome());
        let event = work.due_event().and_then(|event| Some((event, *work.node(event)?)));
        match event {
            Some((event, Node::Waiting { .. })) => {
                self.start_application(now, work_id, event);
                self.touch_work(work_id);
                return;
            }
            Some((_, Node::Open(_))) => {
                if is_new {
                    self.touch_work(work_id);
                }
                return;
            }
            Some((_, Node::Unstarted(_) | Node::Ended { .. })) | None => {}
        }
        let Some(work) = self.works.get_mut(&work_id) else { return };
        work.record.stage = Stage::Finished;
        work.record.status = Some(status);
        work.record.end_at = Some(now.wall);
        self.touch_work(work_id);
        if let Some(work) = self.works.remove(&work_id) {
            self.origin_of_work_ended(now, &work.record);
        }
    }

    /// Notes that a work's record has changed; the row is taken as it is at the end of the batch.
    pub(super) fn touch_work(&mut self, work_id: WorkId) {
        let Some(work) = self.works.get(&work_id) else { return };
        let changes = &mut self.outcome.changes;
        match changes.new_works.iter_mut().find(|new| new.record.work_id == work_id) {
            Some(new) => new.record = work.record.clone(),
            None => {
                changes.works.insert(work_id, work.record.clone());
            }
        }
    }
}

/// The node is this very task.
fn is_of(node: &Node, record: &TaskRecord) -> bool {
    matches!(node, Node::Open(task) if task.seq == record.seq)
}

impl super::machine::Work {
    /// Ends what has no task and will not get one.
    pub(super) fn end_waiting(&mut self, status: Status) {
        for ordinal in 0..self.plan.applications.len() as Ordinal {
            if matches!(self.node(ordinal), Some(Node::Waiting { .. })) {
                self.set_node(ordinal, Node::Unstarted(status));
            }
        }
    }
}

impl Core {
    /// The task stands for an application of a work that is not finished; tasks of its earlier runs do not.
    pub(in super::super) fn is_part_of_open_work(&self, record: &TaskRecord) -> bool {
        let Some(Origin::Work(work_id)) = record.origin else { return false };
        let Some(work) = self.works.get(&work_id) else { return false };
        let node = work.ordinal(&record.name).and_then(|ordinal| work.node(ordinal).copied());
        match node {
            Some(Node::Open(task) | Node::Ended { task, .. }) => task.seq == record.seq,
            Some(Node::Waiting { .. } | Node::Unstarted(_)) | None => false,
        }
    }

    /// Gives a task of this batch, of which nothing has been placed yet, the input that was put together for it. Where that says on which
    /// nodes its actions may run, they are queued anew for those.
    pub fn give_input(&mut self, now: Now, seq: TaskSeq, input: Box<RawValue>) {
        let targets: Option<Box<str>> = manifest::find_target_env(&input).map(|text| text.get().into());
        let new = &mut self.outcome.changes.new_tasks;
        let Ok(index) = new.binary_search_by_key(&seq, |task| task.record.seq) else { return };
        new[index].input = Some(input);
        let Some(text) = targets else { return };
        self.dequeue_all(seq);
        let Some(task) = self.tasks.remove(&seq) else { return };
        self.outcome.changes.targets.insert(seq, text.clone());
        self.offer_targets(seq, text);
        self.open_shaped(now, task.record, task.shape, &[]);
        self.touch(seq);
    }

    fn dequeue_all(&mut self, seq: TaskSeq) {
        let Some(task) = self.tasks.get(&seq) else { return };
        let queued: Vec<Ordinal> = task
            .all_actions()
            .filter(|(_, action)| action.state == State::Queued)
            .map(|(ordinal, _)| ordinal)
            .collect();
        for ordinal in queued {
            self.dequeue(seq, ordinal);
        }
    }

    /// Ends a task of this batch, of which nothing has been placed yet: it cannot be started.
    pub fn refuse_task(&mut self, now: Now, seq: TaskSeq, reason: String) {
        let Some(task) = self.tasks.get_mut(&seq) else { return };
        task.record.status = Some(Status::Error);
        task.record.stage = Stage::Finished;
        task.record.reason = Some(reason.into());
        task.record.end_at = Some(now.wall);
        self.dequeue_all(seq);
        self.touch(seq);
        self.close(now, seq);
    }
}
