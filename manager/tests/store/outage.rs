//! A server that goes away and comes back.

use lp_manager::core::record::Changes;
use lp_manager::store::Error;

use crate::db::{Cluster, Db};
use crate::samples::{Fixture, new_task};

#[tokio::test]
async fn a_server_that_was_down_is_used_again_without_a_restart() {
    let cluster = Cluster::start();
    let db = Db::postgres_at(cluster.url("postgres")).await;
    let fixture = Fixture::new(&db).await;
    fixture.insert([fixture.task(1)]).await;

    cluster.stop();
    let new_tasks = vec![new_task(fixture.task(2))];
    let changes = Changes { new_tasks, ..Changes::default() };
    let refused = fixture.store.commit(fixture.epoch, &changes).await;
    assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
    assert!(fixture.store.ping().await.is_err_and(|error| error.is_unavailable()));
    assert!(fixture.store.load_open().await.is_err_and(|error| error.is_unavailable()));

    cluster.resume();
    assert_eq!(fixture.open_tasks().await, [1]);
    fixture.commit(&changes).await;
    assert_eq!(fixture.open_tasks().await, [1, 2]);
}

#[tokio::test]
async fn connections_that_the_server_ended_are_replaced() {
    let db = Db::postgres().await;
    let fixture = Fixture::new(&db).await;

    for seq in 1..=3 {
        db.cut_connections().await;
        fixture.insert([fixture.task(seq)]).await;
    }

    assert_eq!(fixture.open_tasks().await, [1, 2, 3]);
}
