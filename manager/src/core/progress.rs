//! How attempts begin and end, and what follows from it for their action and their task.

use chrono::{DateTime, Utc};
use lp_protocol::frames::{AttemptEvent, Finish, Usage};
use lp_protocol::marks::{MAX_MARKS_BYTES, Marks};
use lp_protocol::plan::Ordinal;
use lp_protocol::{Exit, NodeId, PreparingStep, Stage, Status};

use super::preparing::{self, note_preparing};
use super::record::{AttemptId, AttemptPayload, AttemptRecord, Origin, SUCCESS_EVENT, TaskSeq};
use super::retry::{self, Next};
use super::task::{Halt, State};
use super::timers::Timer;
use super::{Core, Effect, Now, Sources};

impl Core {
    /// Takes one event a node reports of an attempt. What is not the node's, not the newest attempt or already recorded is ignored:
    /// the fence of DESIGN 4.
    pub(super) fn take_event(&mut self, now: Now, node_id: NodeId, id: AttemptId, event: AttemptEvent) {
        if self.live.get(&id).is_none_or(|record| record.node_id != node_id) {
            self.counters.reports_ignored += 1;
            return;
        }
        match event {
            AttemptEvent::Started { start_at, preparing } => self.attempt_started(id, start_at, preparing),
            AttemptEvent::Finished(finish) => self.attempt_finished(now, id, *finish),
            AttemptEvent::Returned => {
                self.attempt_finished(now, id, unstarted(now, Exit::Returned));
            }
        }
    }

    /// The engine could not send an assignment (its input is too large, its venv is gone): it ends here.
    pub fn refuse_assignment(&mut self, now: Now, id: AttemptId, reason: String) {
        self.attempt_finished(now, id, unstarted(now, Exit::NotStarted { reason }));
    }

    fn attempt_started(&mut self, id: AttemptId, start_at: DateTime<Utc>, preparing: Vec<PreparingStep>) {
        let Some(record) = self.live.get_mut(&id) else { return };
        if record.start_at.is_some() {
            return;
        }
        record.start_at = Some(start_at);
        note_preparing(record, preparing);
        if record.stage == Stage::Pending {
            record.stage = Stage::Running;
        }
        let record = record.clone();
        self.touch_attempt(record);
        self.task_started(id.task, start_at);
    }

    fn task_started(&mut self, seq: TaskSeq, start_at: DateTime<Utc>) {
        let Some(task) = self.tasks.get_mut(&seq) else { return };
        if task.record.start_at.is_none_or(|first| start_at < first) {
            task.record.start_at = Some(start_at);
            if task.record.stage == Stage::Pending {
                task.record.stage = Stage::Running;
            }
            let origin = task.record.origin;
            self.touch(seq);
            if let Some(Origin::Work(work_id)) = origin {
                self.work_started(work_id, start_at);
            }
        }
    }

    /// Records the end of a live attempt and goes on from there. Ends nobody is waiting for are ignored.
    pub(super) fn attempt_finished(&mut self, now: Now, id: AttemptId, finish: Finish) {
        let Some(mut record) = self.live.remove(&id) else { return };
        let Finish { exit, start_at, end_at, output, log_bytes, log, log_times, usage, preparing } = finish;
        let exit = match output.as_deref().filter(|_| exit.is_success()) {
            Some(output) => match self.take_generated(id.task, id.action, output) {
                Ok(()) => exit,
                Err(reason) => Exit::BadOutput { reason },
            },
            None => exit,
        };
        let exit = self.judge_stop(&record, exit);
        record.stage = Stage::Finished;
        record.status = Some(attempt_status(&exit));
        record.start_at = record.start_at.or(start_at);
        record.end_at = Some(end_at);
        record.log_bytes = log_bytes;
        record.usage = usage;
        note_preparing(&mut record, preparing);
        preparing::close(&mut record);
        record.exit = Some(exit.clone());
        self.leave_node(&record);
        let log = log.and_then(decode_log);
        let log_times = log_times.and_then(decode_log_times);
        if output.is_some() || log.is_some() || log_times.is_some() {
            self.outcome.changes.payloads.insert(id, AttemptPayload { output, log, log_times });
        }
        self.counters.attempts_finished += 1;
        self.counters.attempts_lost += u64::from(matches!(exit, Exit::Lost { .. }));
        if let Some(start_at) = record.start_at {
            self.task_started(id.task, start_at);
        }
        self.touch_attempt(record);
        self.action_ended(now, id, &exit);
        self.settle(now, id.task);
    }

    fn leave_node(&mut self, record: &AttemptRecord) {
        let id = record.id;
        let Some(class) = self.tasks.get(&id.task).and_then(|task| task.class(id.action)).cloned() else {
            return;
        };
        let Some(node) = self.nodes.get_mut(&record.node_id) else { return };
        node.remove(id, &class.resources);
        if let (true, Some(start_at), Some(end_at)) = (class.is_plain(), record.start_at, record.end_at) {
            node.learn_run((end_at - start_at).to_std().unwrap_or_default());
        }
        self.unsettled = true;
    }

    /// Decides what comes after an attempt: another one, or the action's end.
    fn action_ended(&mut self, now: Now, id: AttemptId, exit: &Exit) {
        let Some(task) = self.tasks.get_mut(&id.task) else { return };
        let is_event = id.action >= SUCCESS_EVENT;
        let halt = if is_event { None } else { task.halt() };
        let Some(retry) = task.plan(id.action).map(|plan| plan.retry.clone()) else { return };
        let Some(action) = task.action_mut(id.action) else { return };
        action.count(exit);
        if exit.is_success() {
            return self.action_done(id.task, id.action, Status::Success);
        }
        if is_event && matches!(exit, Exit::Stopped { .. }) {
            return self.action_done(id.task, id.action, Status::Kill);
        }
        match (retry::next(&retry, exit, action.failures, action.losses, id), halt) {
            (Next::Never, None | Some(Halt::Failed)) => {
                let attempts = (action.failures, retry.attempts);
                self.note_failure(id, exit, attempts);
                self.action_done(id.task, id.action, Status::Fail);
            }
            (_, Some(halt)) => {
                let status = action.halted_status(halt);
                self.action_done(id.task, id.action, status);
            }
            (Next::Now, None) => self.enqueue(id.task, id.action),
            (Next::After(wait), None) => {
                task.set_state(id.action, State::Backoff { due: now.mono + wait, retry_at: now.wall + wait });
                self.timers.set(now.mono + wait, Timer::Retry { task: id.task, action: id.action });
            }
        }
    }

    fn note_failure(&mut self, id: AttemptId, exit: &Exit, (failures, allowed): (u32, u32)) {
        let Some(task) = self.tasks.get_mut(&id.task) else { return };
        if id.action >= SUCCESS_EVENT || task.record.reason.is_some() {
            return;
        }
        let Some(name) = task.plan(id.action).map(|plan| plan.name.clone()) else { return };
        let tries = if allowed > 1 { format!(" on attempt {failures} of {allowed}") } else { String::new() };
        task.record.reason = Some(format!("action `{name}` failed{tries}: {exit}").into());
        self.touch(id.task);
    }

    /// An action has come to its end: its children may start, or, after a failure, nothing of the task may.
    fn action_done(&mut self, seq: TaskSeq, ordinal: Ordinal, status: Status) {
        let Some(task) = self.tasks.get_mut(&seq) else { return };
        task.set_state(ordinal, State::Done(status));
        if ordinal >= SUCCESS_EVENT {
            return;
        }
        match status {
            Status::Success if task.halt().is_none() => {
                let mut satisfied = vec![ordinal];
                while let Some(ordinal) = satisfied.pop() {
                    self.release_children(seq, ordinal);
                    if let Some(task) = self.tasks.get(&seq) {
                        satisfied.extend(task.shape.retired_of(ordinal));
                    }
                }
            }
            Status::Fail if !task.failed => {
                task.failed = true;
                self.halt(seq);
            }
            _ => {}
        }
    }

    fn release_children(&mut self, seq: TaskSeq, ordinal: Ordinal) {
        let Some(task) = self.tasks.get_mut(&seq) else { return };
        let shape = task.shape.clone();
        for &child in shape.children(ordinal) {
            let Some(task) = self.tasks.get_mut(&seq) else { return };
            let Some(action) = task.action_mut(child) else { continue };
            let State::Waiting { missing } = &mut action.state else { continue };
            *missing = missing.saturating_sub(1);
            if *missing == 0 {
                self.enqueue(seq, child);
            }
        }
    }

    /// Finishes a task whose actions are all done; before that, its event action gets its turn.
    pub(super) fn settle(&mut self, now: Now, seq: TaskSeq) {
        let Some(task) = self.tasks.get_mut(&seq) else { return };
        if !task.is_settled() {
            return;
        }
        if let Some(event) = task.due_event() {
            let is_new = task.record.status.is_none();
            task.record.status = Some(task.outcome());
            match task.action(event).map(|action| action.state) {
                Some(State::Waiting { .. }) => {
                    self.enqueue(seq, event);
                    self.touch(seq);
                    return;
                }
                Some(State::Done(_)) | None => {}
                Some(State::Queued | State::Backoff { .. } | State::Live) => {
                    if is_new {
                        self.touch(seq);
                    }
                    return;
                }
            }
        }
        let Some(task) = self.tasks.get_mut(&seq) else { return };
        task.record.status = Some(task.outcome());
        task.record.stage = Stage::Finished;
        task.record.end_at = Some(now.wall);
        self.touch(seq);
        self.close(now, seq);
    }

    /// Lets go of a finished task.
    pub(super) fn close(&mut self, now: Now, seq: TaskSeq) {
        let Some(task) = self.tasks.remove(&seq) else { return };
        self.by_id.remove(&task.record.task_id);
        self.begun_tasks -= u64::from(task.begun);
        self.counters.tasks_finished += 1;
        self.outcome.effects.push(Effect::Finished { task_id: task.record.task_id });
        self.origin_ended(now, &task.record);
    }

    /// Does what has become due.
    ///
    /// `sources` has what [`Core::wanted_sources`] has asked for at the same moment. What becomes due in the course of it is left for the
    /// next batch, for which its sources are read.
    pub fn fire_timers(&mut self, now: Now, sources: &Sources) {
        let due: Vec<_> = self.timers.due(now.mono).collect();
        for (at, timer) in due {
            if !self.timers.take((at, timer)) {
                continue;
            }
            match timer {
                Timer::Retry { task, action } => {
                    let state =
                        self.tasks.get(&task).and_then(|task| task.action(action)).map(|action| action.state);
                    if matches!(state, Some(State::Backoff { .. })) {
                        self.enqueue(task, action);
                    }
                }
                Timer::NodeSilent(node_id) => self.check_silence(now, node_id),
                Timer::Rebalance => self.rebalance(),
                Timer::Schedules => self.fire_schedules(now, sources),
                Timer::Service(id) => self.fire_service(now, id, sources),
                Timer::Builds => self.fire_builds(now),
                Timer::Settle(task) => self.settle(now, task),
                Timer::DrainDeadline(node_id) => self.end_drain(node_id),
            }
        }
    }
}

pub(super) fn unstarted(now: Now, exit: Exit) -> Finish {
    Finish {
        exit,
        start_at: None,
        end_at: now.wall,
        output: None,
        log_bytes: 0,
        log: None,
        log_times: None,
        usage: Usage::default(),
        preparing: Vec::new(),
    }
}

/// An attempt that a node had and that is given up.
pub(super) fn lost(now: Now, reason: &str) -> Finish {
    unstarted(now, Exit::Lost { reason: reason.to_owned() })
}

fn attempt_status(exit: &Exit) -> Status {
    match exit {
        Exit::Code { code: 0 } => Status::Success,
        Exit::Stopped { .. } | Exit::Drained => Status::Kill,
        Exit::Returned => Status::Cancel,
        Exit::Code { .. }
        | Exit::Signal { .. }
        | Exit::TimedOut
        | Exit::NotStarted { .. }
        | Exit::BadOutput { .. }
        | Exit::Unhealthy { .. }
        | Exit::OutOfMemory { .. }
        | Exit::Lost { .. } => Status::Fail,
    }
}

/// A log that is not base64 is a node's fault and not worth failing the attempt for.
fn decode_log(text: String) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// Marks that make no sense cost an output its times, and the attempt nothing else.
fn decode_log_times(text: String) -> Option<Vec<u8>> {
    if text.len() > MAX_MARKS_BYTES.div_ceil(3) * 4 {
        return None;
    }
    decode_log(text).filter(|bytes| Marks::decode(bytes).is_ok())
}
