//! From running to reported.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lp_protocol::frames::{AttemptEvent, Finish, INLINE_LOG_BYTES, Usage};
use lp_protocol::{AttemptKey, Exit};

use super::{Now, Phase, State};
use crate::clock::wall;
use crate::docker::files::Outcome;
use crate::journal::Cause;
use crate::runner::effects::{Effects, Job, Left, Reading};
use crate::runner::order::Order;
use crate::supervisor::wire::{Ended, How, OutOfMemory, Request};

impl State {
    /// The program has ended. Its place is free at once; its files are read outside.
    pub(crate) fn ended(&mut self, key: &AttemptKey, ended: Ended, effects: &mut Effects) {
        let Some(attempt) = self.attempts.get_mut(key) else {
            effects.requests.push(Request::Forget { keys: vec![ended.key] });
            return;
        };
        match attempt.phase {
            Phase::Restored | Phase::Launching(_) | Phase::Running { .. } => {}
            Phase::Preparing | Phase::Waiting(_) | Phase::Done { .. } => {
                effects.requests.push(Request::Forget { keys: vec![ended.key] });
                return;
            }
            // told twice, by a welcome and an event
            Phase::Concluding => return,
        }
        attempt.phase = Phase::Concluding;
        attempt.pins.clear();
        self.occupying.remove(key);
        self.watch(key, None);
        let Some(attempt) = self.attempts.get(key) else { return };
        if attempt.is_forgotten() {
            effects.requests.push(Request::Forget { keys: vec![ended.key] });
            self.close(key, effects);
            self.remove(key, effects);
            return;
        }
        let succeeded = ended.how == How::Code(0) && attempt.ending.is_none() && !ended.lease_expired;
        let reading = if succeeded { Reading::Output } else { Reading::LogOnly };
        let (order, given) = (Arc::clone(&attempt.order), attempt.given.clone());
        effects.jobs.push(Job::Conclude { order, given, ended, reading });
        self.ring(key);
    }

    /// Its files are read: report the end. The supervisor may forget it once the journal has the report.
    pub(crate) fn concluded(&mut self, order: &Order, ended: &Ended, left: Left, effects: &mut Effects) {
        let key = &order.assignment.attempt;
        let Some(attempt) = self.attempts.get_mut(key) else { return };
        let Phase::Concluding = attempt.phase else { return };
        let preparing = std::mem::take(&mut attempt.preparing);
        let cause = attempt.ending.as_ref().map(|ending| &ending.cause);
        let seen = left.container.as_ref().map(|end| end.seen(ended));
        let ended = seen.as_ref().unwrap_or(ended);
        let (exit, output) = match left.container.map(|end| end.outcome) {
            Some(outcome) => container_exit(cause, ended, outcome, left.output),
            None => exit(cause, ended, left.output),
        };
        let finish = Finish {
            exit,
            start_at: Some(wall(ended.start)),
            end_at: wall(ended.end),
            output,
            log_bytes: left.log.bytes,
            log: left.log.inline,
            log_times: left.log.times,
            usage: Usage {
                cpu_seconds: ended.cpu_micros as f64 / 1e6,
                max_rss_bytes: ended.max_rss_bytes,
                read_bytes: ended.read_bytes,
                written_bytes: ended.written_bytes,
            },
            preparing,
        };
        self.report_last(key, AttemptEvent::Finished(Box::new(finish)), effects);
        effects.ended_containers.extend(order.assignment.docker.is_some().then(|| key.clone()));
        effects.requests.push(Request::Forget { keys: vec![ended.key.clone()] });
    }

    /// Ends an attempt of which no program ran.
    pub(super) fn finish_unstarted(&mut self, key: &AttemptKey, exit: Exit, now: Now, effects: &mut Effects) {
        self.close(key, effects);
        let mut finish = unstarted(exit, wall(now.moment));
        if let Some(attempt) = self.attempts.get_mut(key) {
            effects.let_go(&attempt.order);
            finish.preparing = std::mem::take(&mut attempt.preparing);
        }
        self.report_last(key, AttemptEvent::Finished(Box::new(finish)), effects);
    }

    /// Has its workspace closed to its user, where nothing else will do it.
    fn close(&self, key: &AttemptKey, effects: &mut Effects) {
        if let Some(attempt) = self.attempts.get(key)
            && attempt.given.uid.is_some()
        {
            effects.jobs.push(Job::Close { order: Arc::clone(&attempt.order) });
        }
    }

    /// Makes an attempt's last report: it then only waits to be acknowledged.
    pub(super) fn report_last(&mut self, key: &AttemptKey, event: AttemptEvent, effects: &mut Effects) {
        if let AttemptEvent::Finished(finish) = &event
            && finish.log.is_none()
            && finish.log_bytes > INLINE_LOG_BYTES
        {
            self.logs.insert(key.clone(), finish.log_bytes);
            effects.ship = true;
        }
        let seq = self.report(key, event, effects);
        self.watch(key, None);
        if let Some(attempt) = self.attempts.get_mut(key) {
            self.waiting.remove(attempt.place);
            self.occupying.remove(key);
            attempt.phase = Phase::Done { seq };
            attempt.pins.clear();
            attempt.input = None;
            self.ring(key);
        }
        if self.doomed.contains(key) {
            self.trash(key, effects);
        }
    }
}

type Output = Option<Box<serde_json::value::RawValue>>;

/// How the attempt ended, all things considered.
fn exit(cause: Option<&Cause>, ended: &Ended, output: Result<Output, String>) -> (Exit, Output) {
    if ended.lease_expired {
        let reason = "stopped by its node, which had lost touch with the manager, before another may run it (exclusive)";
        return (Exit::Lost { reason: reason.to_owned() }, None);
    }
    match (cause, ended.how, output) {
        (Some(Cause::TimedOut), _, _) => (Exit::TimedOut, None),
        (Some(Cause::Unhealthy(reason)), _, _) => (Exit::Unhealthy { reason: reason.clone() }, None),
        (Some(Cause::Stopped | Cause::Forgotten), how, _) => {
            (Exit::Stopped { returncode: how.returncode() }, None)
        }
        (None, how, _) if how != How::Code(0) && ended.out_of_memory.is_some() => {
            let OutOfMemory { limit_bytes, peak_bytes } = ended.out_of_memory.unwrap_or_default();
            (Exit::OutOfMemory { limit_bytes, peak_bytes }, None)
        }
        (None, How::Code(0), Ok(output)) => (Exit::Code { code: 0 }, output),
        (None, How::Code(0), Err(reason)) => (Exit::BadOutput { reason }, None),
        (None, How::Code(code), _) => (Exit::Code { code }, None),
        (None, How::Signal(signal), _) => (Exit::Signal { signal }, None),
        (None, How::Unknown, _) => {
            (Exit::Lost { reason: "the system did not tell how the program ended".to_owned() }, None)
        }
    }
}

/// The same for a container, which may not have been started, or not seen to its end.
fn container_exit(
    cause: Option<&Cause>,
    ended: &Ended,
    outcome: Outcome,
    output: Result<Output, String>,
) -> (Exit, Output) {
    match (outcome, cause) {
        (Outcome::NotStarted { reason }, None) => (Exit::NotStarted { reason }, None),
        (Outcome::Lost { reason }, None) => (Exit::Lost { reason }, None),
        (_, cause) => exit(cause, ended, output),
    }
}

pub(super) fn unstarted(exit: Exit, end_at: DateTime<Utc>) -> Finish {
    Finish {
        exit,
        start_at: None,
        end_at,
        output: None,
        log_bytes: 0,
        log: None,
        log_times: None,
        usage: Usage::default(),
        preparing: Vec::new(),
    }
}
