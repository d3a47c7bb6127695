//! Versions: what was uploaded, once and for all.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lp_protocol::frames::PackageRef;
use lp_protocol::plan::Plan;
use lp_protocol::{AppId, DigestHex, VersionId};
use sea_orm::{ActiveValue, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryResult, Value};
use uuid::Uuid;

use super::numbers;
use crate::store::entity::columns::{to_micros, to_signed, unsigned};
use crate::store::entity::version::{ActiveModel, Entity};
use crate::store::load::read_plan;
use crate::store::sql::{clean, placeholders, select_by_keys};
use crate::store::{Damage, Error, Result, Store};

/// An archive that lies in the blob store already.
#[derive(Clone, Debug)]
pub struct NewVersion {
    pub digest: DigestHex,
    pub sha1: String,
    pub size_bytes: u64,
    /// `tar.gz`, `tar`, `tar.zst` or `zip`.
    pub format: String,
    pub description: String,
    /// Who uploaded it.
    pub create_by: String,
    /// None for a venv.
    pub program: Option<Program>,
}

/// What the archive of an app says it does.
#[derive(Clone, Debug)]
pub struct Program {
    pub plan: Plan,
    /// As it was uploaded.
    pub manifest: String,
    pub warnings: Vec<String>,
}

/// What is known about an app's version beside its id; never changes but for the app's name.
#[derive(Clone, Debug)]
pub struct VersionInfo {
    pub app_id: AppId,
    pub app_name: String,
    pub package: PackageRef,
    pub plan: Arc<Plan>,
}

impl Store {
    /// The app's version with this number, whether it is the active one or not.
    pub async fn find_version(&self, version: VersionId) -> Result<Option<VersionInfo>> {
        let sql = "SELECT p.package_id, p.name, v.digest, v.size_bytes, v.plan \
                   FROM versions v JOIN packages p ON p.package_id = v.package_id \
                   WHERE v.version_id = ? AND p.kind = 'app'";
        let statement = self.statement(placeholders(self.backend, sql), [version.into()]);
        let row = self.read.query_one_raw(statement).await?;
        row.map(|row| read_info(&row).map_err(|damage| damage.of("versions", version))).transpose()
    }

    /// The archives of these versions, of apps and venvs.
    pub async fn load_version_packages(
        &self,
        versions: &[VersionId],
    ) -> Result<BTreeMap<VersionId, PackageRef>> {
        let keys: Vec<[Value; 1]> = versions.iter().map(|version| [(*version).into()]).collect();
        let sql = "SELECT version_id, digest, size_bytes FROM versions WHERE version_id IN ({keys})";
        let mut packages = BTreeMap::new();
        for row in select_by_keys(&self.read, sql, &keys).await? {
            let version: VersionId = row.try_get_by_index(0)?;
            let size_bytes = unsigned("size_bytes", row.try_get_by_index(2)?);
            let size_bytes = size_bytes.map_err(|damage| damage.of("versions", version))?;
            packages.insert(version, PackageRef { digest: row.try_get_by_index(1)?, size_bytes });
        }
        Ok(packages)
    }

    /// The plan and the manifest of an app's version.
    pub(super) async fn load_program(&self, version: VersionId) -> Result<(Plan, String)> {
        let damaged = |damage: Damage| damage.of("versions", version);
        let sql = placeholders(self.backend, "SELECT plan, manifest FROM versions WHERE version_id = ?");
        let row = self.read.query_one_raw(self.statement(sql, [version.into()])).await?;
        let row = row.ok_or_else(|| Error::not_found("version", version))?;
        let manifest = row.try_get("", "manifest").map_err(Damage::Column).map_err(damaged)?;
        Ok((read_plan(&row).map_err(damaged)?, manifest))
    }
}

impl NewVersion {
    /// Inserts it as the active version and returns its id.
    pub(super) async fn insert(
        self,
        transaction: &DatabaseTransaction,
        package_id: Uuid,
        create_at: DateTime<Utc>,
    ) -> Result<VersionId> {
        let NewVersion { digest, sha1, size_bytes, format, description, create_by, program } = self;
        let number = numbers::next(transaction, package_id).await?;
        let activate_at = numbers::activation(transaction, package_id, create_at).await?;
        let (plan, manifest, warnings) = match program {
            Some(Program { plan, manifest, warnings }) => {
                let plan = serde_json::to_string(&plan).expect("a plan is plain data");
                (Some(plan), Some(clean(&manifest)), warnings)
            }
            None => (None, None, Vec::new()),
        };
        let row = ActiveModel {
            version_id: ActiveValue::NotSet,
            package_id: ActiveValue::Set(package_id),
            digest: ActiveValue::Set(digest),
            sha1: ActiveValue::Set(sha1),
            size_bytes: ActiveValue::Set(to_signed(size_bytes)),
            format: ActiveValue::Set(format),
            description: ActiveValue::Set(clean(&description)),
            create_at: ActiveValue::Set(to_micros(create_at)),
            create_by: ActiveValue::Set(clean(&create_by)),
            warnings: ActiveValue::Set(serde_json::to_string(&warnings).expect("sentences are plain data")),
            plan: ActiveValue::Set(plan),
            manifest: ActiveValue::Set(manifest),
            number: ActiveValue::Set(number),
            activate_at: ActiveValue::Set(Some(activate_at)),
            delete_at: ActiveValue::Set(None),
        };
        Ok(Entity::insert(row).exec(transaction).await?.last_insert_id)
    }
}

fn read_info(row: &QueryResult) -> Result<VersionInfo, Damage> {
    let size_bytes = row.try_get("", "size_bytes").map_err(Damage::Column)?;
    Ok(VersionInfo {
        app_id: AppId(row.try_get("", "package_id").map_err(Damage::Column)?),
        app_name: row.try_get("", "name").map_err(Damage::Column)?,
        package: PackageRef {
            digest: row.try_get("", "digest").map_err(Damage::Column)?,
            size_bytes: unsigned("size_bytes", size_bytes)?,
        },
        plan: Arc::new(read_plan(row)?),
    })
}
