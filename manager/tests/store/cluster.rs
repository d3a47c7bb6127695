//! Nodes and tokens.

use lp_manager::store::{Error, NewNode, NewToken, Store};
use lp_protocol::frames::NodeFacts;
use lp_protocol::{NodeId, TokenId};

use crate::on_both_backends;
use crate::samples::at;

fn node(name: &str) -> NewNode {
    NewNode {
        node_id: NodeId::random(),
        name: name.to_owned(),
        credential_hash: format!("hash of {name}"),
        create_at: at(0),
    }
}

on_both_backends! {
    async fn a_node_is_known_by_the_hash_of_its_credential(db) {
        let store = Store::open(&db.url).await.unwrap();
        let (first, second) = (node("first"), node("second"));
        let first_id = first.node_id;
        store.insert_node(first).await.unwrap();
        store.insert_node(second).await.unwrap();

        let found = store.find_node_by_credential("hash of first").await.unwrap().unwrap();

        assert_eq!((found.node_id, found.name.as_str(), found.facts, found.seen_at), (first_id, "first", None, None));
        assert!(store.find_node_by_credential("hash of third\0").await.unwrap().is_none());
        let names: Vec<String> = store.list_nodes().await.unwrap().into_iter().map(|node| node.name).collect();
        assert_eq!(names, ["first", "second"]);
    }

    async fn what_a_node_says_about_itself_is_kept(db) {
        let store = Store::open(&db.url).await.unwrap();
        let new = node("before");
        let node_id = new.node_id;
        store.insert_node(new).await.unwrap();
        let facts = NodeFacts { name: "after".into(), platform: "x86_64".into(), ..NodeFacts::default() };

        store.update_node_facts(node_id, &facts, at(5)).await.unwrap();

        let found = store.list_nodes().await.unwrap().remove(0);
        assert_eq!((found.name.as_str(), found.facts, found.seen_at), ("after", Some(facts.clone()), Some(at(5))));
        store.update_node_seen(node_id, at(6)).await.unwrap();
        assert_eq!(store.list_nodes().await.unwrap()[0].seen_at, Some(at(6)));
        let unknown = store.update_node_facts(NodeId::random(), &facts, at(5)).await;
        assert!(matches!(unknown, Err(Error::NotFound { what: "node", .. })));
    }

    async fn a_token_is_known_by_its_hash(db) {
        let store = Store::open(&db.url).await.unwrap();
        let token_id = TokenId::random();
        let token = NewToken { token_id, name: "admin".into(), role: "admin".into(), hash: "h".into(), create_at: at(0) };
        store.insert_token(token).await.unwrap();

        let found = store.find_token("h").await.unwrap().unwrap();

        assert_eq!((found.token_id, found.role.as_str(), found.create_at), (token_id, "admin", at(0)));
        assert!(store.find_token("g").await.unwrap().is_none());
    }

    async fn expired_join_tokens_are_forgotten(db) {
        let store = Store::open(&db.url).await.unwrap();
        store.insert_join_token("early", at(10)).await.unwrap();
        store.insert_join_token("late", at(20)).await.unwrap();
        assert_eq!(store.find_join_token("early").await.unwrap(), Some(at(10)));

        assert_eq!(store.delete_join_tokens(at(10)).await.unwrap(), 1);

        assert_eq!(store.find_join_token("early").await.unwrap(), None);
        assert_eq!(store.find_join_token("late").await.unwrap(), Some(at(20)));
    }

    async fn an_opened_database_can_be_opened_again(db) {
        let store = Store::open(&db.url).await.unwrap();
        store.insert_node(node("kept")).await.unwrap();
        store.close().await.unwrap();

        let again = Store::open(&db.url).await.unwrap();

        again.ping().await.unwrap();
        assert_eq!(again.list_nodes().await.unwrap().len(), 1);
        assert_eq!(again.backend_name(), if db.is_postgres() { "postgresql" } else { "sqlite" });
    }

    async fn managers_that_start_together_migrate_once(db) {
        let (one, two, three) = tokio::join!(Store::open(&db.url), Store::open(&db.url), Store::open(&db.url));

        for store in [one, two, three] {
            store.unwrap().ping().await.unwrap();
        }
    }
}
