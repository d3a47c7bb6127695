//! Archives that nobody refers to, by the age of the last upload.

use std::time::Duration;

use super::Error;
use super::collector::{Gone, Mode, Parts, Pass};
use crate::blobs::{Key, Scan};

impl Pass<'_> {
    pub(super) async fn collect_packages(&mut self) -> Result<Gone, Error> {
        let collector = self.collector;
        let mode = self.mode;
        let keep = collector.policy.keep_orphans;
        sweep(&collector.parts, keep, mode, || self.goes_on()).await
    }
}

/// Walks over all archives, a directory of them at a time for as long as `goes_on` says so.
pub(crate) async fn sweep(
    parts: &Parts,
    keep: Duration,
    mode: Mode,
    mut goes_on: impl FnMut() -> bool,
) -> Result<Gone, Error> {
    let (mut scan, mut gone) = (Scan::default(), Gone::default());
    while goes_on() {
        let Some(aged) = parts.blobs.aged_packages(&mut scan, keep).await? else { break };
        let names: Vec<String> = aged.iter().map(ToString::to_string).collect();
        let used = parts.store.digests_in_use(&names).await?;
        for (digest, name) in aged.iter().zip(&names).filter(|(_, name)| !used.contains(*name)) {
            let size_bytes = parts.blobs.open_blob(&Key::package(digest)).await?.size_bytes;
            if mode == Mode::Remove {
                if !parts.blobs.delete_aged(digest, keep).await? {
                    continue;
                }
                tracing::info!(digest = name, "removed a package nobody refers to");
            }
            gone.count += 1;
            gone.bytes += size_bytes;
        }
    }
    Ok(gone)
}
