//! Logs: following them while they grow, noting when they did, and bringing those that are too long for a report to the manager.

mod follow;
mod marker;
mod ship;
mod times;
mod watch;

pub(crate) use follow::{Begin, Follower, Following};
pub(crate) use marker::Marker;
pub(crate) use ship::Shipper;
pub(crate) use times::{Seen, Times};
pub(crate) use watch::Watcher;
