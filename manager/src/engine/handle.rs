//! The engine's door: what the HTTP handlers and the node link may ask of it.
//!
//! Every call is answered only after the batch that carries it is committed; where the commit fails the answer is
//! [`Error::Unavailable`] and nothing has happened. All calls are cheap to clone and safe to drop: an abandoned request is
//! carried out all the same, only its answer is lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use lp_protocol::frames::{Hello, ManagerFrame, NodeFrame};
use lp_protocol::plan::{EnvRef, Plan};
use lp_protocol::views::{ActivityHour, Created, Event};
use lp_protocol::{AppId, NodeId, ServiceId, TaskId, VersionId, WorkId};
use serde_json::value::RawValue;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::core::record::{StopRequest, TaskRecord, Unwanted};
use crate::core::schedule::ScheduleRefusal;
use crate::core::service::ServiceRefusal;
use crate::core::{ConnectionId, HeldAction, Overview, Reasons, WhyAsked};
use crate::store::{Epoch, Store};

/// What a task is created from: an application's version, as the caller has just read it.
#[derive(Clone, Debug)]
pub struct TaskSource {
    pub app_id: AppId,
    pub version_id: VersionId,
    pub plan: Arc<Plan>,
}

/// One task to create.
#[derive(Clone, Debug)]
pub struct TaskDraft {
    pub name: String,
    /// A JSON object, checked by the caller; None is `{}`.
    pub input: Option<Box<RawValue>>,
    pub priority: i32,
    pub key: Option<DraftKey>,
}

/// How a finished task runs again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reopen {
    /// From the beginning; with the version it had, or else with the one that is active now.
    Rerun { same_version: bool },
    /// What has not succeeded; or these actions and what follows from them.
    Recover { from: Vec<String> },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftKey {
    pub key: String,
    /// Digest of what the request asks for: the same key with another fingerprint is a conflict.
    pub fingerprint: String,
}

/// Why the engine did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Starting, standing by, or the database does not take writes now; nothing was changed.
    #[error("the manager cannot do this now: {reason}")]
    Unavailable { reason: String },
    #[error("there is no task `{task_id}`")]
    NoSuchTask { task_id: TaskId },
    #[error("there is no work `{work_id}`")]
    NoSuchWork { work_id: WorkId },
    #[error("work `{work_id}` {reason}")]
    WorkConflict { work_id: WorkId, reason: String },
    #[error("task `{task_id}` is part of the work `{work_id}`, which is not finished")]
    PartOfWork { task_id: TaskId, work_id: WorkId },
    #[error("task `{task_id}` was never started: its input could not be put together")]
    WithoutInput { task_id: TaskId },
    #[error("the application `{app}` was deleted")]
    AppGone { app: String },
    #[error("version {number}, which task `{task_id}` has run, was deleted")]
    VersionGone { task_id: TaskId, number: u32 },
    #[error("task `{task_id}` is {stage}; {wanted}")]
    WrongStage { task_id: TaskId, stage: lp_protocol::Stage, wanted: &'static str },
    #[error("task `{task_id}` has succeeded: there is nothing to recover")]
    Succeeded { task_id: TaskId },
    #[error("task `{task_id}` has no action `{action}`")]
    NoSuchAction { task_id: TaskId, action: String },
    #[error("the key `{key}` was used before for another request (task `{task_id}`)")]
    KeyReused { key: String, task_id: TaskId },
    #[error(
        "task `{task_id}` belongs to the service `{service_id}`, which starts its next task itself; see `lp service restart`"
    )]
    OfService { task_id: TaskId, service_id: ServiceId },
    #[error(transparent)]
    Schedule(#[from] ScheduleRefusal),
    #[error(transparent)]
    Service(#[from] ServiceRefusal),
    #[error("node `{node_id}` {refusal}")]
    NodeBusy { node_id: NodeId, refusal: crate::core::NodeRefusal },
    #[error(transparent)]
    Build(#[from] crate::core::build::BuildRefusal),
    #[error("the build cannot be changed: {0}")]
    BuildBusy(#[from] crate::core::build::BuildBusy),
    /// The connection is not the node's present one any more.
    #[error("the node has connected anew")]
    StaleConnection,
}

/// A node's connection as the engine sees it: frames go in here, in order. The engine uses `try_send`: a node that is so far behind that
/// the channel is full is disconnected and reconciles when it returns. The link closes the socket when the sender is dropped.
pub type Outbound = mpsc::Sender<Vec<ManagerFrame>>;

/// Handle to the engine; clones share it.
#[derive(Clone)]
pub struct Engine {
    pub(super) store: Arc<Store>,
    pub(super) inbox: mpsc::Sender<Request>,
    pub(super) events: broadcast::Sender<Arc<Event>>,
    pub(super) leadership: watch::Receiver<Option<Epoch>>,
}

pub(super) type Answer<T> = oneshot::Sender<Result<T, Error>>;

pub(super) enum Request {
    CreateTasks { source: TaskSource, drafts: Vec<TaskDraft>, answer: Answer<Vec<Created>> },
    StopTask { task_id: TaskId, stop: StopRequest, by: String, answer: Answer<TaskRecord> },
    ReopenTask { task_id: TaskId, how: Reopen, by: String, answer: Answer<TaskRecord> },
    DeleteTask { task_id: TaskId, unwanted: Vec<Unwanted>, answer: Answer<()> },
    WaitTask { task_id: TaskId, answer: Answer<()> },
    Why { task_id: TaskId, asked: WhyAsked, answer: Answer<Option<Reasons>> },
    Overview { answer: Answer<Overview> },
    Activity { answer: Answer<Vec<ActivityHour>> },
    AttemptsOf { node_id: NodeId, answer: Answer<Vec<HeldAction>> },
    ConnectNode { node_id: NodeId, hello: Box<Hello>, outbound: Outbound, answer: Answer<ConnectionId> },
    NodeFrames { connection: ConnectionId, frames: Vec<NodeFrame>, answer: Answer<()> },
    DisconnectNode { connection: ConnectionId },
    Apply(super::apply::Call),
    Work(super::works::WorkRequest),
}

impl Engine {
    /// Creates tasks in one transaction, in the order given. A draft with a known key makes no task and answers with the first one's.
    pub async fn create_tasks(
        &self,
        source: TaskSource,
        drafts: Vec<TaskDraft>,
    ) -> Result<Vec<Created>, Error> {
        self.ask(|answer| Request::CreateTasks { source, drafts, answer }).await
    }

    /// Asks a task to stop; the answer shows it stopping, or finished where nothing of it ran. `by` is who asks.
    pub async fn stop_task(
        &self,
        task_id: TaskId,
        stop: StopRequest,
        by: String,
    ) -> Result<TaskRecord, Error> {
        self.ask(|answer| Request::StopTask { task_id, stop, by, answer }).await
    }

    /// Runs a finished task again, or what is left of it, under its own id.
    pub async fn reopen_task(&self, task_id: TaskId, how: Reopen, by: String) -> Result<TaskRecord, Error> {
        self.ask(|answer| Request::ReopenTask { task_id, how, by, answer }).await
    }

    /// Forgets a finished task; what `unwanted` lists, its workspaces, is to go with it.
    pub async fn delete_task(&self, task_id: TaskId, unwanted: Vec<Unwanted>) -> Result<(), Error> {
        self.ask(|answer| Request::DeleteTask { task_id, unwanted, answer }).await
    }

    /// Returns when the task is finished and committed, is not open, or `timeout` has passed; read the store then.
    pub async fn wait_task(&self, task_id: TaskId, timeout: Duration) -> Result<(), Error> {
        let finished = self.ask(|answer| Request::WaitTask { task_id, answer });
        tokio::time::timeout(timeout, finished).await.unwrap_or(Ok(()))
    }

    /// Says of unfinished actions what they wait for; None where the task is not open.
    pub async fn why(&self, task_id: TaskId, asked: WhyAsked) -> Result<Option<Reasons>, Error> {
        self.ask(|answer| Request::Why { task_id, asked, answer }).await
    }

    pub async fn overview(&self) -> Result<Overview, Error> {
        self.ask(|answer| Request::Overview { answer }).await
    }

    /// The last 24 hours.
    ///
    /// # Errors
    /// `Unavailable` while nobody leads.
    pub async fn activity(&self) -> Result<Vec<ActivityHour>, Error> {
        self.ask(|answer| Request::Activity { answer }).await
    }

    /// Tells whether a live attempt of the node uses the package, which is what entitles the node to fetch it.
    pub async fn uses_package(&self, node_id: NodeId, digest: String) -> Result<bool, Error> {
        let held = self.ask(|answer| Request::AttemptsOf { node_id, answer }).await?;
        let versions: Vec<VersionId> = held.iter().map(|action| action.version_id).collect();
        let unavailable = |error: crate::store::Error| Error::Unavailable { reason: error.to_string() };
        let packages = self.store.load_version_packages(&versions).await.map_err(unavailable)?;
        if packages.values().any(|package| package.digest == digest) {
            return Ok(true);
        }
        let envs: BTreeSet<EnvRef> = held.into_iter().filter_map(|action| action.env).collect();
        for env in envs {
            let is_built = match &env {
                EnvRef::Built(recipe) => match &recipe.content {
                    Some(content) => self.store.is_build_of(content, &digest).await.map_err(unavailable)?,
                    None => false,
                },
                EnvRef::Venv(_) | EnvRef::Named(_) | EnvRef::Path(_) => false,
            };
            if is_built || self.store.is_version_of_env(&env, &digest).await.map_err(unavailable)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes a node's new connection after its hello; the welcome and what it must know go to `outbound`. An earlier connection of the
    /// same node is dropped.
    pub async fn connect_node(
        &self,
        node_id: NodeId,
        hello: Hello,
        outbound: Outbound,
    ) -> Result<ConnectionId, Error> {
        self.ask(|answer| Request::ConnectNode { node_id, hello: Box::new(hello), outbound, answer }).await
    }

    /// Hands over what a node has sent, in order. Returns once the frames are taken into a batch and committed, so a link that awaits it
    /// before it reads on gets back-pressure; the link may have up to a few such calls in flight.
    pub async fn node_frames(&self, connection: ConnectionId, frames: Vec<NodeFrame>) -> Result<(), Error> {
        self.ask(|answer| Request::NodeFrames { connection, frames, answer }).await
    }

    /// Says that the connection is closed. Never fails; a stale one is ignored.
    pub async fn disconnect_node(&self, connection: ConnectionId) {
        let _closed_engine_has_no_nodes = self.inbox.send(Request::DisconnectNode { connection }).await;
    }

    /// Committed changes as they happen. A receiver that lags gets `Lagged` and should pass on [`Event::Missed`].
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }

    /// The epoch to guard writes of the catalogue with.
    ///
    /// # Errors
    /// `Unavailable` while this manager does not lead.
    pub fn epoch(&self) -> Result<Epoch, Error> {
        let not_leading = || Error::Unavailable { reason: "this manager does not lead".to_owned() };
        self.leadership.borrow().ok_or_else(not_leading)
    }

    /// Changes with every gain and loss of leadership; None while standing by or reloading.
    pub fn leadership(&self) -> watch::Receiver<Option<Epoch>> {
        self.leadership.clone()
    }

    pub(super) async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request) -> Result<T, Error> {
        let gone = || Error::Unavailable { reason: "the manager is shutting down".to_owned() };
        let (answer, answered) = oneshot::channel();
        self.inbox.send(request(answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}
