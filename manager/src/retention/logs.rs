//! Logs of finished tasks that stay, by age and by size in all. The oldest go first.

use super::Error;
use super::collector::{Gone, Mode, Pass, STEP};
use super::policy::ago;
use crate::store::{Ended, Expiry, Place, Through};

impl Pass<'_> {
    /// `archived_with_tasks` is what a preview has found to go with tasks: a removal has already removed it.
    pub(super) async fn collect_logs(
        &mut self,
        expiry: Expiry,
        archived_with_tasks: u64,
    ) -> Result<Gone, Error> {
        let (parts, policy) = (&self.collector.parts, &self.collector.policy);
        let before = policy.keep_logs.and_then(|keep| ago(parts.clock.now(), keep));
        let mut over = match policy.keep_logs_size {
            Some(size) => {
                let archived = parts.store.sum_archived_logs().await?;
                let counted_twice = if self.mode == Mode::Preview { archived_with_tasks } else { 0 };
                archived.saturating_sub(counted_twice).saturating_sub(size)
            }
            None => 0,
        };
        let mut gone = Gone::default();
        if before.is_none() && over == 0 {
            return Ok(gone);
        }
        let mut after: Place = parts.store.load_through(Through::Logs).await?;
        while self.goes_on() {
            let step = parts.store.list_ended(expiry, after, STEP).await?;
            let mut going: Vec<&Ended> = Vec::with_capacity(step.len());
            for task in &step {
                let is_old = before.is_some_and(|before| task.record.end_at.is_some_and(|end| end < before));
                if !is_old && over == 0 {
                    break;
                }
                over = over.saturating_sub(task.archived_bytes);
                going.push(task);
            }
            let Some(last) = going.last() else { break };
            after = last.place;
            if self.mode == Mode::Remove {
                let tasks: Vec<_> =
                    going.iter().filter(|task| task.logs > 0).map(|task| task.record.seq).collect();
                if !tasks.is_empty() {
                    parts.store.remove_logs(parts.engine.epoch()?, &tasks).await?;
                }
                parts.store.note_through(parts.engine.epoch()?, Through::Logs, after).await?;
            }
            gone.count += going.iter().map(|task| task.logs).sum::<u64>();
            gone.bytes += going.iter().map(|task| task.log_bytes).sum::<u64>();
            if going.len() < step.len() {
                break;
            }
        }
        Ok(gone)
    }
}
