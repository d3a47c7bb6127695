//! Workspaces of finished tasks, by age. Nodes are told; what they had is theirs to free.

use std::sync::Arc;

use super::Error;
use super::collector::{Mode, Pass, STEP};
use super::policy::ago;
use crate::core::record::TaskRecord;
use crate::http::Kept;
use crate::store::{Expiry, Place, Through};

impl Pass<'_> {
    /// Returns how many.
    pub(super) async fn collect_workspaces(&mut self, expiry: Expiry) -> Result<u64, Error> {
        let parts = &self.collector.parts;
        let keep = self.collector.policy.keep_workspaces;
        let Some(before) = keep.and_then(|keep| ago(parts.clock.now(), keep)) else { return Ok(0) };
        let mut after: Place = parts.store.load_through(Through::Workspaces).await?;
        // of what lies before, all is gone; a node that was away keeps the place where it is
        let (mut count, mut all_gone) = (0, true);
        while self.goes_on() {
            let step = parts.store.list_ended(expiry, after, STEP).await?;
            let old = step.iter().take_while(|task| task.record.end_at.is_some_and(|end| end < before));
            let old: Vec<_> = old.collect();
            let Some(last) = old.last() else { break };
            after = last.place;
            for task in &old {
                let kept = self.workspaces_of(&task.record).await?;
                count += kept.workspaces.len() as u64;
                if self.mode == Mode::Remove && !kept.workspaces.is_empty() {
                    let away = self.delete_workspaces(&kept).await?;
                    count -= away;
                    all_gone &= away == 0;
                }
            }
            if self.mode == Mode::Remove && all_gone {
                parts.store.note_through(parts.engine.epoch()?, Through::Workspaces, after).await?;
            }
            if old.len() < step.len() {
                break;
            }
        }
        Ok(count)
    }

    pub(super) async fn workspaces_of(&self, record: &TaskRecord) -> Result<Kept, Error> {
        let store = &self.collector.parts.store;
        let version = store.find_version(record.version_id).await?;
        // without its plan nobody knows the names of its actions, and it must not keep all the others
        let Some(mut plan) = version.map(|version| version.plan) else {
            return Ok(Kept { record: record.clone(), workspaces: Vec::new() });
        };
        let attempts = store.list_attempts_with_workspace(record.seq).await?;
        let generated = store.list_generated(record.seq).await?;
        if !generated.is_empty() {
            Arc::make_mut(&mut plan).add_generated(generated);
        }
        Ok(Kept::of(record.clone(), &plan, &attempts))
    }

    /// Returns the number of those that are on nodes that cannot be told now.
    pub(super) async fn delete_workspaces(&self, kept: &Kept) -> Result<u64, Error> {
        let parts = &self.collector.parts;
        let away = kept.delete_through(&parts.link, &parts.store, parts.engine.epoch()?).await?;
        Ok(kept.workspaces.iter().filter(|(node_id, _)| away.contains(node_id)).count() as u64)
    }
}
