//! `lp bench`: what this machine can do, and how much of it is left with the platform in between.
//!
//! A private cluster of the real binary (a manager and a node as processes of their own, on free ports, with a temporary
//! directory) is driven over HTTP as any client would. Every workload takes turns with the limit: the same
//! files and processes without a platform. What counts is the ratio of the two, because shared machines drift.
//!
//! * [`args`]: what is asked for, and how much is measured.
//! * [`limit`]: the machine by itself.
//! * [`bed`], [`cluster`], [`apps`], [`drive`], [`processes`]: what is measured with.
//! * [`throughput`] W1, [`latency`] W2 to W4, [`footprint`] W5 and W7, [`backlog`] W6, [`history`] W8 and W9.
//! * [`figure`], [`report`], [`stats`]: what comes out.

mod apps;
mod args;
mod backlog;
mod bed;
mod cluster;
mod drive;
mod figure;
mod footprint;
mod history;
mod latency;
mod limit;
mod processes;
mod report;
mod run;
mod stats;
mod throughput;

pub(crate) use args::Bench;
pub(crate) use run::run;
