//! The table of browsers that are signed in.
//!
//! A browser holds a random word and nothing else; the token stays here, inside the client made with it. The table lives in memory: a
//! restart of the viewer signs everybody out, and there is no file to steal. It is bounded, and a full table drops whoever was away longest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lp_protocol::client::ManagerClient;
use lp_protocol::views::WhoAmI;

use super::random_secret;
use crate::access::Access;

/// Browsers signed in at once; each is about 1 KiB.
const MAX_SESSIONS: usize = 1000;

/// After a week everybody shows the token again, so that a forgotten browser does not stay signed in for ever.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Whose token it is, as the manager said when its holder signed in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holder {
    /// Empty where the manager could not be asked.
    pub(crate) token_id: String,
    pub(crate) access: Access,
}

impl From<WhoAmI> for Holder {
    fn from(who: WhoAmI) -> Self {
        Self { access: Access::of_role(&who.role), token_id: who.token_id }
    }
}

/// What a signed-in browser may use.
pub(crate) struct Session {
    /// Calls the manager with the token of whoever signed in.
    pub(crate) client: ManagerClient,
    pub(crate) holder: Holder,
    /// Stands in every form of its pages: another site cannot know it.
    pub(crate) csrf: String,
    since: Instant,
}

#[derive(Default)]
pub(crate) struct Sessions {
    idle: Duration,
    table: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    session: Arc<Session>,
    used: Instant,
}

impl Sessions {
    /// `idle`: how long one may go unused.
    pub(crate) fn new(idle: Duration) -> Self {
        Self { idle, table: Mutex::default() }
    }

    /// Opens a session and returns the word its browser is to hold.
    pub(crate) fn open(&self, client: ManagerClient, holder: Holder, now: Instant) -> String {
        let mut table = self.lock();
        if table.len() >= MAX_SESSIONS {
            table.retain(|_, entry| self.is_good(entry, now));
        }
        if table.len() >= MAX_SESSIONS
            && let Some(oldest) = table.iter().min_by_key(|(_, entry)| entry.used).map(|(id, _)| id.clone())
        {
            table.remove(&oldest);
        }
        let id = random_secret();
        let session = Arc::new(Session { client, holder, csrf: random_secret(), since: now });
        table.insert(id.clone(), Entry { session, used: now });
        id
    }

    /// Returns the session of a browser that makes a request.
    pub(crate) fn enter(&self, id: &str, now: Instant) -> Option<Arc<Session>> {
        let mut table = self.lock();
        let entry = table.get_mut(id)?;
        if !self.is_good(entry, now) {
            table.remove(id);
            return None;
        }
        entry.used = now;
        Some(entry.session.clone())
    }

    /// Tells whether a browser is still signed in, without counting as a request of it: an open page is nobody's presence.
    pub(crate) fn is_open(&self, id: &str, now: Instant) -> bool {
        self.lock().get(id).is_some_and(|entry| self.is_good(entry, now))
    }

    pub(crate) fn close(&self, id: &str) {
        self.lock().remove(id);
    }

    /// Signs out every browser that holds the same token; returns how many there were.
    pub(crate) fn close_all_of(&self, client: &ManagerClient) -> usize {
        let mut table = self.lock();
        let before = table.len();
        table.retain(|_, entry| !entry.session.client.has_token_of(client));
        before - table.len()
    }

    /// Browsers that hold the same token, this one among them.
    pub(crate) fn count_of(&self, client: &ManagerClient, now: Instant) -> usize {
        let table = self.lock();
        let good = table.values().filter(|entry| self.is_good(entry, now));
        good.filter(|entry| entry.session.client.has_token_of(client)).count()
    }

    /// Browsers that are signed in with the token of this id.
    pub(crate) fn count_of_token(&self, token_id: &str, now: Instant) -> usize {
        let table = self.lock();
        let good = table.values().filter(|entry| self.is_good(entry, now));
        good.filter(|entry| entry.session.holder.token_id == token_id).count()
    }

    fn is_good(&self, entry: &Entry, now: Instant) -> bool {
        now.saturating_duration_since(entry.used) < self.idle
            && now.saturating_duration_since(entry.session.since) < MAX_AGE
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(60);

    fn client() -> ManagerClient {
        ManagerClient::new("127.0.0.1:1", "t").unwrap()
    }

    #[test]
    fn a_session_ends_when_it_is_not_used_and_an_open_page_does_not_count_as_use() {
        let sessions = Sessions::new(IDLE);
        let start = Instant::now();
        let id = sessions.open(client(), Holder::default(), start);

        assert!(sessions.enter(&id, start + IDLE / 2).is_some());
        assert!(sessions.is_open(&id, start + IDLE));
        assert!(!sessions.is_open(&id, start + IDLE * 3 / 2));
        assert!(sessions.enter(&id, start + IDLE * 3 / 2).is_none());
        assert!(sessions.enter(&id, start).is_none());
    }

    #[test]
    fn a_session_ends_after_a_week_however_much_it_is_used() {
        let sessions = Sessions::new(MAX_AGE * 2);
        let start = Instant::now();
        let id = sessions.open(client(), Holder::default(), start);

        assert!(sessions.enter(&id, start + MAX_AGE - IDLE).is_some());
        assert!(sessions.enter(&id, start + MAX_AGE).is_none());
    }

    #[test]
    fn a_closed_or_unknown_session_lets_nobody_in() {
        let sessions = Sessions::new(IDLE);
        let start = Instant::now();
        let id = sessions.open(client(), Holder::default(), start);

        sessions.close(&id);

        assert!(sessions.enter(&id, start).is_none());
        assert!(sessions.enter("", start).is_none());
    }

    #[test]
    fn signing_out_everywhere_ends_all_sessions_of_the_token_and_no_others() {
        let sessions = Sessions::new(IDLE);
        let start = Instant::now();
        let (mine, other) = (client(), ManagerClient::new("127.0.0.1:1", "other").unwrap());
        let ids =
            [&mine, &mine, &other].map(|client| sessions.open(client.clone(), Holder::default(), start));

        assert_eq!(sessions.count_of(&mine, start), 2);
        assert_eq!(sessions.close_all_of(&mine), 2);

        assert_eq!(ids.map(|id| sessions.is_open(&id, start)), [false, false, true]);
    }

    #[test]
    fn a_full_table_drops_whoever_was_away_longest() {
        let sessions = Sessions::new(IDLE);
        let start = Instant::now();
        let client = client();
        let first = sessions.open(client.clone(), Holder::default(), start);
        let second = sessions.open(client.clone(), Holder::default(), start);
        assert!(sessions.enter(&first, start + Duration::from_secs(1)).is_some());

        for _ in 2..=MAX_SESSIONS {
            sessions.open(client.clone(), Holder::default(), start + Duration::from_secs(2));
        }

        assert!(sessions.is_open(&first, start + Duration::from_secs(2)));
        assert!(!sessions.is_open(&second, start + Duration::from_secs(2)));
        assert!(sessions.lock().len() <= MAX_SESSIONS);
    }
}
