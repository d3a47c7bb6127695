//! Slows down guessing, per address.
//!
//! Only *different* wrong secrets count as guesses: a client with a stale token in its configuration is a nuisance, not an attack, and
//! gets its plain refusal every time. All is bounded: addresses and remembered hashes.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Different wrong secrets an address may try in one window.
const GUESSES: usize = 100;
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses watched at once, about 64 KiB; one more makes room by dropping those whose window is over, then all.
const MAX_ADDRESSES: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Limiter {
    addresses: Mutex<HashMap<IpAddr, Guesses>>,
}

#[derive(Debug)]
struct Guesses {
    since: Instant,
    /// First eight bytes of each wrong secret's hash: enough to tell them apart.
    wrong: HashSet<u64>,
}

impl Limiter {
    /// Says how long the address has to wait before it may try another secret; None: it may. `hash` is the one it tries now: one that it
    /// has tried before is not another.
    pub(super) fn wait_of(&self, address: IpAddr, hash: u64, now: Instant) -> Option<Duration> {
        let addresses = self.addresses.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let guesses = addresses.get(&network_of(address))?;
        let left = WINDOW.checked_sub(now.saturating_duration_since(guesses.since))?;
        (guesses.wrong.len() >= GUESSES && !guesses.wrong.contains(&hash)).then_some(left)
    }

    /// Counts a wrong secret.
    pub(super) fn count(&self, address: IpAddr, hash: u64, now: Instant) {
        let mut addresses = self.addresses.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let over = |guesses: &Guesses| now.saturating_duration_since(guesses.since) >= WINDOW;
        if addresses.len() >= MAX_ADDRESSES && !addresses.contains_key(&network_of(address)) {
            addresses.retain(|_, guesses| !over(guesses));
            if addresses.len() >= MAX_ADDRESSES {
                addresses.clear();
            }
        }
        let guesses = addresses
            .entry(network_of(address))
            .or_insert_with(|| Guesses { since: now, wrong: HashSet::new() });
        if over(guesses) {
            *guesses = Guesses { since: now, wrong: HashSet::new() };
        }
        if guesses.wrong.len() < GUESSES {
            guesses.wrong.insert(hash);
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

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn many_different_guesses_have_to_wait_and_a_repeated_one_has_not() {
        let limiter = Limiter::default();
        let start = Instant::now();
        let here = address("192.0.2.1");

        for guess in 0..GUESSES as u64 {
            assert_eq!(limiter.wait_of(here, guess, start), None);
            limiter.count(here, guess, start);
            limiter.count(here, guess, start);
        }

        assert_eq!(limiter.wait_of(here, 1_000, start), Some(WINDOW));
        assert_eq!(limiter.wait_of(here, 5, start), None);
        assert_eq!(limiter.wait_of(address("192.0.2.2"), 1_000, start), None);
        assert_eq!(limiter.wait_of(here, 1_000, start + WINDOW + Duration::from_millis(1)), None);
    }

    #[test]
    fn one_ipv6_network_is_one_address_and_memory_stays_bounded() {
        let limiter = Limiter::default();
        let start = Instant::now();
        for guess in 0..GUESSES as u64 {
            limiter.count(address(&format!("2001:db8::{guess:x}")), guess, start);
        }
        assert!(limiter.wait_of(address("2001:db8::ffff"), 1_000, start).is_some());

        for n in 0..5_000_u32 {
            limiter.count(IpAddr::from(n.to_be_bytes()), 1, start);
        }
        assert!(limiter.addresses.lock().unwrap().len() <= MAX_ADDRESSES);
    }
}
