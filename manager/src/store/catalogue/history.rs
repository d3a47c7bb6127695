//! What was ever uploaded of a package: its versions, newest first, and one of them by number or place.

use std::collections::BTreeMap;

use lp_protocol::plan::Plan;
use lp_protocol::views::{Page, VersionRef, VersionView};
use lp_protocol::{AppId, VenvId, VersionId};
use sea_orm::{ConnectionTrait, FromQueryResult, QueryResult, Value};
use uuid::Uuid;

use super::packages::Kind;
use crate::store::entity::columns::unsigned;
use crate::store::entity::version;
use crate::store::page::Wanted;
use crate::store::sql::{placeholders, select_by_keys};
use crate::store::{Damage, Error, Result, Store};

/// An app or a venv.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackageId {
    App(AppId),
    Venv(VenvId),
}

impl PackageId {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::App(_) => Kind::App,
            Self::Venv(_) => Kind::Venv,
        }
    }

    pub(super) fn uuid(self) -> Uuid {
        match self {
            Self::App(app_id) => app_id.0,
            Self::Venv(venv_id) => venv_id.0,
        }
    }
}

/// A version with what is large.
#[derive(Clone, Debug)]
pub struct Detail {
    /// Name of the package.
    pub name: String,
    pub version: VersionView,
    /// Tasks that are not finished and use it.
    pub open_tasks: u64,
    /// Plan and manifest of an app's version.
    pub program: Option<(Plan, String)>,
}

impl Store {
    /// The versions of a living package, newest first.
    ///
    /// # Errors
    /// `NotFound` where there is no such package, `Invalid` for a cursor that no page gave.
    pub async fn list_versions(
        &self,
        package: PackageId,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<VersionView>> {
        let rows = Wanted::below("v.version_id", cursor, limit)?;
        if self.find_package(package.kind(), package.uuid()).await?.is_none() {
            return Err(Error::not_found(package.kind().as_str(), package.uuid()));
        }
        let found = self.select_versions(&self.read, package, &rows.tail(), rows.values()).await?;
        let mut page = rows.page(found.into_iter().map(|version| (version.version_id, version)).collect());
        self.name_uploaders(page.items.iter_mut()).await?;
        Ok(page)
    }

    /// A version of a living package, without what is large.
    ///
    /// # Errors
    /// `NotFound` where there is no such package, or no such version of it.
    pub async fn find_version_of(&self, package: PackageId, which: VersionRef) -> Result<VersionView> {
        let found = self.find_package(package.kind(), package.uuid()).await?;
        let found = found.ok_or_else(|| Error::not_found(package.kind().as_str(), package.uuid()))?;
        let mut version = self.find_version_in(&self.read, package, &found.name, which).await?;
        self.name_uploaders([&mut version]).await?;
        Ok(version)
    }

    /// A version of a living package with all that is known of it.
    ///
    /// # Errors
    /// As for [`Store::find_version_of`].
    pub async fn load_version(&self, package: PackageId, which: VersionRef) -> Result<Detail> {
        let version = self.find_version_of(package, which).await?;
        let found = self.find_package(package.kind(), package.uuid()).await?;
        let name = found.map(|found| found.name).unwrap_or_default();
        let open_tasks = self.count_tasks_of_version(&self.read, package, &name, &version).await?;
        let program = match package {
            PackageId::App(_) => Some(self.load_program(version.version_id).await?),
            PackageId::Venv(_) => None,
        };
        Ok(Detail { name, version, open_tasks, program })
    }

    /// The numbers of versions within their packages, also of deleted ones.
    pub async fn load_version_numbers(&self, versions: &[VersionId]) -> Result<BTreeMap<VersionId, u32>> {
        let keys: Vec<[Value; 1]> = versions.iter().map(|version| [(*version).into()]).collect();
        let sql = "SELECT version_id, number FROM versions WHERE version_id IN ({keys})";
        let mut numbers = BTreeMap::new();
        for row in select_by_keys(&self.read, sql, &keys).await? {
            let version: VersionId = row.try_get_by_index(0)?;
            let number = unsigned("number", row.try_get_by_index(1)?);
            numbers.insert(version, number.map_err(|damage| damage.of("versions", version))?);
        }
        Ok(numbers)
    }

    pub(in crate::store) async fn find_version_in(
        &self,
        connection: &impl ConnectionTrait,
        package: PackageId,
        name: &str,
        which: VersionRef,
    ) -> Result<VersionView> {
        let (tail, values): (&str, Vec<Value>) = match which {
            VersionRef::Number(number) => ("v.number = ?", vec![i64::from(number).into()]),
            VersionRef::Active => ("v.version_id = p.version_id", vec![]),
            VersionRef::Previous => (
                "v.version_id <> p.version_id ORDER BY COALESCE(v.activate_at, v.create_at) DESC, v.version_id DESC LIMIT 1",
                vec![],
            ),
        };
        let found = self.select_versions(connection, package, tail, values).await?;
        found.into_iter().next().ok_or_else(|| Error::not_found("version", format!("{name}@{which}")))
    }

    /// Versions of a living package that were not deleted.
    pub(super) async fn select_versions(
        &self,
        connection: &impl ConnectionTrait,
        package: PackageId,
        tail: &str,
        values: Vec<Value>,
    ) -> Result<Vec<VersionView>> {
        let sql = format!(
            "SELECT {} FROM versions v JOIN packages p ON p.package_id = v.package_id \
             WHERE v.package_id = ? AND p.kind = '{}' AND p.delete_at IS NULL AND v.delete_at IS NULL AND {tail}",
            version::SUMMARY,
            package.kind().as_str()
        );
        let values: Vec<Value> = [package.uuid().into()].into_iter().chain(values).collect();
        let rows = connection.query_all_raw(self.statement(placeholders(self.backend, &sql), values)).await?;
        rows.iter().map(|row| read(row).map_err(|damage| damage.of("versions", id_of(row)))).collect()
    }

    /// Puts the names of tokens where the rows have their ids; a token that is gone stays an id.
    pub(super) async fn name_uploaders<'a>(
        &self,
        versions: impl IntoIterator<Item = &'a mut VersionView>,
    ) -> Result<()> {
        let names = self.list_token_names().await?;
        for version in versions {
            if let Some(name) = names.get(&version.create_by) {
                version.create_by.clone_from(name);
            }
        }
        Ok(())
    }
}

fn read(row: &QueryResult) -> Result<VersionView, Damage> {
    version::Summary::from_query_result(row, "").map_err(Damage::Column)?.try_into()
}

fn id_of(row: &QueryResult) -> String {
    row.try_get::<i64>("", "version_id").map_or_else(|_| "?".to_owned(), |id| id.to_string())
}
