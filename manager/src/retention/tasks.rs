//! Finished tasks, by age and by number.

use lp_protocol::Stage;

use super::Error;
use super::collector::{Gone, Mode, Pass, STEP};
use super::policy::ago;
use crate::engine;
use crate::store::{Ended, Expiry, Place};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TasksGone {
    pub(super) gone: Gone,
    /// Of the bytes, those in the blob store.
    pub(super) archived_bytes: u64,
}

impl Pass<'_> {
    /// Which tasks go in this pass.
    pub(super) async fn expiry(&self) -> Result<Expiry, Error> {
        let (policy, parts) = (&self.collector.policy, &self.collector.parts);
        let now = parts.clock.now();
        let below = match policy.keep_tasks_count {
            Some(count) => parts.store.find_oldest_of_latest(count).await?,
            None => None,
        };
        Ok(Expiry { ended_before: policy.keep_tasks.and_then(|keep| ago(now, keep)), below })
    }

    pub(super) async fn collect_tasks(&mut self, expiry: Expiry) -> Result<TasksGone, Error> {
        let mut total = TasksGone::default();
        let store = &self.collector.parts.store;
        if let Some(before) = expiry.ended_before {
            let mut after = Place::default();
            while self.goes_on() {
                let step = store.list_ended_before(before, after, STEP).await?;
                let Some(last) = step.last() else { break };
                after = last.place;
                self.take_tasks(&step, &mut total).await?;
            }
        }
        let mut after = Place::default();
        while expiry.below.is_some() && self.goes_on() {
            let step = store.list_below(expiry, after, STEP).await?;
            let Some(last) = step.last() else { break };
            after = last.place;
            self.take_tasks(&step, &mut total).await?;
        }
        Ok(total)
    }

    async fn take_tasks(&mut self, step: &[Ended], total: &mut TasksGone) -> Result<(), Error> {
        let removed = match self.mode {
            Mode::Preview => vec![true; step.len()],
            Mode::Remove => self.remove_tasks(step).await?,
        };
        for (task, _) in step.iter().zip(removed).filter(|(_, removed)| *removed) {
            total.gone.count += 1;
            total.gone.bytes += task.log_bytes;
            total.archived_bytes += task.archived_bytes;
        }
        Ok(())
    }

    /// Deletes them as a person would, all in one batch of the engine. Says of each whether it is gone: one that was run again in between is not.
    async fn remove_tasks(&mut self, step: &[Ended]) -> Result<Vec<bool>, Error> {
        let mut deletions = Vec::with_capacity(step.len());
        for task in step {
            debug_assert_eq!(task.record.stage, Stage::Finished);
            // read before: nobody knows afterwards where they are
            let kept = self.workspaces_of(&task.record).await?;
            let engine = &self.collector.parts.engine;
            deletions.push(async move {
                (engine.delete_task(task.record.task_id, kept.workspaces.clone()).await, kept)
            });
        }
        let mut removed = Vec::with_capacity(step.len());
        for (outcome, kept) in futures_util::future::join_all(deletions).await {
            match outcome {
                Ok(()) => {
                    kept.tell(&self.collector.parts.link);
                    removed.push(true);
                }
                Err(engine::Error::WrongStage { .. } | engine::Error::NoSuchTask { .. }) => {
                    removed.push(false)
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(removed)
    }
}
