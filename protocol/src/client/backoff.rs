//! How long to wait before asking again, and when to give up.

use std::time::{Duration, Instant};

/// First wait; a manager that is only restarting its listener is back by then.
const FIRST: Duration = Duration::from_millis(100);
/// Longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(5);
/// After so long without a success it gives up: a restart takes seconds, and a person wants to know.
const PATIENCE: Duration = Duration::from_secs(60);

/// Doubling waits with some chance in them, so that many clients do not come back at once.
#[derive(Debug)]
pub struct Backoff {
    wait: Duration,
    first_failure: Option<Instant>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

impl Backoff {
    pub fn new() -> Self {
        Self { wait: FIRST, first_failure: None }
    }

    /// Something succeeded: the next failure begins anew.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// The wait before the next try; None when it is time to give up.
    pub fn next_wait(&mut self) -> Option<Duration> {
        self.step(Instant::now(), chance())
    }

    fn step(&mut self, now: Instant, chance: f64) -> Option<Duration> {
        let since = *self.first_failure.get_or_insert(now);
        if now.duration_since(since) > PATIENCE {
            return None;
        }
        let wait = self.wait.mul_f64(0.75 + chance / 2.0);
        self.wait = (self.wait * 2).min(LONGEST);
        Some(wait)
    }
}

/// A number from 0 to 1; a random id has the randomness this needs.
fn chance() -> f64 {
    let (high, _) = uuid::Uuid::new_v4().as_u64_pair();
    (high >> 32) as f64 / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_end() {
        let start = Instant::now();
        let mut backoff = Backoff::new();
        let mut now = start;
        let mut waits = Vec::new();

        while let Some(wait) = backoff.step(now, 0.5) {
            waits.push(wait.as_millis());
            now += wait;
        }

        assert_eq!(waits[..7], [100, 200, 400, 800, 1600, 3200, 5000]);
        assert!(now - start > PATIENCE && now - start < PATIENCE + LONGEST * 2);
    }

    #[test]
    fn a_success_begins_anew() {
        let mut backoff = Backoff::new();
        let start = Instant::now();
        backoff.step(start, 0.5);
        backoff.step(start, 0.5);

        backoff.reset();

        assert_eq!(backoff.step(start + PATIENCE * 2, 0.5), Some(FIRST));
    }

    #[test]
    fn chance_is_between_nought_and_one() {
        for _ in 0..1000 {
            assert!((0.0..=1.0).contains(&chance()));
        }
    }
}
