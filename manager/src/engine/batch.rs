//! One turn of the loop: read what the requests need, let the core handle each, place, commit, and only then act.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lp_protocol::TaskId;
use lp_protocol::frames::ManagerFrame;
use lp_protocol::views;
use tokio::sync::broadcast;

use super::activity::Activity;
use super::assignments::{self, Versions};
use super::builds::EnvUses;
use super::connections::{Connections, Outgoing};
use super::derived;
use super::handle::{Answer, Error, Reopen, Request};
use super::requests::{Batch, Known};
use super::works::WorkWaiters;
use crate::core::record::{AttemptId, Changes};
use crate::core::{Core, Effect, Now, Outcome};
use crate::store::{self, Epoch, Past, Store};

/// What a leadership works with.
pub(super) struct Leadership {
    pub(super) store: Arc<Store>,
    pub(super) epoch: Epoch,
    pub(super) events: broadcast::Sender<Arc<views::Event>>,
    pub(super) docker_registry: Option<String>,
}

/// The core and everything that stands between it and the world.
pub(super) struct Turn {
    leadership: Leadership,
    pub(super) core: Core,
    pub(super) connections: Connections,
    pub(super) activity: Activity,
    versions: Versions,
    env_uses: EnvUses,
    waiters: HashMap<TaskId, Vec<Answer<()>>>,
    pub(super) work_waiters: WorkWaiters,
    /// Assignments that could not be sent, and why; the core hears of them at the next turn.
    refused: Vec<(AttemptId, String)>,
    /// Connections that could not take their frames.
    stuck: Vec<super::ConnectionId>,
}

impl Turn {
    /// How much one batch takes: bounds the time a caller waits for others' work to be committed with his (4,000 rows take about 40 ms).
    pub(super) const MAX_WEIGHT: usize = 4000;

    /// `previous` is what an earlier leadership of this process left: those who wait, and the counters.
    pub(super) fn new(leadership: Leadership, mut core: Core, past: Past, previous: Option<Turn>) -> Self {
        let mut counted = None;
        let mut connections = Connections::default();
        let mut waiters = HashMap::new();
        let mut work_waiters = WorkWaiters::default();
        if let Some(previous) = previous {
            core.counters = previous.core.counters;
            counted = Some(previous.activity);
            connections = previous.connections;
            waiters = previous.waiters;
            work_waiters = previous.work_waiters;
            work_waiters.release(|work_id| core.is_work_open(work_id));
        }
        let mut turn = Self {
            leadership,
            core,
            connections,
            activity: Activity::new(past, counted),
            versions: Versions::default(),
            env_uses: EnvUses::default(),
            waiters: HashMap::new(),
            work_waiters,
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
        let now = clock();
        let read = async {
            let known = self.read_ahead(&requests).await?;
            let sources = self.leadership.store.load_sources(&self.core.wanted_sources(now)).await?;
            Ok((known, sources))
        };
        let (known, sources) = match read.await {
            Ok(read) => read,
            Err(error) => {
                requests.into_iter().for_each(|request| request.refuse(unavailable(&error)));
                return Err(error);
            }
        };
        self.core.watched = self.leadership.events.receiver_count() > 0;
        for (id, reason) in std::mem::take(&mut self.refused) {
            self.core.refuse_assignment(now, id, reason);
        }
        for connection in std::mem::take(&mut self.stuck) {
            self.core.disconnect_node(now, connection);
        }
        self.core.fire_timers(now, &sources);
        let mut known = known;
        for record in std::mem::take(&mut known.builds) {
            self.core.offer_build(record);
        }
        for (task, text) in std::mem::take(&mut known.targets) {
            self.core.offer_targets(task, text);
        }
        let mut replies = Vec::with_capacity(requests.len());
        let mut batch = Batch { turn: self, now, known, replies: &mut replies };
        for request in requests {
            batch.handle(request);
        }
        let filled = derived::fill(&self.leadership.store, &mut self.core, now).await;
        self.core.withdraw_targets();
        self.core.withdraw_builds();
        self.core.place(now);
        let Outcome { changes, effects } = self.core.take_outcome();
        let committed = match filled {
            Ok(()) => self.commit(&changes).await,
            Err(error) => Err(error),
        };
        let verdict = match &committed {
            Ok(()) => Ok(()),
            Err(error) => Err(unavailable(error)),
        };
        for reply in replies {
            reply(verdict.clone());
        }
        committed?;
        self.note(now, &changes, &effects);
        self.act(now, &changes, effects).await
    }

    /// Reads what requests of the batch need from the store: known idempotency keys, finished tasks to reopen or delete.
    async fn read_ahead(&self, requests: &[Request]) -> store::Result<Known> {
        let mut known = Known::default();
        let mut keys = Vec::new();
        let mut builds = BTreeSet::new();
        for request in requests {
            match request {
                Request::NodeFrames { connection, frames, .. } => {
                    builds.extend(self.core.wished_builds(*connection, frames));
                }
                Request::CreateTasks { drafts, .. } => {
                    keys.extend(
                        drafts.iter().filter_map(|draft| draft.key.as_ref()).map(|key| key.key.clone()),
                    );
                }
                Request::ReopenTask { task_id, how, .. } => {
                    let mut finished = match self.leadership.store.load_finished(*task_id).await {
                        Ok(finished) => Ok(finished),
                        Err(store::Error::NotFound { what: "app", name }) => {
                            Err(Error::AppGone { app: name })
                        }
                        Err(store::Error::NotFound { .. }) => Err(Error::NoSuchTask { task_id: *task_id }),
                        Err(error) => return Err(error),
                    };
                    if let Ok(task) = &finished
                        && let Some(app) = self.leadership.store.load_app_source(task.record.app_id).await?
                    {
                        known.active.insert(*task_id, app);
                    }
                    let takes_active = *how == Reopen::Rerun { same_version: false };
                    if let Ok(task) = &finished
                        && !(takes_active && known.active.contains_key(task_id))
                        && let Some(number) =
                            self.leadership.store.find_deleted_number(task.record.version_id).await?
                    {
                        finished = Err(Error::VersionGone { task_id: *task_id, number });
                    }
                    known.finished.insert(*task_id, finished);
                }
                Request::DeleteTask { task_id, .. } => {
                    if let Some(record) = self.leadership.store.find_record(*task_id).await? {
                        known.records.insert(*task_id, record);
                    }
                }
                Request::Work(request) => known.works.read(&self.leadership.store, request).await?,
                _ => {}
            }
        }
        let mut reopened: Vec<_> = known.finished.values().flatten().map(|task| task.record.seq).collect();
        reopened.extend(known.works.reopened());
        if !reopened.is_empty() {
            known.targets = self.leadership.store.load_targets(&reopened).await?;
        }
        if !builds.is_empty() {
            known.builds = self.leadership.store.load_builds(&builds).await?;
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

    /// Counts what has come to its end, and looks at what waits.
    fn note(&mut self, now: Now, changes: &Changes, effects: &[Effect]) {
        let ended: BTreeSet<TaskId> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Finished { task_id } => Some(*task_id),
                Effect::Send { .. } | Effect::Assign { .. } | Effect::Close { .. } | Effect::Publish(_) => {
                    None
                }
            })
            .collect();
        if !ended.is_empty() {
            let new = changes.new_tasks.iter().map(|task| &task.record);
            let records = new.chain(changes.tasks.values()).filter(|task| ended.contains(&task.task_id));
            self.activity.count(now.wall, records);
        }
        if self.activity.is_due(now.mono) {
            let overview = self.core.overview(now);
            self.activity.look(now.wall, now.mono, &overview);
        }
    }

    /// Releases the effects of a committed batch.
    async fn act(&mut self, now: Now, changes: &Changes, effects: Vec<Effect>) -> store::Result<()> {
        let mut outgoing = Outgoing::default();
        let mut closing = Vec::new();
        let mut orders = Vec::new();
        for effect in &effects {
            if let Effect::Assign { order, .. } = effect {
                orders.push(order);
            }
        }
        self.env_uses.note(&self.leadership.store, self.leadership.epoch, now.wall, &orders).await?;
        let mut assignments =
            assignments::build(&self.leadership.store, &mut self.versions, changes, &orders)
                .await?
                .into_iter();
        for effect in effects {
            match effect {
                Effect::Send { connection, frame } => outgoing.push(connection, frame),
                Effect::Assign { connection, order } => match assignments.next() {
                    Some(Ok(mut assignment)) => {
                        if let Some(docker) = &mut assignment.docker {
                            docker.registry.clone_from(&self.leadership.docker_registry);
                        }
                        outgoing.push(connection, ManagerFrame::Assign { assignments: vec![assignment] });
                    }
                    Some(Err(reason)) => self.refused.push((order.id, reason)),
                    None => {}
                },
                Effect::Close { connection, reason } => {
                    tracing::info!(connection = connection.0, reason, "closing a node's connection");
                    closing.push(connection);
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
        let new = changes.new_works.iter().map(|new| &new.record);
        for record in new.chain(changes.works.values()) {
            self.publish(views::Event::Work {
                work_id: record.work_id,
                stage: record.stage,
                status: record.status,
            });
            if !record.stage.is_open() {
                self.work_waiters.release_one(record.work_id);
            }
        }
        self.stuck.extend(self.connections.send(outgoing.into_frames()));
        // after the last words to them
        closing.into_iter().for_each(|connection| self.connections.remove(connection));
        Ok(())
    }

    fn publish(&self, event: views::Event) {
        let _nobody_listens = self.leadership.events.send(Arc::new(event));
    }

    pub(super) fn wait_for(&mut self, task_id: TaskId, answers: Vec<Answer<()>>) {
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
