//! The calendar of a schedule: from wall-clock times of a zone to instants.
//!
//! The rule for changes of the clock (ADR 8), by what the hour field says:
//!
//! * It names hours (`30 2 * * *`, `0 9-17 * * mon-fri`): every named wall-clock time happens exactly once. One that is
//!   skipped when the clock goes forward happens at the first moment after the gap; one that comes twice when the clock goes back happens at its
//!   first coming. Several that fall into one gap are one instant.
//! * It begins with `*` (`*/15 * * * *`, `0 */2 * * *`): the schedule follows elapsed time. An instant is every moment whose
//!   wall-clock time is named: none in a gap, both in a fold.
//!
//! Instants are whole seconds. [`Calendar::next_after`] depends on its argument and nothing else, so a manager that starts anew comes to the same list.

use chrono::{DateTime, Days, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::cron::{Cron, Error};

/// No zone changes its clock twice within this time, nor by as much.
const STRIDE: TimeDelta = TimeDelta::hours(12);

/// Further from the wall-clock time taken as UTC than any zone is, before and after any change of it.
const AROUND: TimeDelta = TimeDelta::hours(40);

/// Named times of one zone.
#[derive(Clone, Debug)]
pub struct Calendar {
    cron: Cron,
    tz: Tz,
}

impl Calendar {
    /// # Errors
    /// Where the expression is not one, or never happens.
    pub fn new(cron: &str, tz: Tz, now: DateTime<Utc>) -> Result<Self, Error> {
        let calendar = Self::restore(cron, tz)?;
        match calendar.next_after(now) {
            Some(_) => Ok(calendar),
            None => Err(Error::Never(cron.to_owned())),
        }
    }

    /// The same for an expression that was checked when it was stored.
    ///
    /// # Errors
    /// Where it is not one.
    pub fn restore(cron: &str, tz: Tz) -> Result<Self, Error> {
        Ok(Self { cron: Cron::parse(cron)?, tz })
    }

    /// The first instant after `after`; None where the next 50 years have none.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // within one second nothing happens: what is left of it counts as passed
        let after = DateTime::from_timestamp(after.timestamp(), 0)?;
        if self.cron.follows_elapsed_time() { self.next_elapsed(after) } else { self.next_named(after) }
    }

    /// Each named time once. Its instant never goes back as wall-clock times go on, so the first that lies after `after` is the next.
    fn next_named(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut wall = self.wall(after);
        loop {
            wall = self.cron.next_after(wall)?;
            let instant = self.instant(wall)?;
            if instant > after {
                return Some(instant);
            }
        }
    }

    /// The one moment a wall-clock time stands for.
    fn instant(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        match self.tz.from_local_datetime(&wall) {
            MappedLocalTime::Single(moment) => Some(moment.to_utc()),
            MappedLocalTime::Ambiguous(first, second) => Some(first.min(second).to_utc()),
            MappedLocalTime::None => {
                let before = wall.and_utc().checked_sub_signed(AROUND)?;
                let after = wall.and_utc().checked_add_signed(AROUND)?;
                Some(first_second(before, after, |moment| self.wall(moment) > wall))
            }
        }
    }

    /// Every moment whose wall-clock time is named: looked for by stretches in which the zone keeps its offset.
    fn next_elapsed(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let end = after.checked_add_days(Days::new(50 * 366))?;
        let mut from = after;
        while from < end {
            let offset = self.offset(from);
            let named = (self.cron.next_after(self.wall(from))? - offset).and_utc();
            while from < named {
                let to = named.min(from + STRIDE);
                if self.offset(to) == offset {
                    from = to;
                    continue;
                }
                from = first_second(from, to, |moment| self.offset(moment) != offset);
                if self.cron.matches(self.wall(from)) {
                    return Some(from);
                }
                break;
            }
            if from == named && self.cron.matches(self.wall(from)) {
                return Some(named);
            }
        }
        None
    }

    fn wall(&self, moment: DateTime<Utc>) -> NaiveDateTime {
        moment.with_timezone(&self.tz).naive_local()
    }

    fn offset(&self, moment: DateTime<Utc>) -> TimeDelta {
        let offset = self.tz.offset_from_utc_datetime(&moment.naive_utc()).fix();
        TimeDelta::seconds(offset.local_minus_utc().into())
    }
}

/// The first whole second after `before`, and not after `after`, for which `is_past` holds; it holds for `after` and does not cease to hold.
fn first_second(
    before: DateTime<Utc>,
    after: DateTime<Utc>,
    is_past: impl Fn(DateTime<Utc>) -> bool,
) -> DateTime<Utc> {
    let (mut low, mut high) = (before, after);
    while high - low > TimeDelta::seconds(1) {
        let middle = low + TimeDelta::seconds((high - low).num_seconds() / 2);
        if is_past(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}
