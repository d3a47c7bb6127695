//! Venvs: packages that the actions of apps refer to by id or by name.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use lp_protocol::frames::PackageRef;
use lp_protocol::plan::{ActionPlan, EnvRef, Plan};
use lp_protocol::views::{Page, VenvView};
use lp_protocol::{VenvId, VersionId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Value};
use uuid::Uuid;

use super::packages::{Kind, Package};
use super::{NewPackage, PackageList, PackageUpdate};
use crate::store::load::read_plan;
use crate::store::sql::placeholders;
use crate::store::sql::select_by_keys;
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

    /// The archive an action's `env` means now: the active version of a venv, or the one named by `name@version`.
    /// None where there is no such venv, and for a path inside the app.
    pub async fn find_env_package(&self, env: &EnvRef) -> Result<Option<PackageRef>> {
        let (venv_id, version) = match env {
            EnvRef::Path(_) => return Ok(None),
            EnvRef::Venv(venv_id) => (*venv_id, None),
            EnvRef::Named(text) => {
                let (name, version) = match text.split_once('@') {
                    Some((name, version)) => (name, Some(version)),
                    None => (text.as_str(), None),
                };
                let Some(venv_id) = self.find_named(Kind::Venv, name).await? else { return Ok(None) };
                (VenvId(venv_id), version)
            }
        };
        let Some(version) = version else {
            let venv = self.find_venv(venv_id).await?;
            return Ok(venv.map(|venv| PackageRef {
                digest: venv.version.digest,
                size_bytes: venv.version.size_bytes,
            }));
        };
        let Ok(version) = version.parse::<VersionId>() else { return Ok(None) };
        self.find_version_package(venv_id.0, version).await
    }

    /// Tells whether an archive is, or was, what an action's `env` means: a venv may be updated between an assignment and its fetch.
    pub async fn is_version_of_env(&self, env: &EnvRef, digest: &str) -> Result<bool> {
        let venv_id = match env {
            EnvRef::Path(_) => return Ok(false),
            EnvRef::Venv(venv_id) => Some(venv_id.0),
            EnvRef::Named(text) => {
                let name = text.split_once('@').map_or(text.as_str(), |(name, _)| name);
                self.find_named(Kind::Venv, name).await?
            }
        };
        let Some(venv_id) = venv_id else { return Ok(false) };
        let sql = placeholders(self.backend, "SELECT 1 FROM versions WHERE package_id = ? AND digest = ?");
        let statement = self.statement(sql, [venv_id.into(), digest.into()]);
        Ok(self.read.query_one_raw(statement).await?.is_some())
    }

    pub(super) async fn count_tasks_of_venv(
        &self,
        transaction: &DatabaseTransaction,
        venv_id: Uuid,
        name: &str,
    ) -> Result<u64> {
        let counts = "SELECT version_id, COUNT(*) FROM tasks WHERE state IN (1, 2, 3) GROUP BY version_id";
        let mut open_tasks: Vec<(VersionId, i64)> = Vec::new();
        for row in transaction.query_all_raw(self.statement(counts, [])).await? {
            open_tasks.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
        }
        let keys: Vec<[Value; 1]> = open_tasks.iter().map(|(version, _)| [(*version).into()]).collect();
        let plans = "SELECT version_id, plan FROM versions WHERE version_id IN ({keys}) AND plan IS NOT NULL";
        let mut users = BTreeSet::new();
        for row in select_by_keys(transaction, plans, &keys).await? {
            let version: VersionId = row.try_get_by_index(0)?;
            let plan = read_plan(&row).map_err(|damage| damage.of("versions", version))?;
            if uses_venv(&plan, VenvId(venv_id), name) {
                users.insert(version);
            }
        }
        let count = open_tasks.iter().filter(|(version, _)| users.contains(version)).map(|(_, count)| count);
        Ok(count.sum::<i64>().unsigned_abs())
    }

    async fn load_venv(&self, venv_id: VenvId) -> Result<VenvView> {
        self.find_venv(venv_id).await?.ok_or_else(|| Error::not_found("venv", venv_id))
    }
}

fn uses_venv(plan: &Plan, venv_id: VenvId, name: &str) -> bool {
    let Plan { actions, on_success, on_fail, output_action: _ } = plan;
    let refers = |action: &ActionPlan| match &action.env {
        None | Some(EnvRef::Path(_)) => false,
        Some(EnvRef::Venv(id)) => *id == venv_id,
        Some(EnvRef::Named(text)) => text.split('@').next() == Some(name),
    };
    actions.iter().chain(on_success).chain(on_fail).any(refers)
}

fn view(package: Package) -> VenvView {
    let Package { id, name, description, create_at, update_at, version } = package;
    VenvView { venv_id: VenvId(id), name, description, create_at, update_at, version }
}
