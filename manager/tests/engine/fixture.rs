//! An engine on a database of its own, with one application, and a node in the test's hands.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use lp_manager::core::{self, ConnectionId};
use lp_manager::engine::{self, Engine, TaskDraft, TaskSource};
use lp_manager::store::{NewPackage, NewVersion, Program, Store};
use lp_protocol::frames::{
    Assignment, AttemptEvent, Finish, Hello, LINK_VERSION, ManagerFrame, NodeFacts, NodeFrame, Report, Usage,
};
use lp_protocol::plan::{Plan, Resources};
use lp_protocol::{AppId, AttemptKey, Exit, NodeId, TaskId};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::db::Db;

/// Nothing here takes long; what is waited for has come by then or never does.
const DEADLINE: Duration = Duration::from_secs(30);

pub struct Fixture {
    pub engine: Engine,
    pub store: Arc<Store>,
    pub source: TaskSource,
    pub shutdown: CancellationToken,
    pub ended: JoinHandle<()>,
}

pub fn settings(holder: &str) -> engine::Settings {
    engine::Settings {
        core: core::Settings::default(),
        holder: holder.to_owned(),
        address: format!("http://{holder}"),
        lease_ttl: Duration::from_secs(30),
        docker_registry: None,
    }
}

impl Fixture {
    /// An engine that leads, and an app of the actions `first` and `second < first`.
    pub async fn new(db: &Db) -> Self {
        let store = Arc::new(Store::open(&db.url).await.unwrap());
        let (engine, ended, shutdown) = start(&store, "one");
        leads(&engine).await;
        let plan: Plan = serde_json::from_str(
            r#"{"actions": [{"name": "first", "command": {"line": "true"}},
                            {"name": "second", "condition": [0], "command": {"line": "true"}}]}"#,
        )
        .unwrap();
        let version = NewVersion {
            digest: "a".repeat(64),
            sha1: "b".repeat(40),
            size_bytes: 10,
            format: "tar.gz".to_owned(),
            description: String::new(),
            create_by: "test".to_owned(),
            program: Some(Program { plan: plan.clone(), manifest: "{}".to_owned(), warnings: Vec::new() }),
        };
        let package =
            NewPackage { name: "app".to_owned(), description: String::new(), version, create_at: Utc::now() };
        let app_id = AppId::random();
        let app = store.create_app(engine.epoch().unwrap(), app_id, package).await.unwrap();
        let source = TaskSource { app_id, version_id: app.version.version_id, plan: Arc::new(plan) };
        Self { engine, store, source, shutdown, ended }
    }

    pub async fn create(&self, input: Option<&str>) -> Result<TaskId, engine::Error> {
        let created = self.engine.create_tasks(self.source.clone(), vec![draft(input)]).await?;
        Ok(created[0].task_id)
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        within(self.ended).await.unwrap();
    }
}

pub fn start(store: &Arc<Store>, holder: &str) -> (Engine, JoinHandle<()>, CancellationToken) {
    let shutdown = CancellationToken::new();
    let (engine, ended) = engine::start(store.clone(), settings(holder), shutdown.clone());
    (engine, ended, shutdown)
}

pub async fn leads(engine: &Engine) {
    let mut leadership = engine.leadership();
    within(leadership.wait_for(Option::is_some)).await.unwrap();
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("it comes within the deadline")
}

pub fn draft(input: Option<&str>) -> TaskDraft {
    let input = input.map(|text| serde_json::value::RawValue::from_string(text.to_owned()).unwrap());
    TaskDraft { name: "task".to_owned(), input, priority: 0, key: None }
}

/// A node whose programs are the test's words.
pub struct Node {
    pub connection: ConnectionId,
    engine: Engine,
    frames: mpsc::Receiver<Vec<ManagerFrame>>,
    pending: std::collections::VecDeque<ManagerFrame>,
    reports: u64,
}

impl Node {
    pub async fn connect(engine: &Engine, node_id: NodeId, held: Vec<AttemptKey>) -> Self {
        let (outbound, frames) = mpsc::channel(64);
        let node = NodeFacts {
            name: "n".to_owned(),
            capacity: Resources { slots: 2, ..Resources::default() },
            ..NodeFacts::default()
        };
        let hello = Hello { link_version: LINK_VERSION, node, held, building: Default::default() };
        let connection = engine.connect_node(node_id, hello, outbound).await.unwrap();
        Self { connection, engine: engine.clone(), frames, pending: Default::default(), reports: 0 }
    }

    /// The next frame that is not about reports; None when the manager has closed the connection.
    pub async fn frame(&mut self) -> Option<ManagerFrame> {
        loop {
            match self.pending.pop_front() {
                Some(ManagerFrame::Ack { .. }) => {}
                Some(frame) => return Some(frame),
                None => self.pending.extend(within(self.frames.recv()).await?),
            }
        }
    }

    pub async fn assignment(&mut self) -> Assignment {
        loop {
            match self.frame().await.expect("the connection is open") {
                ManagerFrame::Assign { mut assignments } => {
                    assert_eq!(assignments.len(), 1);
                    return assignments.remove(0);
                }
                ManagerFrame::Welcome(_) => {}
                other => panic!("not an assignment: {other:?}"),
            }
        }
    }

    pub async fn finish(
        &mut self,
        attempt: &AttemptKey,
        exit: Exit,
        output: Option<&str>,
    ) -> Result<(), engine::Error> {
        self.reports += 1;
        let finish = Finish {
            exit,
            start_at: Some(Utc::now()),
            end_at: Utc::now(),
            output: output.map(|text| serde_json::value::RawValue::from_string(text.to_owned()).unwrap()),
            log_bytes: 0,
            log: None,
            log_times: None,
            usage: Usage::default(),
            preparing: Vec::new(),
        };
        let event = AttemptEvent::Finished(Box::new(finish));
        let report = Report { seq: self.reports, attempt: attempt.clone(), event };
        self.engine.node_frames(self.connection, vec![NodeFrame::Reports { reports: vec![report] }]).await
    }
}
