//! Logs: following them while they grow, and bringing those that are too long for a report to the manager.

mod follow;
mod ship;
mod watch;

pub(crate) use follow::{Begin, Follower, Following};
pub(crate) use ship::Shipper;
pub(crate) use watch::Watcher;
