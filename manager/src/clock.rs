//! The wall clock of everything outside the core: when a package was uploaded, when a token runs out.
//!
//! Passed as a value so that a test can put it anywhere. It can only be asked, never waited on: durations are measured
//! with tokio's timers, which a step of the wall clock does not move.
//!
//! `LP_CLOCK_AHEAD` (seconds, may be negative) sets the clock of this process apart from the machine's: so a schedule of next year can be tried
//! today, with the real binary. It is said in the log, for it must not happen unnoticed.

#[cfg(not(test))]
use chrono::TimeDelta;
use chrono::{DateTime, Utc};

/// The variable with the seconds.
#[cfg(not(test))]
const AHEAD: &str = "LP_CLOCK_AHEAD";

/// A clock; clones tell the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    #[cfg(not(test))]
    ahead: TimeDelta,
    #[cfg(test)]
    ahead_millis: std::sync::Arc<std::sync::atomic::AtomicI64>,
}

impl Clock {
    /// The machine's clock, or one that is as far from it as `LP_CLOCK_AHEAD` says.
    #[cfg(not(test))]
    pub fn system() -> Self {
        let seconds = std::env::var(AHEAD).ok().and_then(|text| text.parse::<i64>().ok());
        let ahead = seconds.filter(|seconds| *seconds != 0).and_then(TimeDelta::try_seconds);
        if let Some(ahead) = ahead {
            tracing::warn!(
                seconds = ahead.num_seconds(),
                "{AHEAD} sets this manager's clock apart from the machine's"
            );
        }
        Self { ahead: ahead.unwrap_or_default() }
    }

    #[cfg(not(test))]
    pub fn now(&self) -> DateTime<Utc> {
        let now = Utc::now();
        now.checked_add_signed(self.ahead).unwrap_or(now)
    }
}

#[cfg(test)]
impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::default()
    }

    pub fn now(&self) -> DateTime<Utc> {
        let ahead = self.ahead_millis.load(std::sync::atomic::Ordering::Relaxed);
        Utc::now() + chrono::TimeDelta::milliseconds(ahead)
    }

    /// Moves this clock and its clones.
    pub fn advance(&self, by: chrono::TimeDelta) {
        self.ahead_millis.fetch_add(by.num_milliseconds(), std::sync::atomic::Ordering::Relaxed);
    }
}
