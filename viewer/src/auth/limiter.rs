//! Slows down guessing at the login form.
//!
//! Per address, and over all: the manager sees every guess made here as one of ours, and must not come to lock the viewer itself out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tokens or codes an address may try in one window: a person mistypes a few times, a program does not stop at ten.
const PER_ADDRESS: u32 = 10;
/// Over all addresses; the manager's own limit for one address is above it.
const OVER_ALL: u32 = 60;
const WINDOW: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct Limiter {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    all: u32,
    /// No larger than `OVER_ALL`: only counted guesses enter it.
    addresses: HashMap<IpAddr, u32>,
}

impl Limiter {
    /// Says how long the address has to wait before its next guess; None: it may try.
    pub(crate) fn wait_of(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let left = WINDOW.checked_sub(now.saturating_duration_since(state.since?))?;
        let tries = state.addresses.get(&network_of(address)).copied().unwrap_or(0);
        (tries >= PER_ADDRESS || state.all >= OVER_ALL).then_some(left)
    }

    /// Counts a wrong guess.
    pub(crate) fn count(&self, address: IpAddr, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = state.since.is_none_or(|since| now.saturating_duration_since(since) >= WINDOW);
        if is_over {
            *state = State { since: Some(now), ..State::default() };
        }
        if state.all < OVER_ALL {
            state.all += 1;
            *state.addresses.entry(network_of(address)).or_default() += 1;
        }
    }
}

/// Whoever has one IPv6 address has 2^64 of them.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_guesses_has_to_wait_and_others_have_not() {
        let limiter = Limiter::default();
        let start = Instant::now();
        let (here, there) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));

        for _ in 0..PER_ADDRESS {
            assert_eq!(limiter.wait_of(here, start), None);
            limiter.count(here, start);
        }

        assert_eq!(limiter.wait_of(here, start), Some(WINDOW));
        assert_eq!(limiter.wait_of(there, start), None);
        assert_eq!(limiter.wait_of(here, start + WINDOW + Duration::from_millis(1)), None);
    }

    #[test]
    fn many_addresses_together_have_to_wait_before_the_manager_minds() {
        let limiter = Limiter::default();
        let start = Instant::now();

        for n in 0..OVER_ALL * 10 {
            limiter.count(IpAddr::from(n.to_be_bytes()), start);
        }

        assert!(limiter.wait_of(IpAddr::from([192, 0, 2, 1]), start).is_some());
        assert!(limiter.state.lock().unwrap().addresses.len() <= OVER_ALL as usize);
    }
}
