//! The moment an event is handled at, as both clocks tell it.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Wall clock for what people read and what is stored; monotonic clock for everything that is due after a while, so that a
/// step of the wall clock neither fires nor holds back a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    pub wall: DateTime<Utc>,
    /// Since an arbitrary start of this process.
    pub mono: Duration,
}
