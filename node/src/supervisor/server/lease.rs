//! Programs that may run only as long as their node is in touch with its manager (`exclusive`).
//!
//! Watched here and not in the node, because the node's death is one of the ways to lose touch. A lease is a reading of the
//! clock that goes on while the machine sleeps; one grace
//! before it runs out the program gets SIGTERM, at its end SIGKILL.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::Shared;
use super::signals::{self, Signalled};
use super::table::{Slot, Table};
use crate::sync::lock;

#[derive(Default)]
pub(super) struct Lease {
    /// True when a lease was added or renewed and the watcher has not looked since.
    touched: Mutex<bool>,
    bell: Condvar,
}

impl Lease {
    pub(super) fn look_again(&self) {
        *lock(&self.touched) = true;
        self.bell.notify_one();
    }

    fn wait(&self, longest: Option<Duration>) {
        let touched = lock(&self.touched);
        let mut touched = match longest {
            None => {
                self.bell.wait_while(touched, |touched| !*touched).unwrap_or_else(PoisonError::into_inner)
            }
            Some(longest) => {
                let waited = self.bell.wait_timeout_while(touched, longest, |touched| !*touched);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        *touched = false;
    }
}

/// Extends every lease that has not run out.
pub(super) fn renew(table: &mut Table, until_boot_ms: u64) {
    for slot in table.slots.values_mut() {
        if let Slot::Running(running) = slot
            && let Some(lease) = &mut running.lease
            && lease.kill_at_boot_ms.is_none()
        {
            lease.terms.until_boot_ms = lease.terms.until_boot_ms.max(until_boot_ms);
        }
    }
}

/// Watches leases for ever; sleeps without a timer while there are none.
pub(super) fn watch(shared: &Shared) {
    loop {
        let now = crate::clock::boot_millis();
        let next = enforce(&mut lock(&shared.table), now);
        shared.lease.wait(next.map(|at| Duration::from_millis(at.saturating_sub(now).max(1))));
    }
}

/// Stops what has run out; when to look again.
fn enforce(table: &mut Table, now_boot_ms: u64) -> Option<u64> {
    let mut due = Vec::new();
    let mut next = None;
    for (key, slot) in &mut table.slots {
        let Slot::Running(running) = slot else { continue };
        let Some(lease) = &mut running.lease else { continue };
        let signal = match lease.kill_at_boot_ms {
            None if lease.terms.term_at() <= now_boot_ms => {
                lease.kill_at_boot_ms = Some(now_boot_ms + lease.terms.grace_ms);
                Some(15)
            }
            None => None,
            Some(at) if at <= now_boot_ms => Some(9),
            Some(_) => None,
        };
        if let Some(signal) = signal {
            due.push((key.clone(), signal));
        }
        // once killed, its end comes by the reaper
        let wake = if signal == Some(9) {
            None
        } else {
            Some(lease.kill_at_boot_ms.unwrap_or(lease.terms.term_at()))
        };
        next = [next, wake].into_iter().flatten().min();
    }
    for (key, signal) in due {
        if let Signalled::Sent = signals::send(table, &key, signal) {
            tracing::info!(attempt = key, signal, "stopped: its lease has run out");
        }
    }
    next
}
