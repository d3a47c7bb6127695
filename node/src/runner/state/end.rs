//! From running to reported.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lp_protocol::frames::{AttemptEvent, Finish, INLINE_LOG_BYTES, Usage};
use lp_protocol::{AttemptKey, Exit};

use super::{Now, Phase, State};
use crate::clock::wall;
use crate::journal::Cause;
use crate::runner::effects::{Effects, Job, Left, Reading};
use crate::runner::order::Order;
use crate::supervisor::wire::{Ended, How, Request};

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
            self.remove(key, effects);
            return;
        }
        let succeeded = ended.how == How::Code(0) && attempt.ending.is_none() && !ended.lease_expired;
        let reading = if succeeded { Reading::Output } else { Reading::LogOnly };
        effects.jobs.push(Job::Conclude { order: Arc::clone(&attempt.order), ended, reading });
        self.ring(key);
    }

    /// Its files are read: report the end. The supervisor may forget it once the journal has the report.
    pub(crate) fn concluded(&mut self, order: &Order, ended: &Ended, left: Left, effects: &mut Effects) {
        let key = &order.assignment.attempt;
        let Some(attempt) = self.attempts.get(key) else { return };
        let Phase::Concluding = attempt.phase else { return };
        let cause = attempt.ending.as_ref().map(|ending| &ending.cause);
        let (exit, output) = exit(cause, ended, left.output);
        let finish = Finish {
            exit,
            start_at: Some(wall(ended.start)),
            end_at: wall(ended.end),
            output,
            log_bytes: left.log.bytes,
            log: left.log.inline,
            usage: Usage { cpu_seconds: ended.cpu_micros as f64 / 1e6, max_rss_bytes: ended.max_rss_bytes },
            preparing: Vec::new(),
        };
        self.report_last(key, AttemptEvent::Finished(Box::new(finish)), effects);
        effects.requests.push(Request::Forget { keys: vec![ended.key.clone()] });
    }

    /// Ends an attempt of which no program ran.
    pub(super) fn finish_unstarted(&mut self, key: &AttemptKey, exit: Exit, now: Now, effects: &mut Effects) {
        let finish = unstarted(exit, wall(now.moment));
        self.report_last(key, AttemptEvent::Finished(Box::new(finish)), effects);
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
        (None, How::Code(0), Ok(output)) => (Exit::Code { code: 0 }, output),
        (None, How::Code(0), Err(reason)) => (Exit::BadOutput { reason }, None),
        (None, How::Code(code), _) => (Exit::Code { code }, None),
        (None, How::Signal(signal), _) => (Exit::Signal { signal }, None),
        (None, How::Unknown, _) => {
            (Exit::Lost { reason: "the system did not tell how the program ended".to_owned() }, None)
        }
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
        usage: Usage::default(),
        preparing: Vec::new(),
    }
}
