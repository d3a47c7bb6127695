//! Venvs: packages that the actions of apps refer to by id or by name.

use chrono::{DateTime, Utc};
use lp_protocol::VenvId;
use lp_protocol::plan::Plan;
use lp_protocol::views::{Page, VenvUsers, VenvView};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::envs::{self, Named};
use super::packages::{Kind, Package};
use super::usage::refers;
use super::{NewPackage, PackageList, PackageUpdate};
use crate::store::{Epoch, Error, Result, Store};

impl Store {
    /// # Errors
    /// `NameTaken` where a living venv has the name.
    pub async fn create_venv(&self, epoch: Epoch, venv_id: VenvId, new: NewPackage) -> Result<VenvView> {
        self.create_package(epoch, Kind::Venv, venv_id.0, new).await?;
        self.load_venv(venv_id).await
    }

    /// # Errors
    /// `NotFound`, and `NameTaken` where another living venv has the new name.
    pub async fn update_venv(
        &self,
        epoch: Epoch,
        venv_id: VenvId,
        update: PackageUpdate,
    ) -> Result<VenvView> {
        self.update_package(epoch, Kind::Venv, venv_id.0, update).await?;
        self.load_venv(venv_id).await
    }

    /// # Errors
    /// `NotFound`, and `InUse` while tasks are open whose actions refer to it.
    pub async fn delete_venv(&self, epoch: Epoch, venv_id: VenvId, now: DateTime<Utc>) -> Result<()> {
        self.delete_package(epoch, Kind::Venv, venv_id.0, now).await
    }

    /// The living venvs, newest first.
    pub async fn list_venvs(&self, wanted: &PackageList) -> Result<Page<VenvView>> {
        let Page { items, next_cursor } = self.list_packages(Kind::Venv, wanted).await?;
        Ok(Page { items: items.into_iter().map(view).collect(), next_cursor })
    }

    pub async fn find_venv(&self, venv_id: VenvId) -> Result<Option<VenvView>> {
        Ok(self.find_package(Kind::Venv, venv_id.0).await?.map(view))
    }

    /// The living venv meant by `text`: its id, its name, or the unique beginning of its id.
    pub async fn resolve_venv(&self, text: &str) -> Result<VenvId> {
        self.resolve_package(Kind::Venv, text).await.map(VenvId)
    }

    pub(super) async fn count_tasks_of_venv(
        &self,
        transaction: &DatabaseTransaction,
        venv_id: Uuid,
        name: &str,
    ) -> Result<u64> {
        let uses = |plan: &Plan| {
            refers(plan, |env| match envs::parse(env) {
                Named::Path | Named::Built => false,
                Named::Id(id) => id.0 == venv_id,
                Named::Active { name: of } | Named::Version { name: of, .. } | Named::Wrong { name: of } => {
                    of == name
                }
            })
        };
        self.count_open_tasks_where(transaction, uses).await
    }

    async fn load_venv(&self, venv_id: VenvId) -> Result<VenvView> {
        self.find_venv(venv_id).await?.ok_or_else(|| Error::not_found("venv", venv_id))
    }
}

fn view(package: Package) -> VenvView {
    let Package { id, name, description, create_at, update_at, version } = package;
    let (users, nodes) = (VenvUsers::default(), None);
    VenvView { venv_id: VenvId(id), name, description, create_at, update_at, version, users, nodes }
}
