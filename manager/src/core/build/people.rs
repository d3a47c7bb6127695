//! What people do with builds: another chance, and away with it.

use std::collections::BTreeSet;

use super::machine::Build;
use super::record::{BuildRecord, BuildState};
use crate::core::{Core, Now};

/// Why it cannot be done now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildBusy {
    #[error("it is being built")]
    Building,
    #[error("it is there: nothing is to be tried again")]
    Ready,
    #[error("nodes wait for it")]
    Wanted,
}

impl Core {
    /// Gives a build that has failed another chance: at once where a node waits for it, else when the next one asks. `stored` is its row.
    ///
    /// # Errors
    /// It is being built, or ready.
    pub fn retry_build(&mut self, now: Now, stored: BuildRecord) -> Result<BuildRecord, BuildBusy> {
        let key = stored.key.clone();
        let new = || Build { record: stored, waiting: BTreeSet::new(), due: None };
        let build = self.builds.open.entry(key.clone()).or_insert_with(new);
        let (node_id, error) = match &build.record.state {
            BuildState::Building { .. } => return Err(BuildBusy::Building),
            BuildState::Ready { .. } => return Err(BuildBusy::Ready),
            BuildState::Later { node_id, error, .. } | BuildState::Failed { node_id, error, .. } => {
                (*node_id, error.clone())
            }
        };
        build.record.state = BuildState::Later { node_id, retry_at: now.wall, error };
        (build.record.failures, build.record.losses) = (0, 0);
        self.touch_build(&key);
        self.begin_for_next(now, &key);
        let record = self.builds.open.get(&key).map(|build| build.record.clone());
        Ok(record.expect("it was put there above"))
    }

    /// Forgets a build. Its pack goes when nothing else is made of the same bytes.
    ///
    /// # Errors
    /// It is being built or waited for.
    pub fn delete_build(&mut self, stored: &BuildRecord) -> Result<(), BuildBusy> {
        let open = self.builds.open.get(&stored.key);
        match open.map(|build| (&build.record.state, build.waiting.is_empty())) {
            Some((BuildState::Building { .. }, _)) => return Err(BuildBusy::Building),
            Some((_, false)) => return Err(BuildBusy::Wanted),
            Some((_, true)) | None => {}
        }
        self.builds.open.remove(&stored.key);
        self.outcome.changes.builds.remove(&stored.key);
        self.outcome.changes.deleted_builds.push(stored.key.clone());
        Ok(())
    }
}
