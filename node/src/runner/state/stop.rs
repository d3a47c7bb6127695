//! Stopping: on request, by timeout, at the end of a grace.

use lp_protocol::AttemptKey;
use lp_protocol::frames::Stop;

use super::{Ending, Now, Phase, State};
use crate::journal::Cause;
use crate::runner::effects::Effects;
use crate::supervisor::wire::Request;

const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;

/// 5 s until a SIGKILL is sent again: a process that has left the group in that very moment is caught by the second.
const KILL_AGAIN_MS: u64 = 5000;

impl State {
    /// Stops an attempt on request: at once where it has not started, else the signal, its grace, SIGKILL.
    pub(crate) fn stop(&mut self, stop: &Stop, now: Now, effects: &mut Effects) {
        let key = &stop.attempt;
        let Some(attempt) = self.attempts.get(key) else {
            tracing::debug!(attempt = %key, "asked to stop what is not here");
            return;
        };
        match attempt.phase {
            Phase::Preparing | Phase::Waiting(_) => self.end_unstarted(key, &Cause::Stopped, now, effects),
            Phase::Restored | Phase::Launching(_) | Phase::Running { .. } => {
                // the wire may carry -9 as LitePipeline's API did
                let signal = stop.signal.abs();
                let grace_ms = if signal == SIGKILL { KILL_AGAIN_MS } else { stop.grace.as_millis() as u64 };
                self.end(key, Cause::Stopped, (signal, grace_ms), now, effects);
            }
            Phase::Concluding | Phase::Done { .. } => {}
        }
    }

    /// Signals the attempt and sees to it that it ends. The first cause stands; a later one may only hurry.
    pub(super) fn end(
        &mut self,
        key: &AttemptKey,
        cause: Cause,
        (signal, grace_ms): (i32, u64),
        now: Now,
        effects: &mut Effects,
    ) {
        let Some(attempt) = self.attempts.get_mut(key) else { return };
        let mut kill_at_ms = now.mono_ms().saturating_add(grace_ms);
        match &mut attempt.ending {
            Some(ending) => {
                kill_at_ms = ending.kill_at_ms.map_or(kill_at_ms, |at| at.min(kill_at_ms));
                ending.kill_at_ms = Some(kill_at_ms);
                if cause == Cause::Forgotten && ending.cause != Cause::Forgotten {
                    ending.cause = Cause::Forgotten;
                    self.record_ending(key, &cause);
                }
            }
            None => {
                attempt.ending = Some(Ending {
                    cause: cause.clone(),
                    kill_at_ms: Some(kill_at_ms),
                    is_container_killed: false,
                });
                self.record_ending(key, &cause);
            }
        }
        self.watch(key, Some(kill_at_ms));
        let signal = self.as_sent(key, signal);
        effects.requests.push(Request::Signal { key: key.to_string(), signal });
    }

    /// A shim cannot pass SIGKILL on, so it is first told to kill its container; it then ends by itself. What does not end so is killed.
    fn as_sent(&mut self, key: &AttemptKey, signal: i32) -> i32 {
        let Some(attempt) = self.attempts.get_mut(key) else { return signal };
        match &mut attempt.ending {
            Some(ending) if signal == SIGKILL && attempt.order.assignment.docker.is_some() => {
                let was_asked = std::mem::replace(&mut ending.is_container_killed, true);
                if was_asked { SIGKILL } else { crate::docker::KILL_CONTAINER }
            }
            Some(_) | None => signal,
        }
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Now, effects: &mut Effects) {
        while let Some((_, key)) = self.deadlines.pop_first_if_due(now.mono_ms()) {
            self.due(&key, now, effects);
        }
        self.tell_starts(now, effects);
    }

    fn due(&mut self, key: &AttemptKey, now: Now, effects: &mut Effects) {
        let Some(attempt) = self.attempts.get(key) else { return };
        let Phase::Running { start, .. } = &attempt.phase else { return };
        match &attempt.ending {
            None => {
                let Some(timeout) = attempt.order.assignment.timeout else { return };
                let grace_ms = attempt.order.assignment.grace.as_millis() as u64;
                if start.mono_ms.saturating_add(timeout.as_millis() as u64) <= now.mono_ms() {
                    self.end(key, Cause::TimedOut, (SIGTERM, grace_ms), now, effects);
                }
            }
            Some(Ending { kill_at_ms: Some(at), cause, .. }) if *at <= now.mono_ms() => {
                let cause = cause.clone();
                if let Some(ending) = self.attempts.get_mut(key).and_then(|attempt| attempt.ending.as_mut()) {
                    ending.kill_at_ms = None;
                }
                self.end(key, cause, (SIGKILL, KILL_AGAIN_MS), now, effects);
            }
            Some(_) => {}
        }
    }
}

trait PopDue {
    fn pop_first_if_due(&mut self, now: u64) -> Option<(u64, AttemptKey)>;
}

impl PopDue for std::collections::BTreeSet<(u64, AttemptKey)> {
    fn pop_first_if_due(&mut self, now: u64) -> Option<(u64, AttemptKey)> {
        if self.first()?.0 <= now { self.pop_first() } else { None }
    }
}
