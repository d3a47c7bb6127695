//! Built environments that nobody has used for long. What is deleted is built anew when it is wanted again.

use super::Error;
use super::collector::{Gone, Mode, Pass, STEP};
use super::policy::ago;
use crate::core::build::record::BuildState;
use crate::engine;

impl Pass<'_> {
    pub(super) async fn collect_builds(&mut self) -> Result<Gone, Error> {
        let Some(keep) = self.collector.policy.keep_builds else { return Ok(Gone::default()) };
        let parts = &self.collector.parts;
        let mut gone = Gone::default();
        let Some(before) = ago(parts.clock.now(), keep) else { return Ok(gone) };
        while self.goes_on() {
            let limit = if self.mode == Mode::Preview { u32::MAX } else { STEP };
            let unused = parts.store.list_unused_builds(before, limit).await?;
            let (found, gone_before) = (unused.len(), gone.count);
            for record in unused {
                let size_bytes = match &record.state {
                    BuildState::Ready { package, .. } => package.size_bytes,
                    BuildState::Building { .. } | BuildState::Later { .. } | BuildState::Failed { .. } => 0,
                };
                if self.mode == Mode::Remove {
                    let key = record.key.clone();
                    match parts.engine.delete_build(record).await {
                        Ok(()) => tracing::info!(build = key, "removed an environment that nobody uses"),
                        // wanted in this very moment
                        Err(engine::Error::Build(_) | engine::Error::BuildBusy(_)) => continue,
                        Err(error) => return Err(error.into()),
                    }
                }
                gone.count += 1;
                gone.bytes += size_bytes;
            }
            if self.mode == Mode::Preview || found < STEP as usize || gone.count == gone_before {
                break;
            }
        }
        Ok(gone)
    }
}
