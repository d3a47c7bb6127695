//! One turn of the loop: read what the requests need, let the core handle each, place, commit, and only then act.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lp_protocol::TaskId;
use lp_protocol::frames::ManagerFrame;
use lp_protocol::views::{self, Created};
use tokio::sync::broadcast;

use super::assignments::{self, Versions};
use super::connections::{Connections, Outgoing};
use super::handle::{Answer, DraftKey, Error, Request, TaskDraft, TaskSource};
use crate::core::record::{AttemptId, Changes, TaskRecord};
use crate::core::{Core, Effect, NewTaskRequest, Now, Outcome, TaskRefusal};
use crate::store::{self, Epoch, KnownKey, Rerun, Store};

/// What a leadership works with.
pub(super) struct Leadership {
    pub(super) store: Arc<Store>,
    pub(super) epoch: Epoch,
    pub(super) events: broadcast::Sender<Arc<views::Event>>,
}

/// The core and everything that stands between it and the world.
pub(super) struct Turn {
    leadership: Leadership,
    core: Core,
    connections: Connections,
    versions: Versions,
    waiters: HashMap<TaskId, Vec<Answer<()>>>,
    /// Assignments that could not be sent, and why; the core hears of them at the next turn.
    refused: Vec<(AttemptId, String)>,
    /// Connections that could not take their frames.
    stuck: Vec<super::ConnectionId>,
}

/// Says its caller what came of a request, after the commit.
type Reply = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// What the store was asked for on behalf of the requests of a batch.
#[derive(Default)]
struct Known {
    keys: BTreeMap<String, KnownKey>,
    reruns: HashMap<TaskId, Result<Rerun, Error>>,
    records: HashMap<TaskId, TaskRecord>,
}

impl Turn {
    /// How much one batch takes: bounds the time a caller waits for others' work to be committed with his (4,000 rows take about 40 ms).
    pub(super) const MAX_WEIGHT: usize = 4000;

    /// `previous` is what an earlier leadership of this process left: those who wait, and the counters.
    pub(super) fn new(leadership: Leadership, mut core: Core, previous: Option<Turn>) -> Self {
        let mut connections = Connections::default();
        let mut waiters = HashMap::new();
        if let Some(previous) = previous {
            core.counters = previous.core.counters;
            connections = previous.connections;
            waiters = previous.waiters;
        }
        let mut turn = Self {
            leadership,
            core,
            connections,
            versions: Versions::default(),
            waiters: HashMap::new(),
            refused: Vec::new(),
            stuck: Vec::new(),
        };
        for (task_id, answers) in waiters {
            turn.wait_for(task_id, answers);
        }
        turn
    }

    pub(super) fn next_due(&self) -> Option<Duration> {
        if self.refused.is_empty() && self.stuck.is_empty() {
            self.core.next_due()
        } else {
            Some(Duration::ZERO)
        }
    }

    pub(super) fn disconnect_all(&mut self) {
        self.connections.clear();
    }

    /// Carries out a batch.
    ///
    /// # Errors
    /// The store's, where the batch is not committed: its callers have been told, and this core must not be used any more.
    pub(super) async fn carry_out(
        &mut self,
        clock: impl Fn() -> Now,
        requests: Vec<Request>,
    ) -> store::Result<()> {
        let known = match self.read_ahead(&requests).await {
            Ok(known) => known,
            Err(error) => {
                requests.into_iter().for_each(|request| request.refuse(unavailable(&error)));
                return Err(error);
            }
        };
        let now = clock();
        self.core.watched = self.leadership.events.receiver_count() > 0;
        for (id, reason) in std::mem::take(&mut self.refused) {
            self.core.refuse_assignment(now, id, reason);
        }
        for connection in std::mem::take(&mut self.stuck) {
            self.core.disconnect_node(now, connection);
        }
        self.core.fire_timers(now);
        let mut replies = Vec::with_capacity(requests.len());
        let mut batch = Batch { turn: self, now, known, replies: &mut replies };
        for request in requests {
            batch.handle(request);
        }
        self.core.place(now);
        let Outcome { changes, effects } = self.core.take_outcome();
        let committed = self.commit(&changes).await;
        let verdict = committed.as_ref().map(|()| ()).map_err(unavailable);
        for reply in replies {
            reply(verdict.clone());
        }
        committed?;
        self.act(&changes, effects).await
    }

    /// Reads what requests of the batch need from the store: known idempotency keys, finished tasks to reopen or delete.
    async fn read_ahead(&self, requests: &[Request]) -> store::Result<Known> {
        let mut known = Known::default();
        let mut keys = Vec::new();
        for request in requests {
            match request {
                Request::CreateTasks { drafts, .. } => {
                    keys.extend(
                        drafts.iter().filter_map(|draft| draft.key.as_ref()).map(|key| key.key.clone()),
                    );
                }
                Request::RerunTask { task_id, .. } => {
                    let rerun = match self.leadership.store.load_for_rerun(*task_id).await {
                        Ok(rerun) => Ok(rerun),
                        Err(store::Error::NotFound { what: "app", name }) => {
                            Err(Error::AppGone { app: name })
                        }
                        Err(store::Error::NotFound { .. }) => Err(Error::NoSuchTask { task_id: *task_id }),
                        Err(error) => return Err(error),
                    };
                    known.reruns.insert(*task_id, rerun);
                }
                Request::DeleteTask { task_id, .. } => {
                    if let Some(record) = self.leadership.store.find_record(*task_id).await? {
                        known.records.insert(*task_id, record);
                    }
                }
                _ => {}
            }
        }
        if !keys.is_empty() {
            known.keys = self.leadership.store.find_keys(&keys).await?;
        }
        Ok(known)
    }

    async fn commit(&mut self, changes: &Changes) -> store::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let begin = Instant::now();
        let committed = self.leadership.store.commit(self.leadership.epoch, changes).await;
        let counters = &mut self.core.counters;
        counters.commits += 1;
        counters.commit_rows += changes.len() as u64;
        counters.commit_failures += u64::from(committed.is_err());
        counters.commit_seconds += begin.elapsed().as_secs_f64();
        committed
    }

    /// Releases the effects of a committed batch.
    async fn act(&mut self, changes: &Changes, effects: Vec<Effect>) -> store::Result<()> {
        let mut outgoing = Outgoing::default();
        let mut orders = Vec::new();
        for effect in &effects {
            if let Effect::Assign { order, .. } = effect {
                orders.push(order);
            }
        }
        let mut assignments =
            assignments::build(&self.leadership.store, &mut self.versions, changes, &orders)
                .await?
                .into_iter();
        for effect in effects {
            match effect {
                Effect::Send { connection, frame } => outgoing.push(connection, frame),
                Effect::Assign { connection, order } => match assignments.next() {
                    Some(Ok(assignment)) => {
                        outgoing.push(connection, ManagerFrame::Assign { assignments: vec![assignment] });
                    }
                    Some(Err(reason)) => self.refused.push((order.id, reason)),
                    None => {}
                },
                Effect::Close { connection, reason } => {
                    tracing::info!(connection = connection.0, reason, "closing a node's connection");
                    self.connections.remove(connection);
                }
                Effect::Finished { task_id } => {
                    for waiter in self.waiters.remove(&task_id).into_iter().flatten() {
                        let _caller_gone = waiter.send(Ok(()));
                    }
                }
                Effect::Publish(event) => self.publish(event),
            }
        }
        if self.leadership.events.receiver_count() > 0 {
            let new = changes.new_tasks.iter().map(|task| &task.record);
            for record in new.chain(changes.tasks.values()) {
                self.publish(views::Event::Task {
                    task_id: record.task_id,
                    stage: record.stage,
                    status: record.status,
                });
            }
        }
        self.stuck.extend(self.connections.send(outgoing.into_frames()));
        Ok(())
    }

    fn publish(&self, event: views::Event) {
        let _nobody_listens = self.leadership.events.send(Arc::new(event));
    }

    fn wait_for(&mut self, task_id: TaskId, answers: Vec<Answer<()>>) {
        if self.core.find_open(task_id).is_none() {
            for answer in answers {
                let _caller_gone = answer.send(Ok(()));
            }
            return;
        }
        let waiting = self.waiters.entry(task_id).or_default();
        // those who gave up waiting are not kept
        waiting.retain(|answer| !answer.is_closed());
        waiting.extend(answers);
    }
}

fn unavailable(error: &store::Error) -> Error {
    Error::Unavailable { reason: error.to_string() }
}

/// The requests of one batch on their way through the core.
struct Batch<'a> {
    turn: &'a mut Turn,
    now: Now,
    known: Known,
    replies: &'a mut Vec<Reply>,
}

impl Batch<'_> {
    fn handle(&mut self, request: Request) {
        let now = self.now;
        match request {
            Request::CreateTasks { source, drafts, answer } => {
                let created = self.create(source, drafts);
                self.reply(answer, created);
            }
            Request::StopTask { task_id, stop, answer } => {
                let stopped = self.turn.core.stop_task(now, task_id, stop);
                self.reply(answer, stopped.map_err(|refusal| refused(task_id, refusal)));
            }
            Request::RerunTask { task_id, answer } => {
                let found =
                    self.known.reruns.get(&task_id).cloned().unwrap_or(Err(Error::NoSuchTask { task_id }));
                let rerun = found.and_then(|task| {
                    let Rerun { record, attempts, plan } = task;
                    let rerun = self.turn.core.rerun_task(now, record, &attempts, &plan);
                    rerun.map_err(|refusal| refused(task_id, refusal))
                });
                self.reply(answer, rerun);
            }
            Request::DeleteTask { task_id, answer } => {
                let found = self.known.records.get(&task_id).cloned().ok_or(Error::NoSuchTask { task_id });
                let deleted = found.and_then(|record| {
                    self.turn.core.delete_task(&record).map_err(|refusal| refused(task_id, refusal))
                });
                self.reply(answer, deleted);
            }
            Request::WaitTask { task_id, answer } => self.wait(task_id, answer),
            Request::Why { task_id, answer } => {
                let why = self.turn.core.why(now, task_id);
                self.reply(answer, Ok(why));
            }
            Request::Overview { answer } => {
                let overview = self.turn.core.overview(now);
                self.reply(answer, Ok(overview));
            }
            Request::AttemptsOf { node_id, answer } => {
                let versions = self.turn.core.node_actions(node_id).collect();
                self.reply(answer, Ok(versions));
            }
            Request::ConnectNode { node_id, hello, outbound, answer } => {
                let connection = self.turn.connections.insert(outbound);
                self.turn.core.connect_node(now, node_id, connection, *hello);
                self.reply(answer, Ok(connection));
            }
            Request::NodeFrames { connection, frames, answer } => {
                let taken = self.turn.core.take_frames(now, connection, frames);
                self.reply(answer, if taken { Ok(()) } else { Err(Error::StaleConnection) });
            }
            Request::DisconnectNode { connection } => {
                self.turn.connections.remove(connection);
                self.turn.core.disconnect_node(now, connection);
            }
        }
    }

    /// Creates the tasks of one request: all of them, or none where a key was used for something else.
    fn create(&mut self, source: TaskSource, drafts: Vec<TaskDraft>) -> Result<Vec<Created>, Error> {
        for key in drafts.iter().filter_map(|draft| draft.key.as_ref()) {
            if let Some(known) =
                self.known.keys.get(&key.key).filter(|known| *known.fingerprint != *key.fingerprint)
            {
                return Err(Error::KeyReused { key: key.key.clone(), task_id: known.task_id });
            }
        }
        let mut created = Vec::with_capacity(drafts.len());
        for draft in drafts {
            created.push(self.create_one(&source, draft));
        }
        Ok(created)
    }

    fn create_one(&mut self, source: &TaskSource, draft: TaskDraft) -> Created {
        let TaskDraft { name, input, priority, key } = draft;
        if let Some(known) = key.as_ref().and_then(|key| self.known.keys.get(&key.key)) {
            return Created { task_id: known.task_id, created: false };
        }
        let task_id = TaskId::random();
        if let Some(DraftKey { key, fingerprint }) = &key {
            self.known
                .keys
                .insert(key.clone(), KnownKey { task_id, fingerprint: fingerprint.as_str().into() });
        }
        let (key, fingerprint) = key.map(|key| (key.key.into(), key.fingerprint.into())).unzip();
        let request = NewTaskRequest {
            task_id,
            name,
            app_id: source.app_id,
            version_id: source.version_id,
            plan: source.plan.clone(),
            priority,
            input,
            key,
            fingerprint,
        };
        self.turn.core.create_task(self.now, request);
        Created { task_id, created: true }
    }

    /// A task that this very batch finishes is waited for until the batch is committed.
    fn wait(&mut self, task_id: TaskId, answer: Answer<()>) {
        if self.turn.core.find_open(task_id).is_some() {
            self.turn.wait_for(task_id, vec![answer]);
        } else {
            self.reply(answer, Ok(()));
        }
    }

    fn reply<T: Send + 'static>(&mut self, answer: Answer<T>, result: Result<T, Error>) {
        self.replies.push(Box::new(move |committed| {
            let _caller_gone = answer.send(committed.and(result));
        }));
    }
}

fn refused(task_id: TaskId, refusal: TaskRefusal) -> Error {
    match refusal {
        TaskRefusal::NotOpen => Error::WrongStage {
            task_id,
            stage: lp_protocol::Stage::Finished,
            wanted: "only a task that is not finished can be stopped",
        },
        TaskRefusal::StillOpen(stage) => {
            Error::WrongStage { task_id, stage, wanted: "wait until it has finished, or stop it first" }
        }
        TaskRefusal::Changed => {
            Error::Unavailable { reason: "the task was changed at the same moment".to_owned() }
        }
    }
}

impl Request {
    /// How much of a batch it takes.
    pub(super) fn weight(&self) -> usize {
        match self {
            Request::CreateTasks { drafts, .. } => drafts.len().max(1),
            Request::NodeFrames { frames, .. } => frames.iter().map(frame_weight).sum::<usize>().max(1),
            _ => 1,
        }
    }

    /// Answers with an error.
    pub(super) fn refuse(self, error: Error) {
        fn send<T>(answer: Answer<T>, error: Error) {
            let _caller_gone = answer.send(Err(error));
        }
        match self {
            Request::CreateTasks { answer, .. } => send(answer, error),
            Request::StopTask { answer, .. } | Request::RerunTask { answer, .. } => send(answer, error),
            Request::DeleteTask { answer, .. }
            | Request::WaitTask { answer, .. }
            | Request::NodeFrames { answer, .. } => {
                send(answer, error);
            }
            Request::Why { answer, .. } => send(answer, error),
            Request::Overview { answer } => send(answer, error),
            Request::AttemptsOf { answer, .. } => send(answer, error),
            Request::ConnectNode { answer, .. } => send(answer, error),
            Request::DisconnectNode { .. } => {}
        }
    }
}

fn frame_weight(frame: &lp_protocol::frames::NodeFrame) -> usize {
    match frame {
        lp_protocol::frames::NodeFrame::Reports { reports } => reports.len(),
        _ => 0,
    }
}
