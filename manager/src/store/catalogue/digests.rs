//! Which archives of the blob store anybody still needs.

use std::collections::BTreeSet;

use lp_protocol::DigestHex;
use sea_orm::Value;

use crate::store::sql::select_by_keys;
use crate::store::{Result, Store};

impl Store {
    /// Those of the digests that a version of a living package has which was not deleted itself, or one that an open task is pinned to.
    pub async fn digests_in_use(&self, digests: &[DigestHex]) -> Result<BTreeSet<DigestHex>> {
        let keys: Vec<[Value; 1]> = digests.iter().map(|digest| [digest.as_str().into()]).collect();
        let sql = "SELECT DISTINCT v.digest FROM versions v JOIN packages p ON p.package_id = v.package_id \
                   WHERE v.digest IN ({keys}) AND ((p.delete_at IS NULL AND v.delete_at IS NULL) OR EXISTS (\
                   SELECT 1 FROM tasks t WHERE t.app_id = p.package_id AND t.state IN (1, 2, 3) \
                   AND t.version_id = v.version_id))";
        let mut used = self.digests_of_builds(digests).await?;
        for row in select_by_keys(&self.read, sql, &keys).await? {
            used.insert(row.try_get_by_index(0)?);
        }
        Ok(used)
    }

    pub async fn is_digest_in_use(&self, digest: &DigestHex) -> Result<bool> {
        Ok(!self.digests_in_use(std::slice::from_ref(digest)).await?.is_empty())
    }
}
