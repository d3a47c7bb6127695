//! Commits that fail: callers get an error, nothing has happened, and when the database is well again so is everything else.

use std::time::Duration;

use lp_manager::engine::Error;
use lp_protocol::{AttemptKey, Exit, NodeId, Status};

use crate::db::Db;
use crate::fixture::{Fixture, Node, leads, within};

/// Makes every new task, or every change of an attempt, fail from now on.
fn refuse(db: &Db, table: &str, event: &str) -> String {
    if db.is_postgres() {
        format!(
            "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$ LANGUAGE plpgsql;
             CREATE TRIGGER refuse BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    } else {
        format!("CREATE TRIGGER refuse BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END")
    }
}

fn allow(db: &Db, table: &str) -> String {
    if db.is_postgres() {
        format!("DROP TRIGGER refuse ON {table}")
    } else {
        "DROP TRIGGER refuse".to_owned()
    }
}

async fn a_failed_commit_changes_nothing_and_heals(db: Db) {
    let fixture = Fixture::new(&db).await;
    let node_id = NodeId::random();
    let mut node = Node::connect(&fixture.engine, node_id, vec![]).await;
    let task_id = fixture.create(None).await.unwrap();
    let first = node.assignment().await;

    db.execute(&refuse(&db, "tasks", "INSERT")).await;
    let refused = fixture.create(None).await;
    assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
    // both sides must agree anew on what the node holds
    while node.frame().await.is_some() {}
    db.execute(&allow(&db, "tasks")).await;
    leads(&fixture.engine).await;

    let mut node = Node::connect(&fixture.engine, node_id, vec![first.attempt.clone()]).await;
    node.finish(&first.attempt, Exit::Code { code: 0 }, None).await.unwrap();
    let second = node.assignment().await;
    node.finish(&second.attempt, Exit::Code { code: 0 }, None).await.unwrap();
    within(fixture.engine.wait_task(task_id, Duration::from_secs(30))).await.unwrap();
    let record = fixture.store.find_record(task_id).await.unwrap().unwrap();
    assert_eq!(record.status, Some(Status::Success));
    assert_eq!(fixture.engine.overview().await.unwrap().tasks_pending, 0, "the refused task was not made");
    fixture.stop().await;
}

#[tokio::test]
async fn a_failed_commit_changes_nothing_and_heals_on_sqlite() {
    a_failed_commit_changes_nothing_and_heals(Db::sqlite()).await;
}

#[tokio::test]
async fn a_failed_commit_changes_nothing_and_heals_on_postgres() {
    a_failed_commit_changes_nothing_and_heals(Db::postgres().await).await;
}

#[tokio::test]
async fn a_report_that_cannot_be_committed_is_not_acknowledged_and_taken_later() {
    let db = Db::sqlite();
    let fixture = Fixture::new(&db).await;
    let node_id = NodeId::random();
    let mut node = Node::connect(&fixture.engine, node_id, vec![]).await;
    let task_id = fixture.create(None).await.unwrap();
    let first = node.assignment().await;

    db.execute(&refuse(&db, "attempts", "INSERT")).await;
    let lost = node.finish(&first.attempt, Exit::Code { code: 0 }, None).await;
    assert!(matches!(lost, Err(Error::Unavailable { .. })), "{lost:?}");
    db.execute(&allow(&db, "attempts")).await;
    leads(&fixture.engine).await;

    let held: Vec<AttemptKey> = vec![first.attempt.clone()];
    let mut node = Node::connect(&fixture.engine, node_id, held).await;
    node.finish(&first.attempt, Exit::Code { code: 0 }, None).await.unwrap();
    let second = node.assignment().await;
    assert_eq!((second.attempt.task_id, second.attempt.action.as_str()), (task_id, "second"));
    fixture.stop().await;
}

#[tokio::test]
async fn a_database_that_goes_away_and_comes_back_loses_nothing() {
    let db = Db::postgres().await;
    let fixture = Fixture::new(&db).await;
    let before = fixture.create(None).await.unwrap();

    db.refuse_connections().await;
    let refused = fixture.create(None).await;
    assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
    db.allow_connections().await;
    leads(&fixture.engine).await;

    let after = within(async {
        loop {
            match fixture.create(None).await {
                Ok(task_id) => break task_id,
                Err(Error::Unavailable { .. }) => tokio::task::yield_now().await,
                Err(other) => panic!("{other}"),
            }
        }
    })
    .await;
    for task_id in [before, after] {
        assert!(fixture.store.find_record(task_id).await.unwrap().is_some());
    }
    assert_eq!(fixture.engine.overview().await.unwrap().tasks_pending, 2);
    fixture.stop().await;
}

#[tokio::test]
async fn those_who_wait_for_a_task_wait_on_through_a_reload() {
    let db = Db::sqlite();
    let fixture = Fixture::new(&db).await;
    let task_id = fixture.create(None).await.unwrap();
    let waiting = tokio::spawn({
        let engine = fixture.engine.clone();
        async move { engine.wait_task(task_id, Duration::from_secs(30)).await }
    });
    fixture.engine.overview().await.unwrap();
    db.execute(&refuse(&db, "tasks", "INSERT")).await;
    fixture.create(None).await.unwrap_err();
    db.execute(&allow(&db, "tasks")).await;
    leads(&fixture.engine).await;

    let mut node = Node::connect(&fixture.engine, NodeId::random(), vec![]).await;
    for _ in 0..2 {
        let assignment = node.assignment().await;
        node.finish(&assignment.attempt, Exit::Code { code: 0 }, None).await.unwrap();
    }

    within(waiting).await.unwrap().unwrap();
    assert_eq!(fixture.store.find_record(task_id).await.unwrap().unwrap().status, Some(Status::Success));
    fixture.stop().await;
}
