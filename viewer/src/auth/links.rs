//! One-time login links: who can read the terminal `lp up` runs in gets in with a click.
//!
//! A code is good once and for ten minutes, so that one in a browser's history, a shared screen or a shell's scrollback opens nothing.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::random_secret;

/// Long enough to switch to a browser, too short for a link that was found later.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Links that are good at once; one more drops the oldest.
const MAX_CODES: usize = 32;

/// Makes login links for whoever runs the viewer. Clones share the codes.
#[derive(Clone)]
pub struct LoginLinks {
    base: String,
    codes: Arc<Mutex<HashMap<String, Instant>>>,
}

impl fmt::Debug for LoginLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginLinks({})", self.base)
    }
}

impl LoginLinks {
    pub(crate) fn new(base: String) -> Self {
        Self { base, codes: Arc::default() }
    }

    /// Makes a link that signs one browser in, once, within ten minutes. It is a secret until then: show it to its user only.
    pub fn create(&self) -> String {
        format!("{}/login?code={}", self.base, self.code(Instant::now()))
    }

    fn code(&self, now: Instant) -> String {
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.retain(|_, made| now.saturating_duration_since(*made) < LIFETIME);
        if codes.len() >= MAX_CODES
            && let Some(oldest) = codes.iter().min_by_key(|(_, made)| **made).map(|(code, _)| code.clone())
        {
            codes.remove(&oldest);
        }
        let code = random_secret();
        codes.insert(code.clone(), now);
        code
    }

    /// Uses a code up; true where it was good.
    pub(crate) fn redeem(&self, code: &str, now: Instant) -> bool {
        let made = self.codes.lock().unwrap_or_else(PoisonError::into_inner).remove(code);
        made.is_some_and(|made| now.saturating_duration_since(made) < LIFETIME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_good_once_and_for_ten_minutes() {
        let links = LoginLinks::new("http://h".to_owned());
        let start = Instant::now();
        let (first, second) = (links.code(start), links.code(start));

        assert!(links.redeem(&first, start + LIFETIME - Duration::from_secs(1)));
        assert!(!links.redeem(&first, start));
        assert!(!links.redeem(&second, start + LIFETIME));
        assert!(!links.redeem("", start));
    }

    #[test]
    fn only_the_latest_codes_are_kept() {
        let links = LoginLinks::new("http://h".to_owned());
        let start = Instant::now();
        let first = links.code(start);

        for n in 0..MAX_CODES as u64 {
            links.code(start + Duration::from_millis(n + 1));
        }

        assert!(!links.redeem(&first, start));
        assert_eq!(links.codes.lock().unwrap().len(), MAX_CODES);
    }

    #[test]
    fn no_debug_text_shows_a_code() {
        let links = LoginLinks::new("http://h".to_owned());
        let link = links.create();

        assert!(link.starts_with("http://h/login?code="));
        assert_eq!(format!("{links:?}"), "LoginLinks(http://h)");
    }
}
