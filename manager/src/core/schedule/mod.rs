//! Schedules: what is due when, and what comes of it.
//!
//! `cron` reads expressions, `calendar` turns them into instants of a zone.

mod calendar;
mod cron;

pub use calendar::Calendar;
pub use cron::Error as CronError;

#[cfg(test)]
mod tests;
