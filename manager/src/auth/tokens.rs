//! Which tokens may be made and which revoked.
//!
//! Names are unique among those that are good, there are a thousand at most, and one administrator's token that does not expire always stays:
//! otherwise a cluster could be locked, at once or on a day in the future. An expired token stays listed for some time, so that whoever
//! wonders why a program stopped working finds it.

use chrono::{DateTime, TimeDelta, Utc};
use lp_protocol::TokenId;
use lp_protocol::views::Role;

use crate::store::{NewToken, StoredToken, TokenChange};

/// Tokens at once: far more than people look after, and few enough to be looked at one by one.
pub const MAX_TOKENS: usize = 1000;

/// How long an expired token is listed.
const EXPIRED_LISTED: TimeDelta = TimeDelta::days(30);

/// Tokens that managers have made for themselves. Each data directory has one; where directories come and go with their machines, the tokens of
/// those that are gone would pile up.
const MAX_OF_MANAGERS: usize = 100;

/// The name of the first a manager makes.
const OF_MANAGER: &str = "administrator";

/// Why a token is not made or not revoked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    #[error("the token name `{0}` is taken")]
    NameTaken(String),
    #[error("there are {MAX_TOKENS} tokens already")]
    Full,
    #[error(
        "the token `{0}` is the last of an administrator that does not expire: without it nobody could make another"
    )]
    LastAdministrator(String),
    /// Somebody else was faster.
    #[error("there is no token `{0}`")]
    Gone(TokenId),
}

/// Adds a token. What has the name and has expired makes room, as does what expired long ago.
pub fn create(
    tokens: &[StoredToken],
    new: NewToken,
    now: DateTime<Utc>,
) -> Result<TokenChange, TokenRefusal> {
    if tokens.iter().any(|token| token.name == new.name && !is_expired(token, now)) {
        return Err(TokenRefusal::NameTaken(new.name));
    }
    let old = |token: &&StoredToken| {
        token.name == new.name || token.expire_at.is_some_and(|at| at + EXPIRED_LISTED <= now)
    };
    let mut revoke: Vec<TokenId> = tokens.iter().filter(old).map(|token| token.token_id).collect();
    if tokens.len() - revoke.len() >= MAX_TOKENS {
        let expired = tokens.iter().filter(|token| is_expired(token, now));
        revoke = expired.map(|token| token.token_id).collect();
    }
    if tokens.len() - revoke.len() >= MAX_TOKENS {
        return Err(TokenRefusal::Full);
    }
    Ok(TokenChange { insert: Some(new), revoke })
}

/// Takes a token away.
pub fn revoke(
    tokens: &[StoredToken],
    token_id: TokenId,
    now: DateTime<Utc>,
) -> Result<TokenChange, TokenRefusal> {
    let Some(token) = tokens.iter().find(|token| token.token_id == token_id) else {
        return Err(TokenRefusal::Gone(token_id));
    };
    let others = tokens.iter().filter(|other| other.token_id != token_id);
    if is_lasting(token) && !is_expired(token, now) && !others.clone().any(is_lasting) {
        return Err(TokenRefusal::LastAdministrator(token.name.clone()));
    }
    Ok(TokenChange { insert: None, revoke: vec![token_id] })
}

/// Adds the token of a manager, under a name that is free. Where there are too many, the one that was not used for longest goes; its manager,
/// should it ever start again, makes another.
pub fn adopt(tokens: &[StoredToken], new: NewToken, now: DateTime<Utc>) -> TokenChange {
    let is_taken = |name: &str| tokens.iter().any(|token| token.name == name && !is_expired(token, now));
    let numbered = (2..).map(|number| format!("{OF_MANAGER}-{number}"));
    let name = std::iter::once(OF_MANAGER.to_owned()).chain(numbered).find(|name| !is_taken(name));
    let mut of_managers: Vec<&StoredToken> =
        tokens.iter().filter(|token| token.created_by.is_none()).collect();
    of_managers.sort_by_key(|token| std::cmp::Reverse(token.used_at.max(Some(token.create_at))));
    let surplus = of_managers.iter().skip(MAX_OF_MANAGERS - 1);
    TokenChange {
        revoke: surplus.map(|token| token.token_id).collect(),
        insert: Some(NewToken { name: name.unwrap_or_else(|| OF_MANAGER.to_owned()), ..new }),
    }
}

pub fn is_expired(token: &StoredToken, now: DateTime<Utc>) -> bool {
    token.expire_at.is_some_and(|at| at <= now)
}

/// An administrator's that never expires.
fn is_lasting(token: &StoredToken) -> bool {
    token.expire_at.is_none() && token.role == Role::Administrator.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000_000, 0).unwrap()
    }

    fn stored(name: &str, role: Role, expire_in: Option<i64>) -> StoredToken {
        StoredToken {
            token_id: TokenId::random(),
            name: name.to_owned(),
            role: role.as_str().to_owned(),
            create_at: now() - TimeDelta::days(100),
            expire_at: expire_in.map(|seconds| now() + TimeDelta::seconds(seconds)),
            used_at: None,
            created_by: Some(TokenId::random()),
        }
    }

    fn new(name: &str) -> NewToken {
        NewToken {
            token_id: TokenId::random(),
            name: name.to_owned(),
            role: Role::Reader.as_str().to_owned(),
            hash: name.to_owned(),
            create_at: now(),
            expire_at: None,
            created_by: None,
        }
    }

    #[test]
    fn a_name_is_free_when_its_token_has_expired() {
        let tokens = [stored("a", Role::Reader, Some(0)), stored("b", Role::Reader, Some(1))];

        assert_eq!(create(&tokens, new("a"), now()).unwrap().revoke, [tokens[0].token_id]);
        let taken = create(&tokens, new("b"), now()).unwrap_err();
        assert_eq!(taken, TokenRefusal::NameTaken("b".to_owned()));
        assert!(create(&tokens, new("c"), now()).unwrap().revoke.is_empty(), "what has expired is listed");
        assert_eq!(create(&tokens, new("c"), now() + TimeDelta::days(31)).unwrap().revoke.len(), 2);
    }

    #[test]
    fn there_are_a_thousand_at_most_and_expired_ones_make_room() {
        let mut tokens: Vec<_> =
            (0..MAX_TOKENS).map(|n| stored(&n.to_string(), Role::Reader, Some(1))).collect();

        assert_eq!(create(&tokens, new("new"), now()).unwrap_err(), TokenRefusal::Full);
        tokens[5].expire_at = Some(now());
        assert_eq!(create(&tokens, new("new"), now()).unwrap().revoke, [tokens[5].token_id]);
    }

    #[test]
    fn an_administrator_that_does_not_expire_always_stays() {
        let tokens = [
            stored("lasting", Role::Administrator, None),
            stored("tomorrow", Role::Administrator, Some(86_400)),
            stored("reader", Role::Reader, None),
        ];

        let refused = revoke(&tokens, tokens[0].token_id, now()).unwrap_err();
        assert_eq!(refused, TokenRefusal::LastAdministrator("lasting".to_owned()));
        for other in &tokens[1..] {
            assert_eq!(revoke(&tokens, other.token_id, now()).unwrap().revoke, [other.token_id]);
        }
        let with_another = [tokens.as_slice(), &[stored("second", Role::Administrator, None)]].concat();
        assert!(revoke(&with_another, tokens[0].token_id, now()).is_ok());
        let gone = TokenId::random();
        assert_eq!(revoke(&tokens, gone, now()).unwrap_err(), TokenRefusal::Gone(gone));
    }

    #[test]
    fn managers_find_a_free_name_and_the_tokens_of_gone_ones_do_not_pile_up() {
        let of_manager = |name: &str, days: i64| StoredToken {
            used_at: Some(now() - TimeDelta::days(days)),
            created_by: None,
            ..stored(name, Role::Administrator, None)
        };
        let mut tokens = vec![of_manager("administrator", 1)];
        assert_eq!(adopt(&[], new(""), now()).insert.unwrap().name, "administrator");
        assert_eq!(adopt(&tokens, new(""), now()).insert.unwrap().name, "administrator-2");

        tokens.extend((2..=100).map(|n| of_manager(&format!("administrator-{n}"), 200 - n)));
        let change = adopt(&tokens, new(""), now());

        assert_eq!(change.insert.unwrap().name, "administrator-101");
        // each counts by its making where that was later than its last use
        assert_eq!(change.revoke.len(), 1);
        assert!(!change.revoke.contains(&tokens[0].token_id));
    }
}
