//! When a failed attempt is followed by another, and after what wait.

use std::time::Duration;

use lp_protocol::Exit;
use lp_protocol::plan::{Retry, RetryOn};

use super::record::AttemptId;

/// Times an action may be lost with its node, or by it, before that counts as its failure: enough to outlive a rolling
/// restart of the nodes, few enough that an action that brings its nodes down is not handed round for ever.
pub const MAX_LOSSES: u32 = 3;

/// What follows after an attempt that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Again, as soon as there is room.
    Now,
    /// Again, after a wait.
    After(Duration),
    /// No more.
    Never,
}

/// Decides by the action's record so far; `failures` and `losses` count this attempt in.
pub fn next(retry: &Retry, exit: &Exit, failures: u32, losses: u32, id: AttemptId) -> Next {
    match exit {
        Exit::Returned | Exit::Drained => Next::Now,
        // a program we did not ask to stop was stopped by its node (shutting down, or out of touch): as good as lost
        Exit::Lost { .. } | Exit::Stopped { .. } if losses <= MAX_LOSSES => Next::Now,
        _ if failures + losses.saturating_sub(MAX_LOSSES) >= retry.attempts || !is_listed(retry, exit) => {
            Next::Never
        }
        _ => Next::After(wait(retry, failures.max(1), id)),
    }
}

/// Tells whether this end counts among `failures` (the others count among losses, or not at all).
pub fn counts_as_failure(exit: &Exit) -> bool {
    match exit {
        Exit::Code { code } => *code != 0,
        Exit::Signal { .. }
        | Exit::TimedOut
        | Exit::NotStarted { .. }
        | Exit::BadOutput { .. }
        | Exit::Unhealthy { .. }
        | Exit::OutOfMemory { .. } => true,
        Exit::Stopped { .. } | Exit::Lost { .. } | Exit::Returned | Exit::Drained => false,
    }
}

fn is_listed(retry: &Retry, exit: &Exit) -> bool {
    retry.on_exit.is_empty()
        || retry.on_exit.iter().any(|on| match (on, exit) {
            (RetryOn::Code(wanted), Exit::Code { code }) => wanted == code,
            (RetryOn::Signal, Exit::Signal { .. }) => true,
            (RetryOn::TimedOut, Exit::TimedOut) => true,
            (RetryOn::NotStarted, Exit::NotStarted { .. }) => true,
            (RetryOn::Unhealthy, Exit::Unhealthy { .. }) => true,
            (RetryOn::OutOfMemory, Exit::OutOfMemory { .. }) => true,
            (RetryOn::Lost, Exit::Lost { .. } | Exit::Stopped { .. }) => true,
            _ => false,
        })
}

/// `delay * backoff^(failures - 1)`, at most `max_delay`, less a share of up to `jitter` drawn by the attempt's identity, so that a
/// manager that restarts comes to the same moment.
fn wait(retry: &Retry, failures: u32, id: AttemptId) -> Duration {
    let grown = retry.delay.as_secs_f64() * retry.backoff.powi(failures.min(1000) as i32 - 1);
    let capped = grown.min(retry.max_delay.as_secs_f64());
    let share = retry.jitter * unit_interval(id);
    Duration::try_from_secs_f64(capped * (1.0 - share)).unwrap_or(retry.max_delay)
}

/// A number in [0, 1) that depends on the attempt alone (splitmix64 of its parts).
fn unit_interval(id: AttemptId) -> f64 {
    let mut hash = (id.task as u64) ^ (u64::from(id.action) << 32) ^ (u64::from(id.number) << 48);
    hash = hash.wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((hash ^ (hash >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: AttemptId = AttemptId { task: 7, action: 0, number: 1 };

    fn retry() -> Retry {
        Retry { attempts: 3, delay: Duration::from_secs(2), jitter: 0.0, ..Retry::default() }
    }

    #[test]
    fn waits_grow_by_the_factor_up_to_the_limit() {
        let retry = Retry { max_delay: Duration::from_secs(5), attempts: 9, ..retry() };
        let failed = Exit::Code { code: 1 };

        let waits: Vec<Next> = (1..=4).map(|failures| next(&retry, &failed, failures, 0, ID)).collect();

        assert_eq!(waits, [2, 4, 5, 5].map(|s| Next::After(Duration::from_secs(s))));
    }

    #[test]
    fn the_last_attempt_is_not_followed_by_another() {
        assert_eq!(next(&retry(), &Exit::TimedOut, 3, 0, ID), Next::Never);
        assert_eq!(next(&Retry::default(), &Exit::TimedOut, 1, 0, ID), Next::Never);
    }

    #[test]
    fn only_listed_ends_are_tried_again() {
        let retry = Retry { on_exit: vec![RetryOn::Code(75), RetryOn::Signal], ..retry() };

        assert_eq!(next(&retry, &Exit::Code { code: 1 }, 1, 0, ID), Next::Never);
        assert_ne!(next(&retry, &Exit::Code { code: 75 }, 1, 0, ID), Next::Never);
        assert_ne!(next(&retry, &Exit::Signal { signal: 9 }, 1, 0, ID), Next::Never);
    }

    #[test]
    fn losses_are_free_up_to_their_own_limit() {
        let lost = Exit::Lost { reason: String::new() };

        assert_eq!(next(&Retry::default(), &lost, 0, MAX_LOSSES, ID), Next::Now);
        assert_eq!(next(&Retry::default(), &lost, 0, MAX_LOSSES + 1, ID), Next::Never);
    }

    #[test]
    fn jitter_takes_away_at_most_its_share_and_is_the_same_each_time() {
        let retry = Retry { jitter: 0.5, attempts: 1000, ..retry() };
        for number in 1..100 {
            let id = AttemptId { number, ..ID };
            let drawn = wait(&retry, 1, id);
            assert!(drawn > Duration::from_secs(1) && drawn <= Duration::from_secs(2), "{drawn:?}");
            assert_eq!(drawn, wait(&retry, 1, id));
        }
    }
}
