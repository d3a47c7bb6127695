//! What the supervisor knows: its attempts, its children, and the orphans that came to it.

use std::collections::{BTreeSet, HashMap};

use super::memory::Watched;
use crate::cgroups::Group;
use crate::supervisor::wire::{Ended, Known, Lease, Moment};

#[derive(Default)]
pub(super) struct Table {
    pub(super) slots: HashMap<String, Slot>,
    /// The main processes that have not been reaped.
    pub(super) by_pid: HashMap<i32, String>,
    pub(super) orphans: HashMap<i32, Orphan>,
    /// Groups of attempts that have ended, in which something still dies.
    pub(super) groups: Vec<Group>,
    /// Spawns under way: their processes may exist and be unknown yet.
    in_flight: BTreeSet<u64>,
    last: u64,
}

pub(super) enum Slot {
    Starting {
        ordinal: u64,
        /// Signals that came too early, in order.
        signals: Vec<i32>,
    },
    Running(Running),
    Ended(Ended),
}

pub(super) struct Running {
    /// Grows with each spawn.
    pub(super) ordinal: u64,
    pub(super) pid: i32,
    pub(super) start: Moment,
    pub(super) lease: Option<Leased>,
    pub(super) group: Option<Group>,
    /// Its memory is looked at.
    pub(super) watched: Option<Watched>,
}

/// A lease as it is watched.
#[derive(Clone, Copy)]
pub(super) struct Leased {
    pub(super) terms: Lease,
    /// Set when it ran out and the program was told to end: when it is killed.
    pub(super) kill_at_boot_ms: Option<u64>,
}

/// A process whose parent has ended.
pub(super) struct Orphan {
    /// The attempt it belongs to, where its environment, session or group names one.
    pub(super) owner: Option<String>,
    /// The latest spawn when it was first seen: it belongs to that attempt or an earlier one.
    pub(super) ordinal: u64,
    pub(super) killed: bool,
}

impl Table {
    /// Takes the attempt's place and a ticket for its spawn; None where the key is taken.
    pub(super) fn begin_spawn(&mut self, key: &str) -> Option<u64> {
        if self.slots.contains_key(key) {
            return None;
        }
        self.last += 1;
        self.slots.insert(key.to_owned(), Slot::Starting { ordinal: self.last, signals: Vec::new() });
        self.in_flight.insert(self.last);
        Some(self.last)
    }

    pub(super) fn end_spawn(&mut self, ticket: u64) {
        self.in_flight.remove(&ticket);
    }

    /// The newest ticket given out.
    pub(super) fn latest_ticket(&self) -> u64 {
        self.last
    }

    /// True while a spawn with this or an older ticket is under way.
    pub(super) fn is_in_flight(&self, ticket: u64) -> bool {
        self.in_flight.first().is_some_and(|first| *first <= ticket)
    }

    pub(super) fn is_live(&self, key: &str) -> bool {
        matches!(self.slots.get(key), Some(Slot::Starting { .. } | Slot::Running(_)))
    }

    /// True where there is neither a program nor an end somebody has still to collect.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// True where nothing runs.
    pub(super) fn is_quiet(&self) -> bool {
        self.slots.values().all(|slot| matches!(slot, Slot::Ended(_)))
    }

    /// True where every attempt that might own the orphan has ended.
    pub(super) fn is_abandoned(&self, orphan: &Orphan) -> bool {
        match &orphan.owner {
            Some(key) => !self.is_live(key),
            None => self.slots.values().all(|slot| match slot {
                Slot::Starting { ordinal, .. } | Slot::Running(Running { ordinal, .. }) => {
                    *ordinal > orphan.ordinal
                }
                Slot::Ended(_) => true,
            }),
        }
    }

    pub(super) fn known(&self) -> Vec<Known> {
        let mut known = Vec::with_capacity(self.slots.len());
        for (key, slot) in &self.slots {
            known.push(match slot {
                Slot::Starting { .. } => Known::Running { key: key.clone(), start: crate::clock::now() },
                Slot::Running(running) => Known::Running { key: key.clone(), start: running.start },
                Slot::Ended(ended) => Known::Ended(ended.clone()),
            });
        }
        known
    }
}
