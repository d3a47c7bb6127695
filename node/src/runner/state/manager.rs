//! What the manager says about what it has and wants.

use std::collections::HashSet;
use std::time::Duration;

use lp_protocol::AttemptKey;
use lp_protocol::frames::{AttemptEvent, Welcome};

use super::{Now, Phase, State};
use crate::journal::{Cause, Record};
use crate::runner::effects::Effects;
use crate::supervisor::wire::Request;

const SIGTERM: i32 = 15;

impl State {
    /// A connection stands: drop what is no longer ours, send again what is not committed.
    pub(crate) fn welcome(&mut self, welcome: &Welcome, now: Now, effects: &mut Effects) {
        if welcome.acked >= self.outbox.next_seq() {
            // our numbers are behind what the manager has: the journal was lost. Old numbers would be taken for repetitions
            tracing::warn!(
                acked = welcome.acked,
                "the manager knows later reports of this node than its journal"
            );
            self.outbox.renumber(welcome.acked + 1);
            for report in self.outbox.iter().cloned().collect::<Vec<_>>() {
                if let Some(attempt) = self.attempts.get_mut(&report.attempt)
                    && !matches!(report.event, AttemptEvent::Started { .. })
                {
                    attempt.phase = Phase::Done { seq: report.seq };
                }
                self.journal.append(&Record::Report { report: Box::new((*report).clone()) });
            }
        }
        self.ack(welcome.acked, effects);
        self.outbox.rewind();
        let ours: HashSet<&AttemptKey> = welcome.go_on.iter().collect();
        for key in self.held() {
            if !ours.contains(&key) {
                self.forget(&key, now, effects);
            }
        }
        effects.link = true;
    }

    /// The manager will not hear of this node any more: nothing it holds is of use to anybody.
    pub(crate) fn abandon(&mut self, now: Now, effects: &mut Effects) {
        for key in self.held() {
            self.forget(&key, now, effects);
        }
    }

    /// Nothing runs, and nothing is left to be said.
    pub(crate) fn has_nothing(&self) -> bool {
        self.attempts.is_empty()
    }

    /// Stops an attempt and tells nobody.
    fn forget(&mut self, key: &AttemptKey, now: Now, effects: &mut Effects) {
        let Some(attempt) = self.attempts.get(key) else { return };
        tracing::info!(attempt = %key, "the manager has given this attempt up; it is stopped");
        let grace_ms = attempt.order.assignment.grace.as_millis() as u64;
        self.outbox.forget(key);
        match attempt.phase {
            Phase::Preparing | Phase::Waiting(_) | Phase::Concluding | Phase::Done { .. } => {
                if matches!(attempt.phase, Phase::Concluding) {
                    effects.requests.push(Request::Forget { keys: vec![attempt.order.key.clone()] });
                }
                self.journal.append(&Record::Forget { attempt: key.clone() });
                self.log_done(key);
                self.remove(key, effects);
            }
            Phase::Restored | Phase::Launching(_) | Phase::Running { .. } => {
                self.end(key, Cause::Forgotten, (SIGTERM, grace_ms), now, effects);
            }
        }
    }

    /// Reports up to this one are committed.
    pub(crate) fn ack(&mut self, through: u64, effects: &mut Effects) {
        let acked = self.outbox.ack(through);
        if acked.is_empty() {
            return;
        }
        // not worth a write: without it the manager tells again
        self.journal.append_lazily(&Record::Acked { through });
        for report in acked {
            let is_last = self.attempts.get(&report.attempt).is_some_and(|attempt| match attempt.phase {
                Phase::Done { seq } => seq <= through,
                _ => false,
            });
            if is_last {
                self.remove(&report.attempt, effects);
            }
        }
    }

    /// Deletes workspaces; those in use as soon as they are not.
    pub(crate) fn delete_workspaces(&mut self, keys: &[AttemptKey], effects: &mut Effects) {
        for key in keys {
            if self.attempts.get(key).is_some_and(|attempt| !matches!(attempt.phase, Phase::Done { .. })) {
                self.doomed.insert(key.clone());
            } else {
                self.trash(key, effects);
            }
        }
    }

    pub(super) fn trash(&mut self, key: &AttemptKey, effects: &mut Effects) {
        self.doomed.remove(key);
        // a log that is deleted is not waited for
        self.log_done(key);
        effects.trash.push(key.clone());
    }

    /// The manager surely heard of us at this reading of the clock: leases are extended from there.
    pub(crate) fn contact(&mut self, heard_boot_ms: u64, lost_after: Duration, effects: &mut Effects) {
        self.lease.lost_after_ms = lost_after.as_millis() as u64;
        self.lease.contact_boot_ms = self.lease.contact_boot_ms.max(heard_boot_ms);
        let is_leased = |key: &AttemptKey| {
            self.attempts.get(key).is_some_and(|attempt| attempt.order.assignment.exclusive)
        };
        if self.occupying.iter().any(is_leased) {
            effects.requests.push(Request::Renew { until_boot_ms: self.lease.until() });
        }
    }
}
