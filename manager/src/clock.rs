//! The wall clock of everything outside the core: when a package was uploaded, when a token runs out.
//!
//! Passed as a value so that a test can put it anywhere. It can only be asked, never waited on: durations are measured
//! with tokio's timers, which a step of the wall clock does not move.

use chrono::{DateTime, Utc};

/// A clock; clones tell the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    #[cfg(test)]
    ahead_millis: std::sync::Arc<std::sync::atomic::AtomicI64>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::default()
    }

    #[cfg(not(test))]
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

#[cfg(test)]
impl Clock {
    pub fn now(&self) -> DateTime<Utc> {
        let ahead = self.ahead_millis.load(std::sync::atomic::Ordering::Relaxed);
        Utc::now() + chrono::TimeDelta::milliseconds(ahead)
    }

    /// Moves this clock and its clones.
    pub fn advance(&self, by: chrono::TimeDelta) {
        self.ahead_millis.fetch_add(by.num_milliseconds(), std::sync::atomic::Ordering::Relaxed);
    }
}
