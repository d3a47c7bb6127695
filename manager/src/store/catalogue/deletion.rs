//! Deleting a version: its archive becomes free, its row stays where tasks may tell of it.

use chrono::{DateTime, Utc};
use lp_protocol::VersionId;
use lp_protocol::views::{VersionRef, VersionView};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::history::PackageId;
use crate::store::entity::columns::{to_micros, unsigned};
use crate::store::sql::placeholders;
use crate::store::{Epoch, Error, Result, Store};

impl Store {
    /// Deletes a version that nothing uses.
    ///
    /// # Errors
    /// `NotFound`, and `VersionInUse` where it is active or used by anything unfinished.
    pub async fn delete_version(
        &self,
        epoch: Epoch,
        package: PackageId,
        which: VersionRef,
        now: DateTime<Utc>,
    ) -> Result<VersionView> {
        let (kind, id) = (package.kind(), package.uuid());
        let transaction = self.begin(epoch).await?;
        self.lock_package(&transaction, id).await?;
        let found = self.find_package_in(&transaction, kind, id).await?;
        let found = found.ok_or_else(|| Error::not_found(kind.as_str(), id))?;
        let version = self.find_version_in(&transaction, package, &found.name, which).await?;
        if let Some(reason) = self.find_use_of(&transaction, package, &found.name, &version).await? {
            let (what, number) = (kind.as_str(), version.number);
            return Err(Error::VersionInUse { what, name: found.name, number, reason });
        }
        self.drop_version(&transaction, package, &version, now).await?;
        transaction.commit().await?;
        Ok(version)
    }

    /// The number of a version whose archive may be gone, because it was deleted.
    pub async fn find_deleted_number(&self, version: VersionId) -> Result<Option<u32>> {
        let sql = "SELECT number FROM versions WHERE version_id = ? AND delete_at IS NOT NULL";
        let statement = self.statement(placeholders(self.backend, sql), [version.into()]);
        let Some(row) = self.read.query_one_raw(statement).await? else { return Ok(None) };
        let number = unsigned("number", row.try_get_by_index(0)?);
        Ok(Some(number.map_err(|damage| damage.of("versions", version))?))
    }

    async fn drop_version(
        &self,
        transaction: &DatabaseTransaction,
        package: PackageId,
        version: &VersionView,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let (sql, values) = match package {
            // its plan is what the history of its tasks is told with; the manifest has served its turn
            PackageId::App(_) => (
                "UPDATE versions SET delete_at = ?, manifest = NULL WHERE version_id = ?",
                vec![to_micros(now).into(), version.version_id.into()],
            ),
            PackageId::Venv(_) => {
                ("DELETE FROM versions WHERE version_id = ?", vec![version.version_id.into()])
            }
        };
        transaction.execute_raw(self.statement(placeholders(self.backend, sql), values)).await?;
        Ok(())
    }
}
