//! Tokens: found by their hashes, changed one at a time, and remembered for a while after they were revoked.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use lp_manager::store::{Epoch, Error, Lease, NewToken, Store, StoredToken, TokenChange};
use lp_protocol::TokenId;

use crate::on_both_backends;
use crate::samples::at;

fn token(name: &str, seconds: i64) -> NewToken {
    NewToken {
        token_id: TokenId::random(),
        name: name.to_owned(),
        role: "reader".to_owned(),
        hash: format!("hash of {name}"),
        create_at: at(seconds),
        expire_at: Some(at(seconds + 100)),
        created_by: Some(TokenId::random()),
    }
}

async fn change(store: &Store, change: TokenChange) {
    store.change_tokens(None, at(50), |_| Ok::<_, Infallible>(change)).await.unwrap().unwrap();
}

async fn insert(store: &Store, token: NewToken) -> TokenId {
    let token_id = token.token_id;
    change(store, TokenChange { insert: Some(token), revoke: Vec::new() }).await;
    token_id
}

async fn names(store: &Store) -> Vec<String> {
    store.list_tokens().await.unwrap().into_iter().map(|token| token.name).collect()
}

on_both_backends! {
    async fn a_token_is_known_by_its_hash(db) {
        let store = Store::open(&db.url).await.unwrap();
        let new = token("ci", 0);
        let wanted = StoredToken {
            token_id: new.token_id,
            name: "ci".into(),
            role: "reader".into(),
            create_at: at(0),
            expire_at: Some(at(100)),
            used_at: None,
            created_by: new.created_by,
        };
        insert(&store, new).await;

        assert_eq!(store.find_token("hash of ci").await.unwrap(), Some(wanted.clone()));
        assert_eq!(store.list_tokens().await.unwrap(), [wanted]);
        assert!(store.find_token("hash of others\0").await.unwrap().is_none());
    }

    async fn a_revoked_token_has_no_hash_that_anything_has_and_keeps_its_name(db) {
        let store = Store::open(&db.url).await.unwrap();
        let (first, second) = (insert(&store, token("first", 0)).await, insert(&store, token("second", 1)).await);
        assert_eq!(names(&store).await, ["second", "first"], "newest first");

        change(&store, TokenChange { insert: Some(token("third", 2)), revoke: vec![first, TokenId::random()] }).await;
        change(&store, TokenChange { insert: None, revoke: vec![first] }).await;

        assert_eq!(names(&store).await, ["third", "second"]);
        assert!(store.find_token("hash of first").await.unwrap().is_none());
        assert!(store.find_token("revoked:hash of first\0").await.unwrap().is_none());
        assert!(store.is_revoked_token("hash of first").await.unwrap());
        assert!(!store.is_revoked_token("hash of second").await.unwrap());
        let known = store.list_token_names().await.unwrap();
        assert_eq!((known[&first.to_string()].as_str(), known[&second.to_string()].as_str()), ("first", "second"));
    }

    async fn what_is_refused_changes_nothing(db) {
        let store = Store::open(&db.url).await.unwrap();
        insert(&store, token("first", 0)).await;

        let refused = store.change_tokens(None, at(1), |tokens| Err::<TokenChange, usize>(tokens.len())).await.unwrap();

        assert_eq!(refused.unwrap_err(), 1, "it was shown what there is");
        assert_eq!(names(&store).await, ["first"]);
    }

    async fn only_who_leads_changes_tokens(db) {
        let store = Store::open(&db.url).await.unwrap();
        let Lease::Mine(epoch) = store.acquire_lease("me", "here", Duration::from_secs(60)).await.unwrap() else {
            panic!("nobody else wants it")
        };
        let insert = |name: &str| TokenChange { insert: Some(token(name, 0)), revoke: Vec::new() };

        let changed = store.change_tokens(Some(epoch), at(0), |_| Ok::<_, ()>(insert("mine"))).await;
        let deposed = store.change_tokens(Some(Epoch(epoch.0 - 1)), at(0), |_| Ok::<_, ()>(insert("late"))).await;

        assert!(changed.unwrap().is_ok());
        assert!(matches!(deposed, Err(Error::Deposed)), "{deposed:?}");
        assert_eq!(names(&store).await, ["mine"]);
    }

    async fn two_who_change_at_once_see_one_another(db) {
        let store = Store::open(&db.url).await.unwrap();
        let once = |seconds| {
            let store = &store;
            async move {
                let decide = |tokens: &[StoredToken]| match tokens.len() {
                    0 => Ok(TokenChange { insert: Some(token("only", seconds)), revoke: Vec::new() }),
                    _ => Err(()),
                };
                store.change_tokens(None, at(0), decide).await.unwrap().is_ok()
            }
        };

        let (one, two, three) = tokio::join!(once(1), once(2), once(3));

        assert_eq!([one, two, three].iter().filter(|made| **made).count(), 1);
        assert_eq!(names(&store).await, ["only"]);
    }

    async fn the_last_use_only_moves_forward(db) {
        let store = Store::open(&db.url).await.unwrap();
        let (first, second) = (insert(&store, token("first", 0)).await, insert(&store, token("second", 1)).await);
        let used = async || store.list_tokens().await.unwrap().into_iter().map(|token| token.used_at).collect::<Vec<_>>();

        store.touch_tokens(&HashMap::from([(first, at(60)), (second, at(120)), (TokenId::random(), at(1))])).await.unwrap();
        assert_eq!(used().await, [Some(at(120)), Some(at(60))]);
        store.touch_tokens(&HashMap::from([(first, at(180)), (second, at(60))])).await.unwrap();
        assert_eq!(used().await, [Some(at(120)), Some(at(180))]);
    }

    async fn a_thousand_revoked_tokens_are_remembered_those_of_managers_longest(db) {
        let store = Store::open(&db.url).await.unwrap();
        let of_manager = insert(&store, NewToken { created_by: None, ..token("of a manager", 0) }).await;
        change(&store, TokenChange { insert: None, revoke: vec![of_manager] }).await;
        let mut all = Vec::new();
        for n in 0..1005 {
            all.push(insert(&store, token(&n.to_string(), n)).await);
        }

        change(&store, TokenChange { insert: Some(token("left", 0)), revoke: all }).await;

        assert_eq!(store.list_token_names().await.unwrap().len(), 1001);
        assert!(store.is_revoked_token("hash of of a manager").await.unwrap());
    }
}
