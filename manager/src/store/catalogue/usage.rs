//! What uses a version, so that nothing in use is deleted.
//!
//! An app's version is used by the tasks that are pinned to it. A venv's version is used by `name@number` in the plans of unfinished
//! tasks and of the active versions of apps, and by the actions that run with it: an `env` without a number means the active version at the
//! moment an attempt is assigned, so attempts that were assigned before another version took its place may still fetch it.

use std::collections::BTreeSet;
use std::fmt;

use lp_protocol::VenvId;
use lp_protocol::VersionId;
use lp_protocol::plan::{EnvRef, Plan};
use lp_protocol::views::VersionView;
use sea_orm::{ConnectionTrait, Value};

use super::envs::{self, Named};
use super::history::PackageId;
use crate::store::actions;
use crate::store::entity::columns::to_micros;
use crate::store::load::read_plan;
use crate::store::sql::{placeholders, select_by_keys};
use crate::store::{Result, Store};

/// An attempt may be assigned by what was read a moment before an activation was committed: 60 s is far longer than any batch takes.
const ASSIGNED_LATE_US: i64 = 60_000_000;

/// Apps named in a refusal.
const FEW: usize = 5;

/// Why a version is not deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InUse {
    Active,
    /// So many tasks that are not finished.
    Tasks(u64),
    /// So many works that are not finished and have it in their copy.
    Works(u64),
    /// So many actions that were started with it may still need it.
    Actions(u64),
    /// Names of apps whose active version names it.
    Apps(Vec<String>),
    /// Names of services that run it, or will.
    Services(Vec<String>),
}

impl fmt::Display for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active => f.write_str("is the active one"),
            Self::Tasks(1) => f.write_str("is used by a task that is not finished"),
            Self::Tasks(count) => write!(f, "is used by {count} tasks that are not finished"),
            Self::Works(1) => f.write_str("is used by a work that is not finished"),
            Self::Works(count) => write!(f, "is used by {count} works that are not finished"),
            Self::Actions(1) => f.write_str("may be used by an action that runs now"),
            Self::Actions(count) => write!(f, "may be used by {count} actions that run now"),
            Self::Apps(names) => {
                write!(f, "is named by the app {}", shown(names))
            }
            Self::Services(names) => write!(f, "is run by the service {}", shown(names)),
        }
    }
}

fn shown(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(FEW).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > FEW { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}

impl Store {
    /// What keeps a version from being deleted.
    pub(in crate::store) async fn find_use_of(
        &self,
        connection: &impl ConnectionTrait,
        package: PackageId,
        name: &str,
        version: &VersionView,
    ) -> Result<Option<InUse>> {
        if version.active {
            return Ok(Some(InUse::Active));
        }
        let tasks = self.count_tasks_of_version(connection, package, name, version).await?;
        if tasks > 0 {
            return Ok(Some(InUse::Tasks(tasks)));
        }
        let PackageId::Venv(venv_id) = package else {
            let works = self.count_works_of_version(connection, version.version_id).await?;
            if works > 0 {
                return Ok(Some(InUse::Works(works)));
            }
            let services = self.list_services_of_version(connection, version.version_id).await?;
            return Ok((!services.is_empty()).then_some(InUse::Services(services)));
        };
        let apps = self.list_apps_naming(connection, name, version.number).await?;
        if !apps.is_empty() {
            return Ok(Some(InUse::Apps(apps)));
        }
        let actions = self.count_actions_with(connection, venv_id, name, version).await?;
        Ok((actions > 0).then_some(InUse::Actions(actions)))
    }

    /// Unfinished tasks that are pinned to an app's version, or whose plan names this very version of a venv.
    pub(super) async fn count_tasks_of_version(
        &self,
        connection: &impl ConnectionTrait,
        package: PackageId,
        name: &str,
        version: &VersionView,
    ) -> Result<u64> {
        let PackageId::App(app_id) = package else {
            let names_it = |plan: &Plan| {
                refers(
                    plan,
                    |env| matches!(envs::parse(env), Named::Version { name: of, number } if of == name && number == version.number),
                )
            };
            return self.count_open_tasks_where(connection, names_it).await;
        };
        let sql = "SELECT COUNT(*) FROM tasks WHERE app_id = ? AND state IN (1, 2, 3) AND version_id = ?";
        let values = [app_id.0.into(), version.version_id.into()];
        let row = connection.query_one_raw(self.statement(placeholders(self.backend, sql), values)).await?;
        let count: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?;
        Ok(count.unwrap_or(0).unsigned_abs())
    }

    /// Unfinished tasks whose plans pass.
    pub(super) async fn count_open_tasks_where(
        &self,
        connection: &impl ConnectionTrait,
        passes: impl Fn(&Plan) -> bool,
    ) -> Result<u64> {
        let sql = "SELECT version_id, COUNT(*) FROM tasks WHERE state IN (1, 2, 3) GROUP BY version_id";
        let by_plan = self.count_by_plan(connection, sql, vec![], &passes).await?;
        Ok(by_plan + self.count_tasks_by_generated(connection, passes).await?)
    }

    /// Attempts that have not ended, were assigned before another version took this one's place, and whose plans refer to the venv.
    async fn count_actions_with(
        &self,
        connection: &impl ConnectionTrait,
        venv_id: VenvId,
        name: &str,
        version: &VersionView,
    ) -> Result<u64> {
        let activate_at = version.activate_at.map_or(0, to_micros);
        let replaced = "SELECT MIN(COALESCE(activate_at, create_at)) FROM versions \
                        WHERE package_id = ? AND COALESCE(activate_at, create_at) > ?";
        let values = [venv_id.0.into(), activate_at.into()];
        let row =
            connection.query_one_raw(self.statement(placeholders(self.backend, replaced), values)).await?;
        let replaced_at: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
        let before = replaced_at.unwrap_or(i64::MAX - ASSIGNED_LATE_US) + ASSIGNED_LATE_US;
        let sql = "SELECT t.version_id, COUNT(*) FROM tasks t JOIN attempts a ON a.task = t.seq \
                   WHERE t.state IN (1, 2, 3) AND a.stage <> 'finished' AND a.assign_at < ? GROUP BY t.version_id";
        let refers_to_active = |plan: &Plan| {
            refers(plan, |env| match envs::parse(env) {
                Named::Active { name: of } => of == name,
                Named::Id(id) => id == venv_id,
                Named::Version { .. } | Named::Path | Named::Built | Named::Wrong { .. } => false,
            })
        };
        let by_plan = self.count_by_plan(connection, sql, vec![before.into()], &refers_to_active).await?;
        // such actions are few and short-lived: when theirs began is not looked at
        Ok(by_plan + self.count_tasks_by_generated(connection, refers_to_active).await?)
    }

    /// Unfinished tasks of which an action made at run time passes. One that passes by its plan too is counted there as well.
    async fn count_tasks_by_generated(
        &self,
        connection: &impl ConnectionTrait,
        passes: impl Fn(&Plan) -> bool,
    ) -> Result<u64> {
        let sql = "SELECT a.task, a.action, a.plan FROM task_actions a JOIN tasks t ON t.seq = a.task \
                   WHERE t.state IN (1, 2, 3) AND a.plan LIKE '%\"env\"%'";
        let mut tasks = BTreeSet::new();
        for row in connection.query_all_raw(self.statement(sql, [])).await? {
            let (task, action) =
                actions::read(&row).map_err(|damage| damage.of("task_actions", actions::name(&row)))?;
            let alone = Plan {
                actions: vec![action],
                on_success: None,
                on_fail: None,
                output_action: None,
                locks: Default::default(),
            };
            if passes(&alone) {
                tasks.insert(task);
            }
        }
        Ok(tasks.len() as u64)
    }

    /// Sums the counts of those versions of apps whose plans pass. `counts` selects a version and a count.
    async fn count_by_plan(
        &self,
        connection: &impl ConnectionTrait,
        counts: &str,
        values: Vec<Value>,
        passes: &impl Fn(&Plan) -> bool,
    ) -> Result<u64> {
        let mut users: Vec<(VersionId, i64)> = Vec::new();
        let statement = self.statement(placeholders(self.backend, counts), values);
        for row in connection.query_all_raw(statement).await? {
            users.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
        }
        users.sort_unstable();
        let keys: Vec<[Value; 1]> = users.iter().map(|(version, _)| [(*version).into()]).collect();
        let plans = "SELECT version_id, plan FROM versions WHERE version_id IN ({keys}) AND plan IS NOT NULL";
        let mut count = 0;
        for row in select_by_keys(connection, plans, &keys).await? {
            let version: VersionId = row.try_get_by_index(0)?;
            let plan = read_plan(&row).map_err(|damage| damage.of("versions", version))?;
            if passes(&plan)
                && let Ok(index) = users.binary_search_by_key(&version, |(version, _)| *version)
            {
                count += users[index].1.unsigned_abs();
            }
        }
        Ok(count)
    }

    /// Names of the living apps whose active version names this version of a venv.
    async fn list_apps_naming(
        &self,
        connection: &impl ConnectionTrait,
        name: &str,
        number: u32,
    ) -> Result<Vec<String>> {
        // most plans name no venv at all and are not even parsed
        let sql = "SELECT p.name, v.version_id, v.plan FROM packages p JOIN versions v ON v.version_id = p.version_id \
                   WHERE p.kind = 'app' AND p.delete_at IS NULL AND v.plan LIKE '%\"named\"%' ORDER BY p.name";
        let mut apps = Vec::new();
        for row in connection.query_all_raw(self.statement(sql, [])).await? {
            let version: VersionId = row.try_get_by_index(1)?;
            let plan = read_plan(&row).map_err(|damage| damage.of("versions", version))?;
            let names_it = |env: &EnvRef| matches!(envs::parse(env), Named::Version { name: of, number: n } if of == name && n == number);
            if refers(&plan, names_it) {
                apps.push(row.try_get_by_index(0)?);
            }
        }
        Ok(apps)
    }
}

/// Tells whether the `env` of any action passes.
pub(super) fn refers(plan: &Plan, passes: impl Fn(&EnvRef) -> bool) -> bool {
    let Plan { actions, on_success, on_fail, output_action: _, locks: _ } = plan;
    actions.iter().chain(on_success).chain(on_fail).any(|action| action.env.as_ref().is_some_and(&passes))
}
