//! What is decided about instants by themselves, without the core: which have come, which of them were missed, when each fires.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lp_protocol::ScheduleId;

use super::calendar::Calendar;
use super::record::{Catchup, ScheduleRecord};
use crate::core::derived;

/// An instant that is this late counts as missed: more than a restart of the manager takes, and less than anybody would call a run at another time.
pub const LATE: TimeDelta = TimeDelta::seconds(60);

/// Instants kept of each schedule: the newest, three years of a nightly one. Older missed ones are not looked at.
pub const KEPT: usize = 1000;

/// An instant that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) instant: DateTime<Utc>,
    /// It was missed, and the schedule does not catch up on it.
    pub(super) missed: bool,
}

/// The next instant that is not decided; None where there is none before the schedule's end.
pub fn next_instant(record: &ScheduleRecord, calendar: &Calendar) -> Option<DateTime<Utc>> {
    next_after(record, calendar, record.decided_through)
}

/// The first instant after `after` that lies between the schedule's start and end.
pub fn next_after(
    record: &ScheduleRecord,
    calendar: &Calendar,
    after: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let before_start = record.start_at.map(|start| start - TimeDelta::microseconds(1));
    let next = calendar.next_after(before_start.map_or(after, |before| before.max(after)))?;
    record.end_at.is_none_or(|end| next <= end).then_some(next)
}

/// When an instant fires: itself, and up to the jitter later, drawn by the instant so that a manager that starts anew comes to the same.
pub fn fire_at(id: ScheduleId, jitter: Duration, instant: DateTime<Utc>) -> DateTime<Utc> {
    if jitter.is_zero() {
        return instant;
    }
    let share = derived::unit_interval(id.0, instant.timestamp());
    let wait = TimeDelta::milliseconds((jitter.as_millis() as f64 * share) as i64);
    instant.checked_add_signed(wait).unwrap_or(instant)
}

/// The instants that have come and are not decided, in order; of more than [`KEPT`] the newest.
pub(super) fn due_instants(record: &ScheduleRecord, calendar: &Calendar, now: DateTime<Utc>) -> Vec<Due> {
    let instants = arrived(record, calendar, now);
    let late = instants
        .iter()
        .take_while(|instant| fire_at(record.schedule_id, record.jitter, **instant) + LATE < now)
        .count();
    let caught_up = match record.catchup {
        Catchup::None => 0,
        Catchup::Last => 1,
        Catchup::All(most) => most as usize,
    };
    let skipped = late.saturating_sub(caught_up);
    let due = |(index, instant)| Due { instant, missed: index < skipped };
    instants.into_iter().enumerate().map(due).collect()
}

/// Looks at the latest hour first and then ever further back, so that a year's absence costs no more than a day's.
fn arrived(record: &ScheduleRecord, calendar: &Calendar, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let mut window = TimeDelta::hours(1);
    loop {
        let begin = now.checked_sub_signed(window).unwrap_or_default().max(record.decided_through);
        let mut found = Vec::new();
        let mut last = begin;
        while let Some(next) = next_after(record, calendar, last) {
            if fire_at(record.schedule_id, record.jitter, next) > now {
                break;
            }
            found.push(next);
            last = next;
        }
        if begin == record.decided_through || found.len() >= KEPT {
            let surplus = found.len().saturating_sub(KEPT);
            return found.split_off(surplus);
        }
        window = window.checked_mul(8).unwrap_or(TimeDelta::MAX);
    }
}
