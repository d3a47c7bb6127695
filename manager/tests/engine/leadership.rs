//! Two managers on one database: one leads, the other stands by and takes over.

use std::sync::Arc;

use lp_manager::engine::Error;
use lp_manager::store::Store;

use crate::db::Db;
use crate::fixture::{Fixture, leads, start, within};

async fn a_standby_refuses_and_takes_over_when_the_leader_stops(db: Db) {
    let first = Fixture::new(&db).await;
    let task_id = first.create(None).await.unwrap();
    let store = Arc::new(Store::open(&db.url).await.unwrap());
    let (second, ended, shutdown) = start(&store, "two");
    let refused = second.create_tasks(first.source.clone(), vec![crate::fixture::draft(None)]).await;
    assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");

    first.stop().await;
    leads(&second).await;

    assert!(
        second.why(task_id, lp_manager::core::WhyAsked::default()).await.unwrap().is_some(),
        "the new leader has loaded the open task"
    );
    shutdown.cancel();
    within(ended).await.unwrap();
}

#[tokio::test]
async fn a_standby_refuses_and_takes_over_when_the_leader_stops_on_sqlite() {
    a_standby_refuses_and_takes_over_when_the_leader_stops(Db::sqlite()).await;
}

#[tokio::test]
async fn a_standby_refuses_and_takes_over_when_the_leader_stops_on_postgres() {
    a_standby_refuses_and_takes_over_when_the_leader_stops(Db::postgres().await).await;
}

#[tokio::test]
async fn a_deposed_leader_cannot_write() {
    let db = Db::sqlite();
    let first = Fixture::new(&db).await;
    db.execute("UPDATE lease SET epoch = epoch + 1, holder = 'two', expire_at = 9000000000000000").await;

    let refused = first.create(None).await;

    assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
    assert!(first.engine.epoch().is_err());
    first.stop().await;
}
