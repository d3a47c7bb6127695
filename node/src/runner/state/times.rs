//! What those who note when outputs were written ask of an attempt.

use lp_protocol::AttemptKey;
use lp_protocol::frames::AttemptEvent;

use super::{Phase, State};

impl State {
    /// True until the manager has acknowledged its last report.
    pub(crate) fn holds(&self, key: &AttemptKey) -> bool {
        self.attempts.contains_key(key)
    }

    /// When its program was started (milliseconds since 1970), while it runs.
    pub(crate) fn started_ms(&self, key: &AttemptKey) -> Option<u64> {
        match self.attempts.get(key)?.phase {
            Phase::Running { start, .. } => Some(start.unix_millis()),
            Phase::Restored
            | Phase::Preparing
            | Phase::Waiting(_)
            | Phase::Launching(_)
            | Phase::Concluding
            | Phase::Done { .. } => None,
        }
    }

    /// The marks that its last report takes to the manager.
    pub(crate) fn reported_times(&self, key: &AttemptKey) -> Option<String> {
        let report = self.outbox.iter().rev().find(|report| report.attempt == *key)?;
        match &report.event {
            AttemptEvent::Finished(finish) => finish.log_times.clone(),
            AttemptEvent::Started { .. } | AttemptEvent::Returned => None,
        }
    }
}
