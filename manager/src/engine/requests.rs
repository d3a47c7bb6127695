//! The requests of a batch on their way through the core, and what each of them is answered.

use std::collections::{BTreeMap, HashMap};

use lp_protocol::TaskId;
use lp_protocol::frames::NodeFrame;
use lp_protocol::views::Created;

use super::batch::Turn;
use super::handle::{Answer, DraftKey, Error, Reopen, Request, TaskDraft, TaskSource};
use crate::core::record::{TaskRecord, TaskSeq};
use crate::core::{AppSource, Finished, NewTaskRequest, Now, TaskRefusal};
use crate::store::KnownKey;

/// Says its caller what came of a request, after the commit.
pub(super) type Reply = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// What the store was asked for on behalf of the requests of a batch.
#[derive(Default)]
pub(super) struct Known {
    pub(super) keys: BTreeMap<String, KnownKey>,
    pub(super) finished: HashMap<TaskId, Result<Finished, Error>>,
    /// Active versions, for tasks that run again.
    pub(super) active: HashMap<TaskId, AppSource>,
    pub(super) records: HashMap<TaskId, TaskRecord>,
    pub(super) works: super::works::KnownWorks,
    /// Builds that nodes wish for in this batch.
    pub(super) builds: Vec<crate::core::build::record::BuildRecord>,
    /// `target_env` of the tasks in `finished`.
    pub(super) targets: BTreeMap<TaskSeq, Box<str>>,
}

/// The requests of one batch on their way through the core.
pub(super) struct Batch<'a> {
    pub(super) turn: &'a mut Turn,
    pub(super) now: Now,
    pub(super) known: Known,
    pub(super) replies: &'a mut Vec<Reply>,
}

impl Batch<'_> {
    pub(super) fn handle(&mut self, request: Request) {
        let now = self.now;
        match request {
            Request::CreateTasks { source, drafts, answer } => {
                let created = self.create(source, drafts);
                self.reply(answer, created);
            }
            Request::StopTask { task_id, stop, by, answer } => {
                let stopped = self.turn.core.stop_task(now, task_id, stop, &by);
                self.reply(answer, stopped.map_err(|refusal| refused(task_id, refusal)));
            }
            Request::ReopenTask { task_id, how, by, answer } => {
                let reopened = self.reopen(task_id, how, &by);
                self.reply(answer, reopened);
            }
            Request::DeleteTask { task_id, unwanted, answer } => {
                let found = self.known.records.get(&task_id).cloned().ok_or(Error::NoSuchTask { task_id });
                let deleted = found.and_then(|record| {
                    self.turn.core.delete_task(&record).map_err(|refusal| refused(task_id, refusal))?;
                    self.turn.core.give_up_workspaces(unwanted);
                    Ok(())
                });
                self.reply(answer, deleted);
            }
            Request::WaitTask { task_id, answer } => self.wait(task_id, answer),
            Request::Why { task_id, asked, answer } => {
                let why = self.turn.core.why_some(now, task_id, &asked);
                self.reply(answer, Ok(why));
            }
            Request::Overview { answer } => {
                let overview = self.turn.core.overview(now);
                self.reply(answer, Ok(overview));
            }
            Request::Activity { answer } => {
                let hours = self.turn.activity.tell(now.wall);
                self.reply(answer, Ok(hours));
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
            Request::Work(request) => self.handle_work(request),
            Request::Apply(call) => {
                self.replies.extend(call(Ok((&mut self.turn.core, now))));
            }
            Request::DisconnectNode { connection } => {
                self.turn.connections.remove(connection);
                self.turn.core.disconnect_node(now, connection);
            }
        }
    }

    fn reopen(&mut self, task_id: TaskId, how: Reopen, by: &str) -> Result<TaskRecord, Error> {
        let found = self.known.finished.get(&task_id).cloned();
        let task = found.unwrap_or(Err(Error::NoSuchTask { task_id }))?;
        let core = &mut self.turn.core;
        let reopened = match how {
            Reopen::Rerun { same_version } => {
                let active = self.known.active.get(&task_id).filter(|_| !same_version);
                let version = active.map(|active| (active.version_id, active.plan.clone()));
                core.rerun_task(self.now, task, version, by)
            }
            Reopen::Recover { from } => core.recover_task(self.now, task, from, by),
        };
        reopened.map_err(|refusal| refused(task_id, refusal))
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
            origin: None,
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

    pub(super) fn reply<T: Send + 'static>(&mut self, answer: Answer<T>, result: Result<T, Error>) {
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
        TaskRefusal::OfService(service_id) => Error::OfService { task_id, service_id },
        TaskRefusal::WithoutInput => Error::WithoutInput { task_id },
        TaskRefusal::PartOf(work_id) => Error::PartOfWork { task_id, work_id },
        TaskRefusal::Succeeded => Error::Succeeded { task_id },
        TaskRefusal::NoSuchAction(action) => Error::NoSuchAction { task_id, action },
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
            Request::StopTask { answer, .. } | Request::ReopenTask { answer, .. } => send(answer, error),
            Request::DeleteTask { answer, .. }
            | Request::WaitTask { answer, .. }
            | Request::NodeFrames { answer, .. } => {
                send(answer, error);
            }
            Request::Why { answer, .. } => send(answer, error),
            Request::Overview { answer } => send(answer, error),
            Request::Activity { answer } => send(answer, error),
            Request::AttemptsOf { answer, .. } => send(answer, error),
            Request::ConnectNode { answer, .. } => send(answer, error),
            Request::Work(request) => request.refuse(error),
            Request::Apply(call) => drop(call(Err(error))),
            Request::DisconnectNode { .. } => {}
        }
    }
}

fn frame_weight(frame: &NodeFrame) -> usize {
    match frame {
        NodeFrame::Reports { reports } => reports.len(),
        _ => 0,
    }
}
