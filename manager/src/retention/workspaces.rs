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
        let mut count = 0;
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
                    // noted durably: a node that is away is told when it is back
                    parts.engine.give_up_workspaces(kept.workspaces.clone()).await?;
                    kept.tell(&parts.link);
                }
            }
            if self.mode == Mode::Remove {
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
}
