//! The queue: what could start now if a node had room, in lines of equal wants.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lp_protocol::plan::Ordinal;

use super::record::TaskSeq;
use super::shape::Class;

/// Place in a line: higher priority first; among equals what belongs to a task under way before what would begin another; then
/// the older task; then the order of the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) priority: Reverse<i64>,
    pub(super) begins_task: bool,
    pub(super) task: TaskSeq,
    pub(super) action: Ordinal,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    /// No line is empty.
    lines: BTreeMap<Arc<Class>, BTreeSet<Place>>,
    len: usize,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, class: &Arc<Class>, place: Place) {
        let is_new = match self.lines.get_mut(class) {
            Some(line) => line.insert(place),
            None => self.lines.entry(class.clone()).or_default().insert(place),
        };
        debug_assert!(is_new, "an action is queued once");
        self.len += usize::from(is_new);
    }

    pub(super) fn remove(&mut self, class: &Arc<Class>, place: &Place) {
        let Some(line) = self.lines.get_mut(class) else { return };
        self.len -= usize::from(line.remove(place));
        if line.is_empty() {
            self.lines.remove(class);
        }
    }

    /// The first of each line.
    pub(super) fn heads(&self) -> impl Iterator<Item = (Place, &Arc<Class>)> {
        self.lines.iter().filter_map(|(class, line)| line.first().map(|place| (*place, class)))
    }

    pub(super) fn head(&self, class: &Arc<Class>) -> Option<Place> {
        self.lines.get(class).and_then(|line| line.first()).copied()
    }

    /// How many stand before `place` in its line, counted up to `limit`.
    pub(super) fn ahead(&self, class: &Arc<Class>, place: &Place, limit: usize) -> usize {
        self.lines.get(class).map_or(0, |line| line.range(..place).take(limit).count())
    }
}

#[cfg(test)]
impl Queue {
    pub(super) fn contains(&self, class: &Arc<Class>, place: &Place) -> bool {
        self.lines.get(class).is_some_and(|line| line.contains(place))
    }
}
