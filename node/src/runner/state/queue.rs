//! The attempts that are ready, in the order they should start.
//!
//! Those that need no slot are kept apart: where all slots are taken nobody else can start, and a long queue is not looked through.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use lp_protocol::AttemptKey;

/// Higher priority first, then as they came.
pub(super) type Place = (Reverse<i32>, u64);

#[derive(Debug, Default)]
pub(super) struct Queue {
    slotted: BTreeMap<Place, AttemptKey>,
    slotless: BTreeMap<Place, AttemptKey>,
}

impl Queue {
    pub(super) fn insert(&mut self, place: Place, key: AttemptKey, slots: u32) {
        let queue = if slots == 0 { &mut self.slotless } else { &mut self.slotted };
        queue.insert(place, key);
    }

    pub(super) fn remove(&mut self, place: Place) {
        if self.slotted.remove(&place).is_none() {
            self.slotless.remove(&place);
        }
    }

    /// How many want a slot.
    pub(super) fn slotted(&self) -> usize {
        self.slotted.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slotted.is_empty() && self.slotless.is_empty()
    }

    /// Those that need no slot first, then, where any slot is free, the others.
    pub(super) fn iter(&self, is_slot_free: bool) -> impl Iterator<Item = (&Place, &AttemptKey)> {
        self.slotless.iter().chain(is_slot_free.then_some(&self.slotted).into_iter().flatten())
    }
}
