//! Tasks through the engine's door.

use std::time::Duration;

use lp_manager::engine::{DraftKey, Error, Reopen, TaskDraft};
use lp_protocol::{Exit, NodeId, Status};

use crate::db::Db;
use crate::fixture::{Fixture, Node, draft, within};

const SUCCESS: Exit = Exit::Code { code: 0 };

#[tokio::test]
async fn an_action_is_handed_the_tasks_input_and_the_outputs_of_its_conditions() {
    let db = Db::sqlite();
    let fixture = Fixture::new(&db).await;
    let mut node = Node::connect(&fixture.engine, NodeId::random(), vec![]).await;
    let task_id = fixture.create(Some(r#"{"x": 1.50}"#)).await.unwrap();

    let first = node.assignment().await;
    assert_eq!(first.input.get(), r#"{"x":1.50}"#);
    assert_eq!(first.app.digest, "a".repeat(64));
    node.finish(&first.attempt, SUCCESS, Some(r#"{"data": {"n": 7}}"#)).await.unwrap();
    let second = node.assignment().await;
    assert_eq!(second.input.get(), r#"{"first":{"n": 7},"x":1.50}"#);
    node.finish(&second.attempt, SUCCESS, None).await.unwrap();
    within(fixture.engine.wait_task(task_id, Duration::from_secs(30))).await.unwrap();

    let record = fixture.store.find_record(task_id).await.unwrap().unwrap();
    assert_eq!(record.status, Some(Status::Success));
    fixture.stop().await;
}

#[tokio::test]
async fn a_key_makes_one_task_however_often_it_is_used() {
    let db = Db::sqlite();
    let fixture = Fixture::new(&db).await;
    let keyed = |fingerprint: &str| TaskDraft {
        key: Some(DraftKey { key: "k".to_owned(), fingerprint: fingerprint.to_owned() }),
        ..draft(None)
    };
    let create = |drafts| fixture.engine.create_tasks(fixture.source.clone(), drafts);

    let twice = create(vec![keyed("f"), keyed("f")]).await.unwrap();
    let again = create(vec![keyed("f")]).await.unwrap();
    let other = create(vec![draft(None), keyed("g")]).await;

    assert_eq!([twice[0].created, twice[1].created, again[0].created], [true, false, false]);
    assert!(twice[0].task_id == twice[1].task_id && twice[0].task_id == again[0].task_id);
    assert_eq!(other.unwrap_err(), Error::KeyReused { key: "k".to_owned(), task_id: twice[0].task_id });
    let overview = fixture.engine.overview().await.unwrap();
    assert_eq!(overview.tasks_pending, 1, "a refused request makes nothing");
    fixture.stop().await;
}

#[tokio::test]
async fn a_finished_task_can_be_run_again_or_deleted_and_an_open_one_cannot() {
    let db = Db::sqlite();
    let fixture = Fixture::new(&db).await;
    let mut node = Node::connect(&fixture.engine, NodeId::random(), vec![]).await;
    let task_id = fixture.create(None).await.unwrap();
    let first = node.assignment().await;
    assert!(matches!(fixture.engine.delete_task(task_id, Vec::new()).await, Err(Error::WrongStage { .. })));
    assert!(matches!(
        fixture.engine.reopen_task(task_id, Reopen::Rerun { same_version: false }, "test".to_owned()).await,
        Err(Error::WrongStage { .. })
    ));
    node.finish(&first.attempt, Exit::Code { code: 3 }, None).await.unwrap();

    fixture
        .engine
        .reopen_task(task_id, Reopen::Rerun { same_version: false }, "test".to_owned())
        .await
        .unwrap();
    let again = node.assignment().await;
    assert_eq!(again.attempt.attempt, 2);
    node.finish(&again.attempt, Exit::Code { code: 3 }, None).await.unwrap();
    fixture.engine.delete_task(task_id, Vec::new()).await.unwrap();

    assert_eq!(fixture.store.find_record(task_id).await.unwrap(), None);
    assert_eq!(fixture.engine.delete_task(task_id, Vec::new()).await, Err(Error::NoSuchTask { task_id }));
    fixture.stop().await;
}

#[tokio::test]
async fn an_action_whose_venv_is_gone_fails_with_the_reason() {
    let db = Db::sqlite();
    let mut fixture = Fixture::new(&db).await;
    let mut plan = (*fixture.source.plan).clone();
    plan.actions[0].env = Some(lp_protocol::plan::EnvRef::Named("nowhere".to_owned()));
    fixture.source.plan = plan.into();
    let _node = Node::connect(&fixture.engine, NodeId::random(), vec![]).await;

    let task_id = fixture.create(None).await.unwrap();
    within(fixture.engine.wait_task(task_id, Duration::from_secs(30))).await.unwrap();

    let record = fixture.store.find_record(task_id).await.unwrap().unwrap();
    assert_eq!(
        record.reason.as_deref(),
        Some("action `first` failed: not started: there is no venv `nowhere`; see `lp venv list`")
    );
    fixture.stop().await;
}
