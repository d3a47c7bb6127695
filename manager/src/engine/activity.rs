//! What has been done lately, hour by hour: counted as it happens, so that asking costs nothing however much was done.
//!
//! Two days of hours at most are kept. What ended before this process began to count is read from the store once, and bounded there. How many wait and how
//! many slots are busy is looked at with the batches that change it, once a second at most; while nothing happens it stays as it was.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lp_protocol::views::{ActivityHour, NodeState};
use lp_protocol::{Stage, Status};

use crate::core::Overview;
use crate::core::record::TaskRecord;
use crate::store::{EndedInHour, Past};

const HOURS: i64 = 24;
const HOUR_SECONDS: i64 = 3600;

/// Between two looks at the queue and the nodes.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Default)]
pub(super) struct Activity {
    /// By the number of the hour since 1970.
    hours: BTreeMap<i64, Hour>,
    /// Of this hour and later ones all that ended has been counted.
    known_from: i64,
    looked: Option<Duration>,
    last: Option<Look>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Hour {
    finished: u64,
    failed: u64,
    most: Option<Look>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Look {
    waiting: u64,
    slots_in_use: u64,
}

fn hour_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(HOUR_SECONDS)
}

/// When the day that is told begins.
pub(super) fn day_begins(now: DateTime<Utc>) -> DateTime<Utc> {
    start_of(hour_of(now) - HOURS + 1)
}

fn start_of(hour: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(hour * HOUR_SECONDS, 0).unwrap_or_default()
}

impl Activity {
    /// `previous` is what an earlier leadership of this process has counted; others may have led in between.
    pub(super) fn new(past: Past, previous: Option<Self>) -> Self {
        let mut activity = previous.unwrap_or(Self { known_from: past.known_from, ..Self::default() });
        activity.known_from = activity.known_from.min(past.known_from);
        for EndedInHour { hour, finished, failed } in past.hours {
            let of_hour = activity.hours.entry(hour).or_default();
            of_hour.finished = of_hour.finished.max(finished);
            of_hour.failed = of_hour.failed.max(failed);
        }
        activity
    }

    pub(super) fn count<'a>(&mut self, now: DateTime<Utc>, ended: impl Iterator<Item = &'a TaskRecord>) {
        let this = hour_of(now);
        for task in ended.filter(|task| task.stage == Stage::Finished) {
            let hour = self.hours.entry(this).or_default();
            hour.finished += 1;
            hour.failed += u64::from(matches!(task.status, Some(Status::Fail | Status::Error)));
        }
        while self.hours.first_key_value().is_some_and(|(hour, _)| *hour < this - 2 * HOURS) {
            self.hours.pop_first();
        }
    }

    /// Whether it is time to look again.
    pub(super) fn is_due(&self, mono: Duration) -> bool {
        self.looked.is_none_or(|looked| mono.saturating_sub(looked) >= LOOK)
    }

    pub(super) fn look(&mut self, now: DateTime<Utc>, mono: Duration, overview: &Overview) {
        let connected = overview.nodes.iter().filter(|node| node.state == NodeState::Connected);
        let slots_in_use = connected.map(|node| u64::from(node.in_use.slots)).sum();
        let look = Look { waiting: overview.tasks_pending, slots_in_use };
        self.looked = Some(mono);
        let hour = self.hours.entry(hour_of(now)).or_default();
        // what was so when the hour began counts too
        hour.most = Some(hour.most.or(self.last).map_or(look, |most| most.max(look)));
        self.last = Some(look);
    }

    /// The day up to now, the oldest hour first.
    pub(super) fn tell(&self, now: DateTime<Utc>) -> Vec<ActivityHour> {
        let this = hour_of(now);
        let mut before = None;
        let told = (this - HOURS + 1..=this).map(|number| {
            let hour = self.hours.get(&number).copied().unwrap_or_default();
            let most = hour.most.or(before);
            before = hour.most.or(before);
            let is_known = number >= self.known_from;
            ActivityHour {
                at: start_of(number),
                finished: is_known.then_some(hour.finished),
                failed: is_known.then_some(hour.failed),
                waiting: most.map(|most| most.waiting),
                slots_in_use: most.map(|most| most.slots_in_use),
            }
        });
        told.collect()
    }
}

impl Look {
    fn max(self, other: Self) -> Self {
        Self {
            waiting: self.waiting.max(other.waiting),
            slots_in_use: self.slots_in_use.max(other.slots_in_use),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64, minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(hour * HOUR_SECONDS + minute * 60, 0).unwrap()
    }

    fn waiting(tasks_pending: u64) -> Overview {
        Overview { tasks_pending, ..Overview::default() }
    }

    #[test]
    fn the_past_is_told_as_far_as_it_is_known() {
        let hours = vec![EndedInHour { hour: 1000, finished: 7, failed: 2 }];
        let activity = Activity::new(Past { hours, known_from: 1000 }, None);

        let told = activity.tell(at(1001, 30));

        assert_eq!((told.len(), told[23].at), (24, at(1001, 0)));
        assert_eq!((told[22].finished, told[22].failed), (Some(7), Some(2)));
        assert_eq!((told[23].finished, told[21].finished), (Some(0), None));
        assert_eq!(told[23].waiting, None);
    }

    #[test]
    fn what_others_did_between_two_leaderships_counts_too() {
        let hour = |hour, finished| EndedInHour { hour, finished, failed: 0 };
        let first = Activity::new(Past { hours: vec![hour(10, 4), hour(11, 9)], known_from: 10 }, None);

        let second =
            Activity::new(Past { hours: vec![hour(11, 3), hour(12, 5)], known_from: 12 }, Some(first));

        let told: Vec<Option<u64>> = second.tell(at(12, 0)).iter().map(|hour| hour.finished).collect();
        assert_eq!(told[20..], [None, Some(4), Some(9), Some(5)]);
    }

    #[test]
    fn the_most_of_an_hour_is_told_and_holds_while_nothing_happens() {
        let mut activity = Activity::default();
        for (minute, count) in [(1, 3), (2, 9), (50, 4)] {
            activity.look(at(100, minute), Duration::from_secs(60 * minute as u64), &waiting(count));
        }

        let told: Vec<Option<u64>> = activity.tell(at(102, 5)).iter().map(|hour| hour.waiting).collect();

        assert_eq!(told[20..], [None, Some(9), Some(9), Some(9)]);
        assert!(!activity.is_due(Duration::from_secs(3000)) && activity.is_due(Duration::from_secs(3001)));
    }
}
