//! When the manager is told.
//!
//! A node that runs out of work tells at once, so that the next action arrives in the time of one round trip. A node that has more to do
//! than it can start does not hurry: each message costs a commit and a handful of wake-ups on both sides, and nothing waits for it.

use lp_protocol::AttemptKey;
use lp_protocol::frames::AttemptEvent;

use super::{Now, State};
use crate::journal::Record;
use crate::runner::effects::Effects;

/// 20 ms a report waits for others while the node has enough to do; people do not see the difference.
const COMPANY_MS: u64 = 20;

/// 16 reports in a message: the cost of the message is spread thin, and more would only make it later.
const COMPANY: u64 = 16;

/// Waiting attempts per slot, and in all, that outlast a round trip to the manager: with fewer the node may run dry.
const ENOUGH_PER_SLOT: usize = 4;
const ENOUGH: usize = 16;

impl State {
    pub(super) fn report(&mut self, key: &AttemptKey, event: AttemptEvent, effects: &mut Effects) -> u64 {
        // others may be waiting for what this node gives back
        effects.link |= matches!(event, AttemptEvent::Returned);
        let report = self.outbox.push(key.clone(), event);
        self.journal.append(&Record::Report { report: Box::new((*report).clone()) });
        report.seq
    }

    /// Rings the link for reports whose time has come; the last thing of each pass.
    pub(crate) fn tell(&mut self, now: Now, effects: &mut Effects) {
        let unsent = self.outbox.unsent();
        if unsent == 0 {
            self.tell_by_ms = None;
            return;
        }
        let by = *self.tell_by_ms.get_or_insert(now.mono_ms() + COMPANY_MS);
        if self.has_enough() && unsent < COMPANY && now.mono_ms() < by {
            return;
        }
        self.tell_by_ms = None;
        effects.link = true;
    }

    fn has_enough(&self) -> bool {
        let enough = (self.total.slots as usize * ENOUGH_PER_SLOT).min(ENOUGH);
        self.waiting.slotted() >= enough
    }
}
