//! Schedules: what is due when, and what comes of it.
//!
//! `cron` reads expressions, `calendar` turns them into instants of a zone, `decide` says of the instants that have come which were
//! missed, `machine` fires, holds or skips them, `fire` makes and stops what they make, `edit` is what people do with schedules, `words` says times as people do.

mod calendar;
mod cron;
mod decide;
mod edit;
mod fire;
mod machine;
pub mod record;
mod words;

#[cfg(test)]
mod sanity;
#[cfg(test)]
mod tests;

pub use calendar::Calendar;
pub use cron::Error as CronError;
pub use decide::{KEPT, fire_at, next_after, next_instant};
pub use edit::{ScheduleEdit, ScheduleRefusal, calendar_of, parse_zone};
pub use machine::{MAX_WAITING, sources_of};
pub(super) use machine::{Made, Schedules};
pub use words::words;
