//! Which version of a package new tasks run.

use chrono::{DateTime, Utc};
use lp_protocol::views::{VersionRef, VersionView};
use sea_orm::ConnectionTrait;

use super::history::PackageId;
use super::numbers;
use super::packages::set;
use crate::store::entity::columns::to_micros;
use crate::store::entity::package::Column;
use crate::store::sql::placeholders;
use crate::store::{Epoch, Error, Result, Store};

impl Store {
    /// Makes a version the active one. Where it is that already, nothing is written.
    ///
    /// # Errors
    /// `NotFound` where there is no such package, or no such version of it.
    pub async fn activate_version(
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
        if version.active {
            transaction.rollback().await?;
            return self.find_version_of(package, which).await;
        }
        let activate_at = numbers::activation(&transaction, id, now).await?;
        let sql = placeholders(self.backend, "UPDATE versions SET activate_at = ? WHERE version_id = ?");
        let values = [activate_at.into(), version.version_id.into()];
        transaction.execute_raw(self.statement(sql, values)).await?;
        set(&transaction, id, Column::VersionId, version.version_id).await?;
        set(&transaction, id, Column::UpdateAt, to_micros(now)).await?;
        transaction.commit().await?;
        self.find_version_of(package, VersionRef::Number(version.number)).await
    }
}
