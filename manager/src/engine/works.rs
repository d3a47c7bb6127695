//! Works at the engine's door, and the requests that need something from the store.

use std::collections::HashMap;
use std::time::Duration;

use lp_protocol::WorkId;
use lp_protocol::views::WhyAction;

use super::handle::{Answer, Engine, Error, Request};
use super::requests::Batch;
use crate::core::Finished;
use crate::core::record::{StopRequest, TaskRecord, TaskSeq, Unwanted};
use crate::core::work::{FinishedWork, NewWorkRequest, WorkRecord, WorkRefusal};
use crate::store::{self, Store};

/// What is asked of a work that is finished, or waited for.
pub(super) enum WorkRequest {
    Rerun { work_id: WorkId, answer: Answer<WorkRecord> },
    Recover { work_id: WorkId, by: String, answer: Answer<WorkRecord> },
    Delete { work_id: WorkId, unwanted: Vec<Unwanted>, answer: Answer<()> },
    Wait { work_id: WorkId, answer: Answer<()> },
}

/// What the store was asked for on behalf of the requests of a batch.
#[derive(Default)]
pub(super) struct KnownWorks {
    finished: HashMap<WorkId, Result<FinishedWork, Error>>,
    /// By work, its tasks that did not succeed in the present run.
    failed: HashMap<WorkId, Vec<Finished>>,
    stored: HashMap<WorkId, (WorkRecord, Vec<TaskRecord>)>,
}

impl Engine {
    /// Makes a work and the tasks it begins with.
    pub async fn create_work(&self, request: NewWorkRequest) -> Result<WorkRecord, Error> {
        self.apply(move |core, now| Ok(core.create_work(now, request))).await
    }

    /// Asks a work to stop; the answer shows it stopping, or finished where nothing of it ran.
    pub async fn stop_work(
        &self,
        work_id: WorkId,
        stop: StopRequest,
        by: String,
    ) -> Result<WorkRecord, Error> {
        self.apply(move |core, now| {
            core.stop_work(now, work_id, stop, &by).map_err(|refusal| refused(work_id, refusal))
        })
        .await
    }

    /// Runs a finished work again, from the beginning, under its own id.
    pub async fn rerun_work(&self, work_id: WorkId) -> Result<WorkRecord, Error> {
        self.ask(|answer| Request::Work(WorkRequest::Rerun { work_id, answer })).await
    }

    /// Runs again what did not succeed.
    pub async fn recover_work(&self, work_id: WorkId, by: String) -> Result<WorkRecord, Error> {
        self.ask(|answer| Request::Work(WorkRequest::Recover { work_id, by, answer })).await
    }

    /// Forgets a finished work with its tasks; what `unwanted` lists, their workspaces, is to go with them.
    pub async fn delete_work(&self, work_id: WorkId, unwanted: Vec<Unwanted>) -> Result<(), Error> {
        self.ask(|answer| Request::Work(WorkRequest::Delete { work_id, unwanted, answer })).await
    }

    /// Returns when the work is finished and committed, is not open, or `timeout` has passed; read the store then.
    pub async fn wait_work(&self, work_id: WorkId, timeout: Duration) -> Result<(), Error> {
        let finished = self.ask(|answer| Request::Work(WorkRequest::Wait { work_id, answer }));
        tokio::time::timeout(timeout, finished).await.unwrap_or(Ok(()))
    }

    /// Says of each unfinished application what it waits for; None where the work is not open.
    pub async fn why_work(&self, work_id: WorkId) -> Result<Option<Vec<WhyAction>>, Error> {
        self.apply(move |core, now| Ok(core.why_work(now, work_id))).await
    }
}

impl WorkRequest {
    /// Answers with an error.
    pub(super) fn refuse(self, error: Error) {
        match self {
            WorkRequest::Rerun { answer, .. } | WorkRequest::Recover { answer, .. } => {
                let _caller_gone = answer.send(Err(error));
            }
            WorkRequest::Delete { answer, .. } | WorkRequest::Wait { answer, .. } => {
                let _caller_gone = answer.send(Err(error));
            }
        }
    }
}

impl KnownWorks {
    /// Reads what the request needs.
    pub(super) async fn read(&mut self, store: &Store, request: &WorkRequest) -> store::Result<()> {
        match request {
            WorkRequest::Rerun { work_id, .. } => {
                self.read_finished(store, *work_id).await?;
            }
            WorkRequest::Recover { work_id, .. } => {
                self.read_finished(store, *work_id).await?;
                self.read_failed(store, *work_id).await?;
            }
            WorkRequest::Delete { work_id, .. } => {
                if let Some(record) = store.find_work_record(*work_id).await? {
                    let tasks = store.list_tasks_of_work(*work_id).await?;
                    self.stored.insert(*work_id, (record, tasks));
                }
            }
            WorkRequest::Wait { .. } => {}
        }
        Ok(())
    }

    /// The tasks that a recover would open again.
    pub(super) fn reopened(&self) -> impl Iterator<Item = TaskSeq> + '_ {
        self.failed.values().flatten().map(|task| task.record.seq)
    }

    async fn read_finished(&mut self, store: &Store, work_id: WorkId) -> store::Result<()> {
        let finished = match store.load_finished_work(work_id).await {
            Ok(finished) => Ok(finished),
            Err(store::Error::NotFound { what: "work", .. }) => Err(Error::NoSuchWork { work_id }),
            Err(store::Error::NotFound { name, .. }) => Err(Error::AppGone { app: name }),
            Err(error) => return Err(error),
        };
        self.finished.insert(work_id, finished);
        Ok(())
    }

    async fn read_failed(&mut self, store: &Store, work_id: WorkId) -> store::Result<()> {
        let Some(Ok(work)) = self.finished.get(&work_id) else { return Ok(()) };
        let mut failed = Vec::new();
        for task in work.tasks.iter().filter(|task| work.wants_recovery(task)) {
            match store.load_finished(task.task_id).await {
                Ok(task) => failed.push(task),
                // deleted this very moment: the work's versions were there
                Err(store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.failed.insert(work_id, failed);
        Ok(())
    }
}

impl Batch<'_> {
    pub(super) fn handle_work(&mut self, request: WorkRequest) {
        let now = self.now;
        match request {
            WorkRequest::Rerun { work_id, answer } => {
                let found = self.known.works.finished.get(&work_id).cloned();
                let rerun = found.unwrap_or(Err(Error::NoSuchWork { work_id })).and_then(|work| {
                    self.turn.core.rerun_work(now, work).map_err(|refusal| refused(work_id, refusal))
                });
                self.reply(answer, rerun);
            }
            WorkRequest::Recover { work_id, by, answer } => {
                let found = self.known.works.finished.get(&work_id).cloned();
                let failed = self.known.works.failed.get(&work_id).cloned().unwrap_or_default();
                let recovered = found.unwrap_or(Err(Error::NoSuchWork { work_id })).and_then(|work| {
                    let recovered = self.turn.core.recover_work(now, work, failed, &by);
                    recovered.map_err(|refusal| refused(work_id, refusal))
                });
                self.reply(answer, recovered);
            }
            WorkRequest::Delete { work_id, unwanted, answer } => {
                let deleted = match self.known.works.stored.get(&work_id) {
                    None => Err(Error::NoSuchWork { work_id }),
                    Some((record, tasks)) => {
                        let deleted = self.turn.core.delete_work(record, tasks);
                        if deleted.is_ok() {
                            self.turn.core.give_up_workspaces(unwanted);
                        }
                        deleted.map_err(|refusal| refused(work_id, refusal))
                    }
                };
                self.reply(answer, deleted);
            }
            WorkRequest::Wait { work_id, answer } => {
                if self.turn.core.is_work_open(work_id) {
                    self.turn.work_waiters.add(work_id, vec![answer]);
                } else {
                    self.reply(answer, Ok(()));
                }
            }
        }
    }
}

/// Those who wait for the end of a work.
#[derive(Default)]
pub(super) struct WorkWaiters(HashMap<WorkId, Vec<Answer<()>>>);

impl WorkWaiters {
    pub(super) fn add(&mut self, work_id: WorkId, answers: Vec<Answer<()>>) {
        let waiting = self.0.entry(work_id).or_default();
        // those who gave up waiting are not kept
        waiting.retain(|answer| !answer.is_closed());
        waiting.extend(answers);
    }

    /// Answers those whose work is not open any more.
    pub(super) fn release(&mut self, is_open: impl Fn(WorkId) -> bool) {
        let finished: Vec<WorkId> = self.0.keys().copied().filter(|work_id| !is_open(*work_id)).collect();
        for work_id in finished {
            self.release_one(work_id);
        }
    }

    pub(super) fn release_one(&mut self, work_id: WorkId) {
        for answer in self.0.remove(&work_id).into_iter().flatten() {
            let _caller_gone = answer.send(Ok(()));
        }
    }
}

fn refused(work_id: WorkId, refusal: WorkRefusal) -> Error {
    let conflict = |reason: String| Error::WorkConflict { work_id, reason };
    match refusal {
        WorkRefusal::NotOpen => conflict("is finished; only one that is not can be stopped".to_owned()),
        WorkRefusal::StillOpen(stage) => {
            conflict(format!("is {stage}; wait until it has finished, or stop it first"))
        }
        WorkRefusal::HasSucceeded => {
            conflict("has succeeded; there is nothing to recover, but it can be run again".to_owned())
        }
        WorkRefusal::TaskOpen(task_id) => conflict(format!(
            "has the task `{task_id}`, which is not finished; wait until it has, or stop it"
        )),
        WorkRefusal::Changed => {
            Error::Unavailable { reason: "the work was changed at the same moment".to_owned() }
        }
    }
}
