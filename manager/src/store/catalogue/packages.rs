//! What apps and venvs have in common.

use chrono::{DateTime, Utc};
use lp_protocol::views::{Page, VersionView};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, FromQueryResult,
    QueryFilter, QueryResult, Value,
};
use uuid::Uuid;

use super::NewVersion;
use crate::store::entity::columns::{time, to_micros};
use crate::store::entity::package::{ActiveModel, Column, Entity};
use crate::store::entity::version;
use crate::store::error::is_duplicate;
use crate::store::page::Wanted;
use crate::store::resolve::prefix_range;
use crate::store::sql::{clean, placeholders};
use crate::store::{Damage, Epoch, Error, Result, Store};

/// What a package is, as the column `kind` and as people say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    App,
    Venv,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Kind::App => "app",
            Kind::Venv => "venv",
        }
    }
}

#[derive(Clone, Debug)]
pub struct NewPackage {
    pub name: String,
    pub description: String,
    pub version: NewVersion,
    pub create_at: DateTime<Utc>,
}

/// None: stays as it is.
#[derive(Clone, Debug)]
pub struct PackageUpdate {
    pub name: Option<String>,
    pub description: Option<String>,
    /// Becomes the active one.
    pub version: Option<NewVersion>,
    pub update_at: DateTime<Utc>,
}

/// Which part of a list of packages is wanted.
#[derive(Clone, Debug, Default)]
pub struct PackageList {
    /// A glob over the name: `*` and `?`.
    pub name: Option<String>,
    pub cursor: Option<String>,
    pub limit: Option<u32>,
}

/// A package with its active version.
pub(super) struct Package {
    pub id: Uuid,
    pub name: String,
    pub description: String,
    pub create_at: DateTime<Utc>,
    pub update_at: DateTime<Utc>,
    pub version: VersionView,
}

/// The columns of `packages` that a [`Package`] is read from.
#[derive(FromQueryResult)]
struct Row {
    seq: i64,
    package_id: Uuid,
    name: String,
    description: String,
    create_at: i64,
    update_at: i64,
}

impl Store {
    pub(super) async fn create_package(
        &self,
        epoch: Epoch,
        kind: Kind,
        id: Uuid,
        new: NewPackage,
    ) -> Result<()> {
        let NewPackage { name, description, version, create_at } = new;
        let transaction = self.begin(epoch).await?;
        let row = ActiveModel {
            seq: ActiveValue::NotSet,
            package_id: ActiveValue::Set(id),
            kind: ActiveValue::Set(kind.as_str().to_owned()),
            name: ActiveValue::Set(clean(&name)),
            description: ActiveValue::Set(clean(&description)),
            // until the version has got its number, a moment later
            version_id: ActiveValue::Set(0),
            create_at: ActiveValue::Set(to_micros(create_at)),
            update_at: ActiveValue::Set(to_micros(create_at)),
            delete_at: ActiveValue::Set(None),
            last_number: ActiveValue::Set(0),
        };
        Entity::insert(row)
            .exec_without_returning(&transaction)
            .await
            .map_err(|error| name_taken(error, kind, &name))?;
        let version = version.insert(&transaction, id, create_at).await?;
        set(&transaction, id, Column::VersionId, version).await?;
        transaction.commit().await?;
        Ok(())
    }

    pub(super) async fn update_package(
        &self,
        epoch: Epoch,
        kind: Kind,
        id: Uuid,
        update: PackageUpdate,
    ) -> Result<()> {
        let PackageUpdate { name, description, version, update_at } = update;
        let transaction = self.begin(epoch).await?;
        self.lock_package(&transaction, id).await?;
        if self.find_package_in(&transaction, kind, id).await?.is_none() {
            return Err(Error::not_found(kind.as_str(), id));
        }
        if let Some(name) = name {
            set(&transaction, id, Column::Name, clean(&name))
                .await
                .map_err(|error| name_taken(error, kind, &name))?;
        }
        if let Some(description) = description {
            set(&transaction, id, Column::Description, clean(&description)).await?;
        }
        if let Some(version) = version {
            let version = version.insert(&transaction, id, update_at).await?;
            set(&transaction, id, Column::VersionId, version).await?;
        }
        set(&transaction, id, Column::UpdateAt, to_micros(update_at)).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Marks it deleted, unless `open_tasks` counts some that use it.
    pub(super) async fn delete_package(
        &self,
        epoch: Epoch,
        kind: Kind,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let transaction = self.begin(epoch).await?;
        let Some(package) = self.find_package_in(&transaction, kind, id).await? else {
            return Err(Error::not_found(kind.as_str(), id));
        };
        let open_tasks = match kind {
            Kind::App => self.count_tasks_of_app(&transaction, id).await?,
            Kind::Venv => self.count_tasks_of_venv(&transaction, id, &package.name).await?,
        };
        if open_tasks > 0 {
            return Err(Error::InUse { what: kind.as_str(), name: package.name, open_tasks });
        }
        set(&transaction, id, Column::DeleteAt, to_micros(now)).await?;
        transaction.commit().await?;
        Ok(())
    }

    pub(super) async fn list_packages(&self, kind: Kind, wanted: &PackageList) -> Result<Page<Package>> {
        let PackageList { name, cursor, limit } = wanted;
        let mut rows = Wanted::below("p.seq", cursor.as_deref(), *limit)?;
        rows.and_named(self, "p.name", name.as_deref())?;
        Ok(rows.page(self.select_packages(&self.read, kind, &rows.tail(), rows.values()).await?))
    }

    pub(super) async fn find_package(&self, kind: Kind, id: Uuid) -> Result<Option<Package>> {
        self.find_package_in(&self.read, kind, id).await
    }

    pub(super) async fn find_named(&self, kind: Kind, name: &str) -> Result<Option<Uuid>> {
        let found = self.select_packages(&self.read, kind, "p.name = ?", vec![clean(name).into()]).await?;
        Ok(found.first().map(|(_, package)| package.id))
    }

    /// The living package meant by `text`: its id, its exact name, or the unique beginning of its id, in this order.
    pub(super) async fn resolve_package(&self, kind: Kind, text: &str) -> Result<Uuid> {
        if let Ok(id) = Uuid::try_parse(text)
            && self.find_package(kind, id).await?.is_some()
        {
            return Ok(id);
        }
        if let Some(id) = self.find_named(kind, text).await? {
            return Ok(id);
        }
        // too short for an id, but it may well have been meant as a name
        let (low, high) =
            prefix_range(kind.as_str(), text).map_err(|_| Error::not_found(kind.as_str(), text))?;
        let tail = "p.package_id >= ? AND p.package_id <= ? LIMIT 10";
        let found = self.select_packages(&self.read, kind, tail, vec![low.into(), high.into()]).await?;
        match &found[..] {
            [] => Err(Error::not_found(kind.as_str(), text)),
            [(_, package)] => Ok(package.id),
            several => Err(Error::Ambiguous {
                what: kind.as_str(),
                name: text.to_owned(),
                candidates: several
                    .iter()
                    .map(|(_, package)| format!("{} ({})", package.id, package.name))
                    .collect(),
            }),
        }
    }

    /// Keeps other writers of the package waiting until the transaction ends; SQLite has one writer anyway.
    pub(super) async fn lock_package(&self, transaction: &DatabaseTransaction, id: Uuid) -> Result<()> {
        if self.is_postgres() {
            let sql = "SELECT 1 FROM packages WHERE package_id = $1 FOR UPDATE";
            transaction.query_one_raw(self.statement(sql, [id.into()])).await?;
        }
        Ok(())
    }

    pub(super) async fn find_package_in(
        &self,
        connection: &impl ConnectionTrait,
        kind: Kind,
        id: Uuid,
    ) -> Result<Option<Package>> {
        let found = self.select_packages(connection, kind, "p.package_id = ?", vec![id.into()]).await?;
        Ok(found.into_iter().next().map(|(_, package)| package))
    }

    /// Living packages with their numbers.
    async fn select_packages(
        &self,
        connection: &impl ConnectionTrait,
        kind: Kind,
        tail: &str,
        values: Vec<Value>,
    ) -> Result<Vec<(i64, Package)>> {
        let sql = format!(
            "SELECT p.seq, p.package_id, p.name, p.description, p.create_at, p.update_at, {} \
             FROM packages p JOIN versions v ON v.version_id = p.version_id \
             WHERE p.kind = '{}' AND p.delete_at IS NULL AND {tail}",
            version::SUMMARY,
            kind.as_str()
        );
        let rows = connection.query_all_raw(self.statement(placeholders(self.backend, &sql), values)).await?;
        rows.iter().map(|row| read(row).map_err(|damage| damage.of("packages", name_of(row)))).collect()
    }
}

fn read(row: &QueryResult) -> Result<(i64, Package), Damage> {
    let package = Row::from_query_result(row, "").map_err(Damage::Column)?;
    let version = version::Summary::from_query_result(row, "").map_err(Damage::Column)?;
    let Row { seq, package_id, name, description, create_at, update_at } = package;
    let package = Package {
        id: package_id,
        name,
        description,
        create_at: time("create_at", create_at)?,
        update_at: time("update_at", update_at)?,
        version: version.try_into()?,
    };
    Ok((seq, package))
}

fn name_of(row: &QueryResult) -> String {
    row.try_get::<Uuid>("", "package_id").map_or_else(|_| "?".to_owned(), |id| id.to_string())
}

pub(super) async fn set(
    transaction: &DatabaseTransaction,
    id: Uuid,
    column: Column,
    value: impl Into<Value>,
) -> Result<(), DbErr> {
    let update = Entity::update_many().col_expr(column, Expr::value(value)).filter(Column::PackageId.eq(id));
    update.exec(transaction).await?;
    Ok(())
}

fn name_taken(error: DbErr, kind: Kind, name: &str) -> Error {
    if is_duplicate(&error) {
        Error::NameTaken { what: kind.as_str(), name: name.to_owned() }
    } else {
        error.into()
    }
}
