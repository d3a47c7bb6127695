//! Apps: packages with a plan.

use chrono::{DateTime, Utc};
use lp_protocol::AppId;
use lp_protocol::views::{AppView, Page};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use uuid::Uuid;

use super::packages::{Kind, Package};
use super::{NewPackage, PackageList, PackageUpdate};
use crate::store::sql::placeholders;
use crate::store::{Epoch, Error, Result, Store};

impl Store {
    /// # Errors
    /// `NameTaken` where a living app has the name.
    pub async fn create_app(&self, epoch: Epoch, app_id: AppId, new: NewPackage) -> Result<AppView> {
        self.create_package(epoch, Kind::App, app_id.0, new).await?;
        self.load_app(app_id).await
    }

    /// # Errors
    /// `NotFound`, and `NameTaken` where another living app has the new name.
    pub async fn update_app(&self, epoch: Epoch, app_id: AppId, update: PackageUpdate) -> Result<AppView> {
        self.update_package(epoch, Kind::App, app_id.0, update).await?;
        self.load_app(app_id).await
    }

    /// # Errors
    /// `NotFound`, and `InUse` while tasks of the app are open.
    pub async fn delete_app(&self, epoch: Epoch, app_id: AppId, now: DateTime<Utc>) -> Result<()> {
        self.delete_package(epoch, Kind::App, app_id.0, now).await
    }

    /// The living apps, newest first, without plans and manifests.
    pub async fn list_apps(&self, wanted: &PackageList) -> Result<Page<AppView>> {
        let Page { items, next_cursor } = self.list_packages(Kind::App, wanted).await?;
        Ok(Page { items: items.into_iter().map(view).collect(), next_cursor })
    }

    /// A living app with its plan and manifest.
    pub async fn find_app(&self, app_id: AppId) -> Result<Option<AppView>> {
        let Some(package) = self.find_package(Kind::App, app_id.0).await? else { return Ok(None) };
        let (plan, manifest) = self.load_program(package.version.version_id).await?;
        Ok(Some(AppView { plan: Some(plan), manifest: Some(manifest), ..view(package) }))
    }

    /// The same without them.
    pub async fn find_app_head(&self, app_id: AppId) -> Result<Option<AppView>> {
        Ok(self.find_package(Kind::App, app_id.0).await?.map(view))
    }

    /// The living app meant by `text`: its id, its name, or the unique beginning of its id.
    pub async fn resolve_app(&self, text: &str) -> Result<AppId> {
        self.resolve_package(Kind::App, text).await.map(AppId)
    }

    pub(super) async fn count_tasks_of_app(
        &self,
        transaction: &DatabaseTransaction,
        app_id: Uuid,
    ) -> Result<u64> {
        let sql = "SELECT COUNT(*) FROM tasks WHERE app_id = ? AND state IN (1, 2, 3)";
        let row = transaction
            .query_one_raw(self.statement(placeholders(self.backend, sql), [app_id.into()]))
            .await?;
        let count: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?;
        // a work that is not finished may still make tasks of it
        Ok(count.unwrap_or(0).unsigned_abs() + self.count_works_of_app(transaction, app_id).await?)
    }

    async fn load_app(&self, app_id: AppId) -> Result<AppView> {
        self.find_app(app_id).await?.ok_or_else(|| Error::not_found("app", app_id))
    }
}

fn view(package: Package) -> AppView {
    let Package { id, name, description, create_at, update_at, version } = package;
    AppView {
        app_id: AppId(id),
        name,
        description,
        create_at,
        update_at,
        version,
        plan: None,
        manifest: None,
        nodes: None,
    }
}
