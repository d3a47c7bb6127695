//! Limits of memory on nodes without groups: the processes of an attempt are looked at, and killed when together they have too much.
//!
//! Looking takes time and comes late: what is allocated between two looks is not stopped. That is why it is the second best, and why nothing is looked
//! at while no such attempt runs. A page that two of its processes share counts twice.

use std::sync::PoisonError;
use std::time::Duration;

use super::Shared;
use super::signals::{self, Signalled};
use super::table::{Running, Slot, Table};
use crate::cgroups::Reading;
use crate::supervisor::procfs;
use crate::supervisor::wire::OutOfMemory;
use crate::sync::{lock, wait};

/// 50 ms between two looks: a look at ten processes takes a tenth of a millisecond, and a quick program takes 100 MiB meanwhile.
const INTERVAL: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug)]
pub(super) struct Watched {
    limit_bytes: u64,
    peak_bytes: u64,
    killed: bool,
}

impl Watched {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, peak_bytes: 0, killed: false }
    }

    /// Takes note of a look; true where it is over its limit for the first time.
    fn look(&mut self, bytes: u64) -> bool {
        self.peak_bytes = self.peak_bytes.max(bytes);
        bytes > self.limit_bytes && !std::mem::replace(&mut self.killed, true)
    }
}

impl Running {
    pub(super) fn peak_watched(&self) -> u64 {
        self.watched.map_or(0, |watched| watched.peak_bytes)
    }

    /// What there is to say about its limit, by the group or by our own looks.
    pub(super) fn out_of_memory(&self, group: &Reading) -> Option<OutOfMemory> {
        let limit = self.group.as_ref().and_then(|group| group.memory_limit);
        if let Some(limit_bytes) = limit.filter(|_| group.oom_kills > 0) {
            return Some(OutOfMemory { limit_bytes, peak_bytes: group.peak_memory_bytes });
        }
        let watched = self.watched.filter(|watched| watched.killed)?;
        Some(OutOfMemory { limit_bytes: watched.limit_bytes, peak_bytes: watched.peak_bytes })
    }
}

/// Looks for ever, while there is something to look at.
pub(super) fn watch(shared: &Shared) {
    loop {
        let mut table = lock(&shared.table);
        while !table.slots.values().any(is_watched) {
            table = wait(&shared.changed, table);
        }
        look(&mut table);
        drop(shared.changed.wait_timeout(table, INTERVAL).unwrap_or_else(PoisonError::into_inner));
    }
}

fn is_watched(slot: &Slot) -> bool {
    matches!(slot, Slot::Running(Running { watched: Some(_), .. }))
}

fn look(table: &mut Table) {
    let watched: Vec<String> =
        table.slots.iter().filter(|(_, slot)| is_watched(slot)).map(|(key, _)| key.clone()).collect();
    for key in watched {
        let bytes = signals::processes(table, &key).into_iter().map(procfs::resident_bytes).sum();
        let Some(Slot::Running(Running { watched: Some(watched), .. })) = table.slots.get_mut(&key) else {
            continue;
        };
        if watched.look(bytes) {
            tracing::info!(attempt = key, bytes, "killed: it has more memory than its limit");
            let _: Signalled = signals::send(table, &key, 9);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_over_its_limit_is_killed_once_and_its_peak_is_known() {
        let mut watched = Watched::new(100);

        let looks = [50, 100, 101, 300, 20].map(|bytes| watched.look(bytes));

        assert_eq!(looks, [false, false, true, false, false]);
        assert_eq!((watched.peak_bytes, watched.killed), (300, true));
    }
}
