//! Builders with defaults: a test writes only what matters to it.

use chrono::{DateTime, Utc};
use lp_manager::core::record::{AttemptId, AttemptRecord, Changes, NewTask, TaskRecord, TaskSeq};
use lp_manager::store::{Epoch, Lease, NewPackage, NewVersion, Program, Store};
use lp_protocol::frames::Usage;
use lp_protocol::plan::{ActionPlan, Plan};
use lp_protocol::{AppId, Exit, NodeId, Stage, Status, TaskId, VersionId};
use serde_json::value::RawValue;
use std::time::Duration;
use uuid::Uuid;

use crate::db::Db;

pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000 + seconds, 123_456_000).unwrap()
}

pub(crate) fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

pub(crate) fn action(name: &str) -> ActionPlan {
    ActionPlan { name: name.to_owned(), ..plan().actions[0].clone() }
}

pub(crate) fn plan() -> Plan {
    serde_json::from_str(r#"{"actions": [{"name": "first", "command": {"line": "true"}}]}"#).unwrap()
}

/// A digest made of one character.
pub(crate) fn digest(of: char) -> String {
    of.to_string().repeat(64)
}

pub(crate) fn version(digest_of: char) -> NewVersion {
    NewVersion {
        digest: digest(digest_of),
        sha1: "0".repeat(40),
        size_bytes: 1000,
        format: "tar.gz".to_owned(),
        description: String::new(),
        create_by: "test".to_owned(),
        program: Some(Program {
            plan: plan(),
            manifest: r#"{"actions": []}"#.to_owned(),
            warnings: vec!["unknown key `mian`, did you mean `main`?".to_owned()],
        }),
    }
}

pub(crate) fn package(name: &str) -> NewPackage {
    NewPackage { name: name.to_owned(), description: String::new(), version: version('a'), create_at: at(0) }
}

pub(crate) async fn lead(store: &Store, holder: &str) -> Epoch {
    match store.acquire_lease(holder, "127.0.0.1:8000", Duration::from_secs(30)).await.unwrap() {
        Lease::Mine(epoch) => epoch,
        held => panic!("{held:?}"),
    }
}

/// An open store, the epoch in which it may write, and an app.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) epoch: Epoch,
    pub(crate) app_id: AppId,
    pub(crate) version_id: VersionId,
}

impl Fixture {
    pub(crate) async fn new(db: &Db) -> Fixture {
        let store = Store::open(&db.url).await.unwrap();
        let epoch = lead(&store, "test").await;
        let app_id = AppId::random();
        let app = store.create_app(epoch, app_id, package("hello")).await.unwrap();
        Fixture { store, epoch, app_id, version_id: app.version.version_id }
    }

    pub(crate) fn task(&self, seq: TaskSeq) -> TaskRecord {
        TaskRecord {
            seq,
            task_id: task_id(seq),
            name: format!("task {seq}").into(),
            app_id: self.app_id,
            version_id: self.version_id,
            origin: None,
            priority: 0,
            run: 1,
            stage: Stage::Pending,
            status: None,
            reason: None,
            create_at: at(seq),
            start_at: None,
            end_at: None,
            stop: None,
        }
    }

    /// Commits new tasks.
    pub(crate) async fn insert(&self, tasks: impl IntoIterator<Item = TaskRecord>) {
        let new_tasks = tasks.into_iter().map(new_task).collect();
        self.commit(&Changes { new_tasks, ..Changes::default() }).await;
    }

    pub(crate) async fn delete(&self, seq: TaskSeq) {
        self.commit(&Changes { deleted: vec![seq], ..Changes::default() }).await;
    }

    pub(crate) async fn commit(&self, changes: &Changes) {
        self.store.commit(self.epoch, changes).await.unwrap();
    }

    /// Numbers of the tasks that are open according to the database.
    pub(crate) async fn open_tasks(&self) -> Vec<TaskSeq> {
        self.store.load_open().await.unwrap().tasks.iter().map(|task| task.seq).collect()
    }
}

/// Begins with `abcd`, a zero for each task below sixteen, and its number.
pub(crate) fn task_id(seq: TaskSeq) -> TaskId {
    TaskId(Uuid::from_u128(0xabcd << 112 | u128::from(seq.unsigned_abs()) << 80))
}

pub(crate) fn new_task(record: TaskRecord) -> NewTask {
    NewTask { record, input: None, key: None, fingerprint: None }
}

pub(crate) fn attempt(task: TaskSeq, action: u32, number: u32) -> AttemptRecord {
    AttemptRecord {
        id: AttemptId { task, action, number },
        run: 1,
        counts_in: 1,
        name: None,
        node_id: NodeId(Uuid::from_u128(7)),
        stage: Stage::Pending,
        status: None,
        exit: None,
        assign_at: at(task),
        start_at: None,
        end_at: None,
        log_bytes: 0,
        usage: Usage::default(),
        preparing: Box::default(),
    }
}

pub(crate) fn succeeded(attempt: AttemptRecord) -> AttemptRecord {
    AttemptRecord {
        stage: Stage::Finished,
        status: Some(Status::Success),
        exit: Some(Exit::Code { code: 0 }),
        end_at: Some(at(99)),
        ..attempt
    }
}

pub(crate) fn finished(task: TaskRecord) -> TaskRecord {
    TaskRecord { stage: Stage::Finished, status: Some(Status::Success), end_at: Some(at(99)), ..task }
}

/// Changes that write these attempts.
pub(crate) fn attempts(records: impl IntoIterator<Item = AttemptRecord>) -> Changes {
    Changes {
        attempts: records.into_iter().map(|record| (record.id, record)).collect(),
        ..Changes::default()
    }
}
