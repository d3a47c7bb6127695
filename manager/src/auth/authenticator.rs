//! Turns a secret into whoever it belongs to.
//!
//! Found secrets are remembered for some seconds, so that a client that makes a thousand calls a second costs one query and not a
//! thousand. What is revoked by this manager is forgotten with it and refused at once; what another one has revoked (a stand-by passes most
//! requests on to the leader anyway) is refused after [`REMEMBERED`] at the latest.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use lp_protocol::{NodeId, TokenId};
use tokio::sync::broadcast;

use super::limiter::Limiter;
use super::uses::{Uses, minute_of};
use super::{Kind, Role, UnknownRole, hash_of, is_expired};
use crate::clock::Clock;
use crate::store::{self, Store};

/// How long a found secret is taken on memory.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Secrets remembered at once, about 200 KiB.
const MAX_REMEMBERED: usize = 1024;

/// Revocations a stream may be behind; one that is further behind ends, which its reader may begin anew.
const REVOCATIONS: usize = 64;

/// Who is calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    Token {
        token_id: TokenId,
        role: Role,
        expire_at: Option<DateTime<Utc>>,
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
    #[error("the {} is not known{}", .wanted.noun(), if *.wanted == Kind::Node { "" } else { ", was revoked, or has expired" })]
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
    memory: Mutex<Memory>,
    uses: Uses,
    revocations: broadcast::Sender<TokenId>,
}

#[derive(Debug, Default)]
struct Memory {
    remembered: HashMap<(u8, String), Remembered>,
    /// Grows with everything that is forgotten on purpose: what was looked up before must not be remembered after.
    forgotten: u64,
}

#[derive(Clone, Copy, Debug)]
struct Remembered {
    principal: Principal,
    since: Instant,
    /// The minute in which its use was last noted.
    noted: DateTime<Utc>,
}

impl Authenticator {
    pub fn new(store: Arc<Store>, clock: Clock) -> Self {
        Self {
            store,
            clock,
            limiter: Limiter::default(),
            memory: Mutex::default(),
            uses: Uses::default(),
            revocations: broadcast::channel(REVOCATIONS).0,
        }
    }

    /// Finds whose secret of the wanted kind this is.
    pub async fn admit(&self, wanted: Kind, secret: &str, address: IpAddr) -> Result<Principal, Refusal> {
        let now = Instant::now();
        let hash = hash_of(secret);
        let (recalled, forgotten) = self.recall(wanted, &hash, now);
        if let Some(principal) = recalled {
            return Ok(principal);
        }
        let short = short_of(&hash);
        if let Some(wait) = self.limiter.wait_of(address, short, now) {
            return Err(Refusal::TooMany { wait });
        }
        match self.look_up(wanted, &hash).await? {
            Some(principal) => {
                self.remember((wanted as u8, hash), principal, forgotten, now);
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
            Kind::Token => {
                let found = self.store.find_token(hash).await?;
                match found.filter(|token| !is_expired(token, self.clock.now())) {
                    Some(token) => {
                        let (token_id, expire_at) = (token.token_id, token.expire_at);
                        let minute = minute_of(self.clock.now());
                        if token.used_at.is_none_or(|used_at| used_at < minute) {
                            self.uses.note(token_id, minute);
                        }
                        Some(Principal::Token { token_id, role: token.role.parse()?, expire_at })
                    }
                    None => None,
                }
            }
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
        self.forget(|principal| *principal == Principal::Node { node_id });
    }

    /// The same for a revoked token. What it still reads ends, too.
    pub fn forget_token(&self, revoked: TokenId) {
        self.forget(
            |principal| matches!(principal, Principal::Token { token_id, .. } if *token_id == revoked),
        );
        // nobody may be reading
        let _readers = self.revocations.send(revoked);
    }

    /// Waits until the caller is not to be let in any more. Begins with the call, not with the first poll.
    pub fn end_of(&self, principal: Principal) -> impl Future<Output = ()> + Send + 'static {
        let mut revocations = self.revocations.subscribe();
        let clock = self.clock.clone();
        async move {
            let Principal::Token { token_id, expire_at, .. } = principal else {
                return std::future::pending().await;
            };
            let revoked =
                async { while matches!(revocations.recv().await, Ok(other) if other != token_id) {} };
            let expired = async {
                match expire_at.map(|at| (at - clock.now()).to_std().unwrap_or_default()) {
                    Some(left) => tokio::time::sleep(left).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = revoked => {}
                () = expired => {}
            }
        }
    }

    /// When a token was last used, where that is not in the database yet.
    pub fn last_use_of(&self, token_id: TokenId) -> Option<DateTime<Utc>> {
        self.uses.of(token_id)
    }

    /// Waits until the database is to be told of uses.
    pub async fn uses_noted(&self) {
        self.uses.noted().await;
    }

    /// Tells the database which tokens were used.
    pub async fn write_uses(&self) -> store::Result<()> {
        let pending = self.uses.pending();
        if !pending.is_empty() {
            self.store.touch_tokens(&pending).await?;
            self.uses.written(&pending);
        }
        Ok(())
    }

    fn forget(&self, is_gone: impl Fn(&Principal) -> bool) {
        let mut memory = self.memory();
        memory.forgotten += 1;
        memory.remembered.retain(|_, remembered| !is_gone(&remembered.principal));
    }

    /// Whose it is, if it is remembered, and how much was forgotten before.
    fn recall(&self, wanted: Kind, hash: &str, now: Instant) -> (Option<Principal>, u64) {
        let mut memory = self.memory();
        let forgotten = memory.forgotten;
        let key = (wanted as u8, hash.to_owned());
        let known = memory.remembered.get_mut(&key);
        let fresh = known.filter(|known| now.saturating_duration_since(known.since) < REMEMBERED);
        let Some(known) = fresh else { return (None, forgotten) };
        if let Principal::Token { token_id, expire_at, .. } = known.principal {
            let wall = self.clock.now();
            if expire_at.is_some_and(|expire_at| expire_at <= wall) {
                return (None, forgotten);
            }
            let minute = minute_of(wall);
            if known.noted != minute {
                known.noted = minute;
                self.uses.note(token_id, minute);
            }
        }
        (Some(known.principal), forgotten)
    }

    fn remember(&self, key: (u8, String), principal: Principal, forgotten: u64, now: Instant) {
        if principal == Principal::Joiner {
            // must expire to the second, and joins are rare
            return;
        }
        let mut memory = self.memory();
        if memory.forgotten != forgotten {
            return;
        }
        let remembered = &mut memory.remembered;
        if remembered.len() >= MAX_REMEMBERED {
            remembered.retain(|_, known| now.saturating_duration_since(known.since) < REMEMBERED);
            if remembered.len() >= MAX_REMEMBERED {
                remembered.clear();
            }
        }
        let noted = minute_of(self.clock.now());
        remembered.insert(key, Remembered { principal, since: now, noted });
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
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
    use crate::store::{NewToken, TokenChange};

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

    async fn token(store: &Store, clock: &Clock, seconds: Option<i64>) -> (Secret, TokenId) {
        let (secret, token_id) = (Secret::random(Kind::Token), TokenId::random());
        let token = NewToken {
            token_id,
            name: "x".to_owned(),
            role: Role::Administrator.as_str().to_owned(),
            hash: secret.hash(),
            create_at: clock.now(),
            expire_at: seconds.map(|seconds| clock.now() + TimeDelta::seconds(seconds)),
            created_by: None,
        };
        let change = TokenChange { insert: Some(token), revoke: Vec::new() };
        store.change_tokens(None, clock.now(), |_| Ok::<_, ()>(change)).await.unwrap().unwrap();
        (secret, token_id)
    }

    #[tokio::test]
    async fn a_token_is_found_by_its_hash_and_says_where_it_belongs() {
        let (_directory, store, clock, authenticator) = fixture().await;
        let (secret, token_id) = token(&store, &clock, None).await;

        for _ in 0..2 {
            let found = authenticator.admit(Kind::Token, secret.reveal(), here()).await.unwrap();
            assert_eq!(found, Principal::Token { token_id, role: Role::Administrator, expire_at: None });
        }
        let elsewhere = authenticator.admit(Kind::Node, secret.reveal(), here()).await;
        assert!(matches!(elsewhere, Err(Refusal::WrongKind { wanted: Kind::Node, found: Kind::Token })));
    }

    #[tokio::test]
    async fn an_expired_token_is_refused_though_it_is_remembered_and_what_it_reads_ends() {
        let (_directory, store, clock, authenticator) = fixture().await;
        let (secret, _) = token(&store, &clock, Some(60)).await;

        let before = authenticator.admit(Kind::Token, secret.reveal(), here()).await.unwrap();
        clock.advance(TimeDelta::seconds(60));
        let after = authenticator.admit(Kind::Token, secret.reveal(), here()).await;

        assert!(matches!(after, Err(Refusal::Unknown { wanted: Kind::Token })), "{after:?}");
        authenticator.end_of(before).await;
    }

    #[tokio::test]
    async fn a_forgotten_token_is_not_remembered_by_a_request_that_had_found_it_before() {
        let (_directory, store, clock, authenticator) = fixture().await;
        let (secret, token_id) = token(&store, &clock, None).await;
        let hash = secret.hash();
        let (_, forgotten) = authenticator.recall(Kind::Token, &hash, Instant::now());
        let found = authenticator.look_up(Kind::Token, &hash).await.unwrap().unwrap();
        let (end, of_others) = (authenticator.end_of(found), authenticator.end_of(Principal::Joiner));

        authenticator.forget_token(token_id);
        authenticator.remember((Kind::Token as u8, hash.clone()), found, forgotten, Instant::now());

        assert_eq!(authenticator.recall(Kind::Token, &hash, Instant::now()).0, None);
        end.await;
        assert!(futures_util::FutureExt::now_or_never(of_others).is_none());
    }

    #[tokio::test]
    async fn many_uses_in_a_minute_are_one_row() {
        let (_directory, store, clock, authenticator) = fixture().await;
        let (secret, token_id) = token(&store, &clock, None).await;
        let used_at = async || store.list_tokens().await.unwrap()[0].used_at;

        for _ in 0..100 {
            authenticator.admit(Kind::Token, secret.reveal(), here()).await.unwrap();
        }
        assert!(authenticator.last_use_of(token_id).is_some());
        assert_eq!(used_at().await, None);
        authenticator.uses_noted().await;
        authenticator.write_uses().await.unwrap();

        let first = used_at().await.unwrap();
        assert_eq!(authenticator.last_use_of(token_id), None);
        authenticator.admit(Kind::Token, secret.reveal(), here()).await.unwrap();
        clock.advance(TimeDelta::minutes(1));
        authenticator.admit(Kind::Token, secret.reveal(), here()).await.unwrap();
        authenticator.write_uses().await.unwrap();
        assert_eq!(used_at().await, Some(first + TimeDelta::minutes(1)));
    }
}
