//! When tokens were last used, by the minute.
//!
//! A thousand calls a second are one note in memory and one row a minute: the first use in a minute is noted, and a writer on its own takes the
//! notes to the database, at once and then not again within a minute. What is not written yet is shown all the same.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use lp_protocol::TokenId;
use tokio::sync::Notify;

/// How exactly it is known.
pub const GRAIN: TimeDelta = TimeDelta::minutes(1);

#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Not written yet; as many as there are tokens at most.
    pending: Mutex<HashMap<TokenId, DateTime<Utc>>>,
    noted: Notify,
}

/// The beginning of the minute.
pub(super) fn minute_of(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(GRAIN).unwrap_or(time)
}

impl Uses {
    pub(super) fn note(&self, token_id: TokenId, minute: DateTime<Utc>) {
        self.lock().insert(token_id, minute);
        self.noted.notify_one();
    }

    pub(super) fn of(&self, token_id: TokenId) -> Option<DateTime<Utc>> {
        self.lock().get(&token_id).copied()
    }

    /// Waits until there is something to be written.
    pub(super) async fn noted(&self) {
        self.noted.notified().await;
    }

    pub(super) fn pending(&self) -> HashMap<TokenId, DateTime<Utc>> {
        self.lock().clone()
    }

    /// Forgets what was written, and has not changed since.
    pub(super) fn written(&self, written: &HashMap<TokenId, DateTime<Utc>>) {
        self.lock().retain(|token_id, minute| written.get(token_id) != Some(minute));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TokenId, DateTime<Utc>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_used_while_it_is_written_is_written_next() {
        let uses = Uses::default();
        let (one, other) = (TokenId::random(), TokenId::random());
        let minute = minute_of(Utc::now());
        uses.note(one, minute);
        uses.note(other, minute);
        uses.noted().await;

        let written = uses.pending();
        uses.note(one, minute + GRAIN);
        uses.written(&written);

        assert_eq!((uses.of(one), uses.of(other)), (Some(minute + GRAIN), None));
        uses.noted().await;
    }
}
