//! Finished works, which go as a whole: a work without some of its tasks tells half a story.

use super::Error;
use super::collector::{Mode, Pass, STEP};
use super::tasks::TasksGone;
use crate::engine;
use crate::store::Expiry;

impl Pass<'_> {
    /// Removes works that have been finished for as long as tasks are kept, and counts the tasks that go with them.
    pub(super) async fn collect_works(&mut self, expiry: Expiry, total: &mut TasksGone) -> Result<(), Error> {
        let Some(before) = expiry.ended_before else { return Ok(()) };
        let parts = &self.collector.parts;
        if self.mode == Mode::Preview {
            total.gone.count += parts.store.count_tasks_of_works_ended_before(before).await?;
            return Ok(());
        }
        while self.goes_on() {
            let mut removed = 0;
            for work_id in parts.store.list_works_ended_before(before, STEP).await? {
                let tasks = parts.store.list_tasks_of_work(work_id).await?;
                let mut kept = Vec::with_capacity(tasks.len());
                for task in &tasks {
                    kept.push(self.workspaces_of(task).await?);
                }
                let unwanted = kept.iter().flat_map(|kept| kept.workspaces.clone()).collect();
                match parts.engine.delete_work(work_id, unwanted).await {
                    Ok(()) => {}
                    // it was run again in between, or one of its tasks was
                    Err(engine::Error::WorkConflict { .. } | engine::Error::NoSuchWork { .. }) => continue,
                    Err(error) => return Err(error.into()),
                }
                kept.iter().for_each(|kept| kept.tell(&parts.link));
                removed += 1;
                total.gone.count += tasks.len() as u64;
            }
            // what is left of the oldest cannot go now
            if removed == 0 {
                break;
            }
        }
        Ok(())
    }
}
