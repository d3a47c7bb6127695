//! Nodes and tokens to join with.

use lp_manager::core::record::{Changes, Drain, Unwanted};
use lp_manager::store::{Error, NewNode, Store};
use lp_protocol::frames::NodeFacts;
use lp_protocol::{AttemptKey, NodeId};

use crate::on_both_backends;
use crate::samples::{Fixture, at, attempt, attempts, finished, new_task, succeeded, task_id};

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

    async fn drains_and_targets_of_open_tasks_are_loaded_and_go_with_their_node_and_task(db) {
        let fixture = Fixture::new(&db).await;
        let (one, two) = (node("one"), node("two"));
        let (first, second) = (one.node_id, two.node_id);
        fixture.store.insert_node(one).await.unwrap();
        fixture.store.insert_node(two).await.unwrap();
        let drain = Drain { since: at(1), deadline: Some(at(9)) };
        let endless = Drain { since: at(2), deadline: None };
        fixture.commit(&Changes {
            new_tasks: vec![new_task(fixture.task(1)), new_task(finished(fixture.task(2)))],
            targets: [(1, r#"{"first": {}}"#.into()), (2, "{}".into())].into(),
            drains: [(first, Some(drain)), (second, Some(endless)), (NodeId::random(), Some(drain))].into(),
            ..Changes::default()
        }).await;

        let open = fixture.store.load_open().await.unwrap();
        assert_eq!(open.drains, [(first, drain), (second, endless)].into(), "those of nodes there are");
        assert_eq!(open.targets, [(1, r#"{"first": {}}"#.into())].into(), "finished tasks are not loaded");
        assert_eq!(fixture.store.load_targets(&[1, 2, 3]).await.unwrap().len(), 2);
        let stored = fixture.store.list_nodes().await.unwrap();
        assert_eq!((stored[0].drain, stored[1].drain), (Some(drain), Some(endless)));

        let changes = Changes {
            drains: [(first, None)].into(), removed_nodes: vec![second], deleted: vec![2], ..Changes::default()
        };
        fixture.commit(&changes).await;
        assert!(fixture.store.load_open().await.unwrap().drains.is_empty());
        assert!(fixture.store.load_targets(&[2]).await.unwrap().is_empty());
        let names: Vec<_> = fixture.store.list_nodes().await.unwrap().into_iter().map(|node| node.name).collect();
        assert_eq!(names, ["one"]);
        assert!(fixture.store.find_node_by_credential("hash of two").await.unwrap().is_none());
    }

    async fn an_unwanted_workspace_is_owed_until_it_is_confirmed_or_its_node_goes(db) {
        let fixture = Fixture::new(&db).await;
        let (one, two) = (node("one"), node("two"));
        let (first, second) = (one.node_id, two.node_id);
        fixture.store.insert_node(one).await.unwrap();
        fixture.store.insert_node(two).await.unwrap();
        fixture.insert([finished(fixture.task(1))]).await;
        fixture.commit(&attempts((1..=5).map(|number| succeeded(attempt(1, 0, number))))).await;
        let unwanted = |node_id, number| Unwanted {
            node_id,
            id: attempt(1, 0, number).id,
            key: AttemptKey { task_id: task_id(1), action: "größe".to_owned(), attempt: number },
        };
        let gone = NodeId::random();
        let orders = vec![
            unwanted(first, 1), unwanted(first, 2), unwanted(first, 2), unwanted(first, 3), unwanted(second, 4), unwanted(gone, 5),
        ];

        // the task goes with them, and the orders stay
        fixture.commit(&Changes { unwanted: orders.clone(), ..Changes::default() }).await;
        assert!(fixture.store.list_attempts_with_workspace(1).await.unwrap().is_empty());
        fixture.commit(&Changes { unwanted: orders, deleted: vec![1], ..Changes::default() }).await;

        let list = async |node_id, after: Option<&AttemptKey>| {
            let keys = fixture.store.list_unwanted(node_id, after, 2).await.unwrap();
            keys.iter().map(|key| key.attempt).collect::<Vec<_>>()
        };
        assert_eq!(list(first, None).await, [1, 2]);
        assert_eq!(list(first, Some(&unwanted(first, 2).key)).await, [3]);
        assert_eq!(list(gone, None).await, [0; 0], "nobody would ever confirm it");
        let done = [unwanted(first, 1).key, unwanted(first, 3).key, unwanted(first, 4).key];
        fixture.store.forget_unwanted(fixture.epoch, first, &done).await.unwrap();
        assert_eq!(list(first, None).await, [2]);
        assert_eq!(list(second, None).await, [4], "another node's word does not count");
        fixture.commit(&Changes { removed_nodes: vec![second], ..Changes::default() }).await;
        assert_eq!(list(second, None).await, [0; 0]);
        let deposed = fixture.store.forget_unwanted(lp_manager::store::Epoch(99), first, &done).await;
        assert!(matches!(deposed, Err(Error::Deposed)));
    }
}
