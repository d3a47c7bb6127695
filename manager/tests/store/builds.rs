//! Builds of environments: what is written is read back, found by its beginning, paged, touched and swept.

use std::collections::BTreeSet;

use lp_manager::core::build::record::{BuildRecord, BuildState};
use lp_manager::core::record::{BuildLog, Changes};
use lp_manager::store::{BuildList, Error};
use lp_protocol::env::{EnvRecipe, EnvSource};
use lp_protocol::frames::PackageRef;
use lp_protocol::{AppId, NodeId};
use uuid::Uuid;

use crate::on_both_backends;
use crate::samples::{Fixture, at};

fn build(first: char, state: BuildState) -> BuildRecord {
    let source = EnvSource::Packages(vec!["numpy==2.1".to_owned()]);
    BuildRecord {
        key: format!("{first}{}", "0".repeat(63)),
        recipe: EnvRecipe {
            source,
            python: Some("3.12".to_owned()),
            content: Some(format!("content-{first}")),
        },
        platform: "x86_64-linux-gnu".to_owned(),
        python: "3.12".to_owned(),
        app_id: AppId(Uuid::from_u128(5)),
        number: 3,
        failures: 1,
        losses: 2,
        state,
        create_at: at(i64::from(u32::from(first))),
        used_at: at(1000),
    }
}

fn all() -> Vec<BuildRecord> {
    let node_id = NodeId(Uuid::from_u128(7));
    let package = PackageRef { digest: "d".repeat(64), size_bytes: 42 };
    vec![
        build('a', BuildState::Building { node_id, since: at(1) }),
        build('b', BuildState::Later { node_id, retry_at: at(2), error: "no\nnetwork".to_owned() }),
        build('c', BuildState::Failed { node_id, at: at(3), error: "no".to_owned() }),
        build('d', BuildState::Ready { node_id, at: at(4), package, seconds: 1.5 }),
    ]
}

fn changes(records: &[BuildRecord]) -> Changes {
    let builds = records.iter().map(|record| (record.key.clone(), record.clone())).collect();
    Changes { builds, ..Changes::default() }
}

on_both_backends! {
    async fn builds_are_read_back_as_they_were_written(db) {
        let Fixture { store, epoch, .. } = Fixture::new(&db).await;
        let records = all();

        store.commit(epoch, &changes(&records)).await.unwrap();

        let keys: BTreeSet<String> = records.iter().map(|record| record.key.clone()).collect();
        let mut found = store.load_builds(&keys).await.unwrap();
        found.sort_by(|one, other| one.key.cmp(&other.key));
        assert_eq!(found, records);
        assert_eq!(store.load_open().await.unwrap().builds, records[..1], "only what is being built is open");
        let again = BuildRecord { number: 4, ..records[3].clone() };
        store.commit(epoch, &changes(std::slice::from_ref(&again))).await.unwrap();
        assert_eq!(store.find_build("d000").await.unwrap().0, again);
    }

    async fn builds_are_found_by_their_beginning_and_listed_newest_first(db) {
        let Fixture { store, epoch, .. } = Fixture::new(&db).await;
        let mut records = all();
        records.push(BuildRecord { key: format!("d{}1", "0".repeat(62)), ..records[3].clone() });
        store.commit(epoch, &changes(&records)).await.unwrap();

        assert!(matches!(store.find_build("d000").await, Err(Error::Invalid(_))), "two begin so");
        for missing in ["ffff", "a00", "A%00", "a'00", "", &"a".repeat(65)] {
            assert!(matches!(store.find_build(missing).await, Err(Error::NotFound { .. })), "{missing}");
        }
        let mut query = BuildList { limit: Some(2), ..BuildList::default() };
        let mut listed = Vec::new();
        loop {
            let page = store.list_builds(&query).await.unwrap();
            listed.extend(page.items.into_iter().map(|build| build.key[..1].to_owned()));
            query.cursor = page.next_cursor;
            if query.cursor.is_none() {
                break;
            }
        }
        assert_eq!(listed, ["d", "d", "c", "b", "a"]);
        let failed = BuildList { state: Some("failed".to_owned()), ..BuildList::default() };
        let failed = store.list_builds(&failed).await.unwrap().items;
        assert_eq!((failed.len(), failed[0].error.as_deref()), (1, Some("no")));
        let strange = BuildList { cursor: Some("strange".to_owned()), ..BuildList::default() };
        assert!(matches!(store.list_builds(&strange).await, Err(Error::Invalid(_))));
    }

    async fn a_log_takes_the_place_of_the_one_before_and_goes_with_its_build(db) {
        let Fixture { store, epoch, .. } = Fixture::new(&db).await;
        let record = all().remove(3);
        let log = |number, text: &str| {
            let logs = [(record.key.clone(), BuildLog { number, text: text.to_owned() })].into();
            Changes { build_logs: logs, ..changes(std::slice::from_ref(&record)) }
        };

        store.commit(epoch, &log(1, "one\0")).await.unwrap();
        store.commit(epoch, &log(2, "two")).await.unwrap();

        assert_eq!(store.load_build_log(&record.key).await.unwrap().unwrap(), BuildLog { number: 2, text: "two".to_owned() });
        let deleted = Changes { deleted_builds: vec![record.key.clone()], ..Changes::default() };
        store.commit(epoch, &deleted).await.unwrap();
        assert_eq!(store.load_build_log(&record.key).await.unwrap(), None);
        assert!(matches!(store.find_build("d000").await, Err(Error::NotFound { .. })));
    }

    async fn a_pack_in_use_is_known_and_unused_builds_are_found_by_their_last_use(db) {
        let Fixture { store, epoch, .. } = Fixture::new(&db).await;
        let records = all();
        store.commit(epoch, &changes(&records)).await.unwrap();
        let digest = "d".repeat(64);

        assert!(store.is_digest_in_use(&digest).await.unwrap());
        assert!(store.is_build_of("content-d", &digest).await.unwrap());
        assert!(!store.is_build_of("content-a", &digest).await.unwrap());
        let unused = store.list_unused_builds(at(1001), 10).await.unwrap();
        assert_eq!(unused.len(), 3, "what is being built is in use");
        store.touch_builds(epoch, &["content-d".to_owned()], at(2000)).await.unwrap();
        assert_eq!(store.list_unused_builds(at(1001), 10).await.unwrap().len(), 2);
        let deleted = Changes { deleted_builds: vec![records[3].key.clone()], ..Changes::default() };
        store.commit(epoch, &deleted).await.unwrap();
        assert!(!store.is_digest_in_use(&digest).await.unwrap());
    }
}
