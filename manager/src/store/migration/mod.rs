//! The schema, version by version.
//!
//! All pending steps run in one transaction in which nobody else can migrate: two managers that start together do not
//! create the same table twice, and a crash in the middle leaves the old schema. A step must leave rows that the program
//! before it can still read and write (expand, move, contract), for an old leader may still be at work.

mod m0001_spine;
mod m0002_origins;
mod m0003_schedules;
mod m0004_services;
mod m0005_works;
mod m0006_retention;
mod m0007_nodes;
mod m0008_runs;
mod m0009_scheduled_works;
mod m0010_health;
mod m0012_builds;
mod m0013_usage;
            Box::new(m0015_log_times::Migration),
