//! Tests of schedules.

mod calendar;
mod cron;
