//! Versions of applications and venvs, by number.

use std::collections::{BTreeMap, BTreeSet};

use lp_protocol::views::VersionRef;
use lp_protocol::{DigestHex, VersionId};

use super::Error;
use super::collector::{Gone, Mode, Pass, STEP};
use crate::store::{self, Surplus};

impl Pass<'_> {
    pub(super) async fn collect_versions(&mut self) -> Result<Gone, Error> {
        let Some(keep) = self.collector.policy.keep_versions else { return Ok(Gone::default()) };
        let parts = &self.collector.parts;
        let mut removed: BTreeSet<VersionId> = BTreeSet::new();
        let mut archives: BTreeMap<DigestHex, u64> = BTreeMap::new();
        let mut after = 0;
        while self.goes_on() {
            let (surplus, next) = parts.store.list_surplus_versions(keep, after, STEP).await?;
            for Surplus { package, name, version } in surplus {
                if self.mode == Mode::Remove {
                    let (epoch, which) = (parts.engine.epoch()?, VersionRef::Number(version.number));
                    match parts.store.delete_version(epoch, package, which, parts.clock.now()).await {
                        Ok(_) => {}
                        // activated, taken into use or deleted in this moment
                        Err(store::Error::VersionInUse { .. } | store::Error::NotFound { .. }) => continue,
                        Err(error) => return Err(error.into()),
                    }
                    tracing::info!(package = name, version = version.number, "removed an old version");
                }
                removed.insert(version.version_id);
                archives.insert(version.digest, version.size_bytes);
            }
            match next {
                Some(next) => after = next,
                None => break,
            }
        }
        Ok(Gone { count: removed.len() as u64, bytes: self.bytes_free(&removed, archives).await? })
    }

    /// Bytes of the archives that no other version has. The sweep of packages frees them when they are old enough.
    async fn bytes_free(
        &self,
        removed: &BTreeSet<VersionId>,
        mut archives: BTreeMap<DigestHex, u64>,
    ) -> Result<u64, Error> {
        let digests: Vec<DigestHex> = archives.keys().cloned().collect();
        for (digest, version_id) in self.collector.parts.store.list_versions_with(&digests).await? {
            if !removed.contains(&version_id) {
                archives.remove(&digest);
            }
        }
        Ok(archives.values().sum())
    }
}
