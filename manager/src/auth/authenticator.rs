//! Turns a secret into whoever it belongs to.
//!
//! Found secrets are remembered for some seconds, so that a client that makes a thousand calls a second costs one query and not a
//! thousand. What is revoked in the database is therefore refused after [`REMEMBERED`] at the latest.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lp_protocol::{NodeId, TokenId};

use super::limiter::Limiter;
use super::{Kind, Role, UnknownRole, hash_of};
use crate::clock::Clock;
use crate::store::{self, Store};

/// How long a found secret is taken on memory.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Secrets remembered at once, about 200 KiB.
const MAX_REMEMBERED: usize = 1024;

/// Who is calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    Token {
        token_id: TokenId,
        role: Role,
    },
    Node {
        node_id: NodeId,
    },
    /// A machine that wants to become a node.
    Joiner,
}

impl Principal {
    /// How it is called in what is written down about its deeds.
    pub fn actor(&self) -> String {
        match self {
            Principal::Token { token_id, .. } => token_id.to_string(),
            Principal::Node { .. } | Principal::Joiner => String::new(),
        }
    }
}

/// Why a caller is not let in.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the request has no `Authorization: Bearer` header with a {}", .wanted.noun())]
    Missing { wanted: Kind },
    #[error("the {} is not known{}", .wanted.noun(), if *.wanted == Kind::Join { ", or has expired" } else { "" })]
    Unknown { wanted: Kind },
    /// A secret of ours in the wrong place.
    #[error("this route wants a {}, not a {}", .wanted.noun(), .found.noun())]
    WrongKind { wanted: Kind, found: Kind },
    #[error("too many different secrets were tried from this address")]
    TooMany { wait: Duration },
    #[error("the secret cannot be looked up")]
    Store(#[from] store::Error),
    /// The database was written by a newer version.
    #[error("the token cannot be used by this version")]
    Role(#[from] UnknownRole),
}

#[derive(Debug)]
pub struct Authenticator {
    store: Arc<Store>,
    clock: Clock,
    limiter: Limiter,
    remembered: Mutex<HashMap<(u8, String), (Principal, Instant)>>,
}

impl Authenticator {
    pub fn new(store: Arc<Store>, clock: Clock) -> Self {
        Self { store, clock, limiter: Limiter::default(), remembered: Mutex::default() }
    }

    /// Finds whose secret of the wanted kind this is.
    pub async fn admit(&self, wanted: Kind, secret: &str, address: IpAddr) -> Result<Principal, Refusal> {
        let now = Instant::now();
        let hash = hash_of(secret);
        if let Some(principal) = self.recall(wanted, &hash, now) {
            return Ok(principal);
        }
        let short = short_of(&hash);
        if let Some(wait) = self.limiter.wait_of(address, short, now) {
            return Err(Refusal::TooMany { wait });
        }
        match self.look_up(wanted, &hash).await? {
            Some(principal) => {
                self.remember(wanted, hash, principal, now);
                Ok(principal)
            }
            None => {
                self.limiter.count(address, short, now);
                match Kind::of(secret) {
                    Some(found) if found != wanted => Err(Refusal::WrongKind { wanted, found }),
                    _ => Err(Refusal::Unknown { wanted }),
                }
            }
        }
    }

    async fn look_up(&self, wanted: Kind, hash: &str) -> Result<Option<Principal>, Refusal> {
        Ok(match wanted {
            Kind::Token => match self.store.find_token(hash).await? {
                Some(token) => Some(Principal::Token { token_id: token.token_id, role: token.role.parse()? }),
                None => None,
            },
            Kind::Node => {
                let node = self.store.find_node_by_credential(hash).await?;
                node.map(|node| Principal::Node { node_id: node.node_id })
            }
            Kind::Join => {
                let expire_at = self.store.find_join_token(hash).await?;
                expire_at.filter(|expire_at| *expire_at > self.clock.now()).map(|_| Principal::Joiner)
            }
        })
    }

    /// Takes a removed node's credential from memory, so that it is refused from now on.
    pub fn forget_node(&self, node_id: NodeId) {
        let mut remembered = self.remembered.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        remembered.retain(|_, (principal, _)| *principal != Principal::Node { node_id });
    }

    fn recall(&self, wanted: Kind, hash: &str, now: Instant) -> Option<Principal> {
        let remembered = self.remembered.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (principal, since) = remembered.get(&(wanted as u8, hash.to_owned()))?;
        (now.saturating_duration_since(*since) < REMEMBERED).then_some(*principal)
    }

    fn remember(&self, wanted: Kind, hash: String, principal: Principal, now: Instant) {
        if principal == Principal::Joiner {
            // must expire to the second, and joins are rare
            return;
        }
        let mut remembered = self.remembered.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if remembered.len() >= MAX_REMEMBERED {
            remembered.retain(|_, (_, since)| now.saturating_duration_since(*since) < REMEMBERED);
            if remembered.len() >= MAX_REMEMBERED {
                remembered.clear();
            }
        }
        remembered.insert((wanted as u8, hash), (principal, now));
    }
}

/// Enough of a hash to tell guesses apart.
fn short_of(hash: &str) -> u64 {
    u64::from_str_radix(&hash[..16], 16).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::Secret;
    use super::*;
    use crate::store::NewToken;

    async fn fixture() -> (tempfile::TempDir, Arc<Store>, Clock, Authenticator) {
        let directory = tempfile::tempdir().unwrap();
        let store =
            Arc::new(Store::open(&directory.path().join("lp.db").display().to_string()).await.unwrap());
        let clock = Clock::system();
        let authenticator = Authenticator::new(store.clone(), clock.clone());
        (directory, store, clock, authenticator)
    }

    fn here() -> IpAddr {
        IpAddr::from([127, 0, 0, 1])
    }

    #[tokio::test]
    async fn a_join_token_is_good_until_it_expires() {
        let (_directory, store, clock, authenticator) = fixture().await;
        let secret = Secret::random(Kind::Join);
        store.insert_join_token(&secret.hash(), clock.now() + TimeDelta::hours(1)).await.unwrap();

        let before = authenticator.admit(Kind::Join, secret.reveal(), here()).await;
        clock.advance(TimeDelta::hours(1));
        let after = authenticator.admit(Kind::Join, secret.reveal(), here()).await;

        assert!(matches!(before, Ok(Principal::Joiner)), "{before:?}");
        assert!(matches!(after, Err(Refusal::Unknown { wanted: Kind::Join })), "{after:?}");
    }

    #[tokio::test]
    async fn a_token_is_found_by_its_hash_and_says_where_it_belongs() {
        let (_directory, store, clock, authenticator) = fixture().await;
        let (secret, token_id) = (Secret::random(Kind::Token), TokenId::random());
        let token = NewToken {
            token_id,
            name: "x".to_owned(),
            role: Role::Administrator.as_str().to_owned(),
            hash: secret.hash(),
            create_at: clock.now(),
        };
        store.insert_token(token).await.unwrap();

        for _ in 0..2 {
            let found = authenticator.admit(Kind::Token, secret.reveal(), here()).await.unwrap();
            assert_eq!(found, Principal::Token { token_id, role: Role::Administrator });
        }
        let elsewhere = authenticator.admit(Kind::Node, secret.reveal(), here()).await;
        assert!(matches!(elsewhere, Err(Refusal::WrongKind { wanted: Kind::Node, found: Kind::Token })));
    }
}
