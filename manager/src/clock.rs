//! The wall clock of everything outside the core: when a package was uploaded, when a token runs out.
//!
//! Passed as a value so that a test can put it anywhere. It can only be asked, never waited on: durations are measured
//! with tokio's timers, which a step of the wall clock does not move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// A clock; clones tell the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds this clock is ahead of the machine's.
    ahead_millis: Arc<AtomicI64>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::default()
    }

    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(self.ahead_millis.load(Ordering::Relaxed))
    }

    /// Moves this clock and its clones, for tests of what expires.
    pub fn advance(&self, by: TimeDelta) {
        self.ahead_millis.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }
}
