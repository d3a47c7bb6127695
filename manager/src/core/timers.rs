//! Timers: what becomes due by itself, ordered by when.

use std::collections::BTreeSet;
use std::time::Duration;

use lp_protocol::NodeId;
use lp_protocol::ServiceId;
use lp_protocol::plan::Ordinal;

use super::record::TaskSeq;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The wait before an action's next attempt is over.
    Retry { task: TaskSeq, action: Ordinal },
    /// Look whether the node has been silent for too long.
    NodeSilent(NodeId),
    /// A task that failed as a whole when it was opened is to be finished.
    Settle(TaskSeq),
    /// What a drained node still runs has had its time.
    DrainDeadline(NodeId),
    /// Look whether attempts wait on one node while another has room.
    Rebalance,
    /// The wait before a service's next task is over.
    Service(ServiceId),
    /// Look at the wall clock for schedules that have something to decide.
    Schedules,
    /// Look for builds whose wait after a failure is over.
    Builds,
}

#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeSet<(Duration, Timer)>,
}

impl Timers {
    pub(super) fn set(&mut self, at: Duration, timer: Timer) {
        self.due.insert((at, timer));
    }

    pub(super) fn cancel(&mut self, at: Duration, timer: Timer) {
        self.due.remove(&(at, timer));
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The timers that are due, in order.
    pub(super) fn due(&self, now: Duration) -> impl Iterator<Item = (Duration, Timer)> + '_ {
        self.due.iter().copied().take_while(move |(at, _)| *at <= now)
    }

    /// Takes a timer that is due; false where it was cancelled meanwhile.
    pub(super) fn take(&mut self, entry: (Duration, Timer)) -> bool {
        self.due.remove(&entry)
    }
}

#[cfg(test)]
impl Timers {
    pub(super) fn contains(&self, at: Duration, timer: Timer) -> bool {
        self.due.contains(&(at, timer))
    }
}
