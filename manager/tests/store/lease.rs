//! One leader at a time, and only the leader writes.

use std::time::Duration;

use futures_util::future::join_all;
use lp_manager::core::record::Changes;
use lp_manager::store::{Epoch, Error, Lease, Store};

use crate::on_both_backends;
use crate::samples::{Fixture, lead, new_task, package};

const LONG: Duration = Duration::from_secs(30);

on_both_backends! {
    async fn a_held_lease_is_not_given_to_another_holder(db) {
        let store = Store::open(&db.url).await.unwrap();
        assert_eq!(store.find_leader().await.unwrap(), None);
        lead(&store, "a").await;

        let answer = store.acquire_lease("b", "host-b", LONG).await.unwrap();

        let Lease::Held { holder, address, remaining } = answer else { panic!("{answer:?}") };
        assert_eq!((holder.as_str(), address.as_str()), ("a", "127.0.0.1:8000"));
        assert!(remaining <= LONG && remaining > LONG / 2);
        assert_eq!(store.find_leader().await.unwrap().unwrap().holder, "a");
    }

    async fn the_same_holder_takes_it_again_at_once_in_a_new_epoch(db) {
        let store = Store::open(&db.url).await.unwrap();

        let before = lead(&store, "a").await;
        let after = lead(&store, "a").await;

        assert!(after > before);
        assert!(matches!(store.renew_lease(before, LONG).await, Err(Error::Deposed)));
        store.renew_lease(after, LONG).await.unwrap();
    }

    async fn an_expired_lease_can_be_taken_and_until_then_be_renewed(db) {
        let store = Store::open(&db.url).await.unwrap();
        let Lease::Mine(first) = store.acquire_lease("a", "", Duration::ZERO).await.unwrap() else { panic!() };
        assert_eq!(store.find_leader().await.unwrap(), None);
        store.renew_lease(first, LONG).await.unwrap();
        assert!(matches!(store.acquire_lease("b", "", LONG).await.unwrap(), Lease::Held { .. }));

        store.renew_lease(first, Duration::ZERO).await.unwrap();
        let second = lead(&store, "b").await;

        assert!(second > first);
        assert!(matches!(store.renew_lease(first, LONG).await, Err(Error::Deposed)));
    }

    async fn a_released_lease_is_free_at_once(db) {
        let store = Store::open(&db.url).await.unwrap();
        let first = lead(&store, "a").await;

        store.release_lease(first).await.unwrap();

        assert_eq!(store.find_leader().await.unwrap(), None);
        assert!(matches!(store.renew_lease(first, LONG).await, Err(Error::Deposed)));
        assert!(matches!(store.release_lease(first).await, Err(Error::Deposed)));
        lead(&store, "b").await;
    }

    async fn a_deposed_leader_cannot_write(db) {
        let fixture = Fixture::new(&db).await;
        fixture.insert([fixture.task(1)]).await;
        fixture.store.release_lease(fixture.epoch).await.unwrap();
        lead(&fixture.store, "b").await;

        let new_tasks = vec![new_task(fixture.task(2))];
        let commit = fixture.store.commit(fixture.epoch, &Changes { new_tasks, ..Changes::default() }).await;
        let create = fixture.store.create_app(fixture.epoch, lp_protocol::AppId::random(), package("x")).await;
        let never = fixture.store.commit(Epoch(0), &Changes::default()).await;

        assert!(matches!(commit, Err(Error::Deposed)));
        assert!(matches!(create, Err(Error::Deposed)));
        assert!(matches!(never, Err(Error::Deposed)));
        assert_eq!(fixture.open_tasks().await, [1]);
    }

    async fn of_many_that_want_the_lease_one_gets_it(db) {
        let mut stores = Vec::new();
        for _ in 0..6 {
            stores.push(Store::open(&db.url).await.unwrap());
        }

        let holders: Vec<String> = (0..stores.len()).map(|number| format!("manager {number}")).collect();
        let attempts = stores.iter().zip(&holders).map(|(store, holder)| store.acquire_lease(holder, "", LONG));
        let answers = join_all(attempts).await;

        let mine = answers.iter().filter(|answer| matches!(answer, Ok(Lease::Mine(_)))).count();
        assert_eq!(mine, 1, "{answers:?}");
    }

    async fn nothing_is_written_by_the_old_leader_once_the_new_one_leads(db) {
        let fixture = Fixture::new(&db).await;
        fixture.store.renew_lease(fixture.epoch, Duration::ZERO).await.unwrap();
        let successor = Store::open(&db.url).await.unwrap();
        let mut seq = 0;
        let writes_until_deposed = async {
            loop {
                seq += 1;
                let new_tasks = vec![new_task(fixture.task(seq))];
                match fixture.store.commit(fixture.epoch, &Changes { new_tasks, ..Changes::default() }).await {
                    Ok(()) => {}
                    Err(Error::Deposed) => return,
                    Err(other) => panic!("{other}"),
                }
            }
        };
        let takes_over = async {
            lead(&successor, "successor").await;
            successor.load_open().await.unwrap().tasks
        };

        let ((), seen) = tokio::join!(writes_until_deposed, takes_over);

        assert_eq!(successor.load_open().await.unwrap().tasks, seen);
    }
}
