//! Who uses venvs, for people to see.
//!
//! Any number of venvs is answered with the same few queries: one over the active versions of the living apps that name a venv at all, one over
//! the versions that unfinished tasks run. Most plans name none and are not even read.

use std::collections::{BTreeSet, HashMap};

use lp_protocol::plan::{EnvRef, Plan};
use lp_protocol::views::{VenvApp, VenvTask, VenvUsers, VenvView};
use lp_protocol::{AppId, TaskId, VenvId, VersionId};
use sea_orm::{ConnectionTrait, Value};

use super::envs::{self, Named};
use crate::store::actions;
use crate::store::load::read_plan;
use crate::store::sql::{placeholders, select_by_keys};
use crate::store::{Result, Store};

/// Unfinished tasks told by name.
const TASKS: usize = 10;

/// Plans that name a venv, by its name or its id.
const NAMES_ONE: &str = "(v.plan LIKE '%\"named\":%' OR v.plan LIKE '%\"venv\":%')";

/// Venvs by what an `env` may call them.
#[derive(Default)]
struct Wanted<'a> {
    by_name: HashMap<&'a str, usize>,
    by_id: HashMap<VenvId, usize>,
}

impl Wanted<'_> {
    fn find(&self, env: &EnvRef) -> Option<usize> {
        match envs::parse(env) {
            Named::Path | Named::Built => None,
            Named::Id(id) => self.by_id.get(&id).copied(),
            Named::Active { name } | Named::Version { name, .. } | Named::Wrong { name } => {
                self.by_name.get(name).copied()
            }
        }
    }

    /// The wanted venvs that a plan names, each with the actions that do.
    fn of_plan(&self, plan: &Plan) -> HashMap<usize, Vec<String>> {
        let Plan { actions, on_success, on_fail, output_action: _, locks: _ } = plan;
        let mut found: HashMap<usize, Vec<String>> = HashMap::new();
        for action in actions.iter().chain(on_success).chain(on_fail) {
            if let Some(venv) = action.env.as_ref().and_then(|env| self.find(env)) {
                found.entry(venv).or_default().push(action.name.clone());
            }
        }
        found
    }
}

impl Store {
    /// Fills in the users of venvs.
    pub async fn load_venv_users(&self, venvs: &mut [VenvView]) -> Result<()> {
        if venvs.is_empty() {
            return Ok(());
        }
        let mut users = vec![VenvUsers::default(); venvs.len()];
        let mut wanted = Wanted::default();
        for (number, venv) in venvs.iter().enumerate() {
            wanted.by_name.insert(&venv.name, number);
            wanted.by_id.insert(venv.venv_id, number);
        }
        self.find_apps_in(&wanted, &mut users).await?;
        self.count_tasks_in(&wanted, &mut users).await?;
        for (venv, users) in venvs.iter_mut().zip(users) {
            venv.users = users;
        }
        Ok(())
    }

    async fn find_apps_in(&self, wanted: &Wanted<'_>, users: &mut [VenvUsers]) -> Result<()> {
        let sql = format!(
            "SELECT p.package_id, p.name, v.version_id, v.plan FROM packages p JOIN versions v ON v.version_id = p.version_id \
             WHERE p.kind = 'app' AND p.delete_at IS NULL AND {NAMES_ONE} ORDER BY p.name"
        );
        for row in self.read.query_all_raw(self.statement(sql, [])).await? {
            let version: VersionId = row.try_get_by_index(2)?;
            let plan = read_plan(&row).map_err(|damage| damage.of("versions", version))?;
            for (venv, actions) in wanted.of_plan(&plan) {
                let app = VenvApp {
                    app_id: AppId(row.try_get_by_index(0)?),
                    name: row.try_get_by_index(1)?,
                    actions,
                };
                users[venv].apps.push(app);
            }
        }
        Ok(())
    }

    async fn count_tasks_in(&self, wanted: &Wanted<'_>, users: &mut [VenvUsers]) -> Result<()> {
        let sql = "SELECT version_id, COUNT(*) FROM tasks WHERE state IN (1, 2, 3) GROUP BY version_id";
        let mut counts: HashMap<VersionId, i64> = HashMap::new();
        for row in self.read.query_all_raw(self.statement(sql, [])).await? {
            counts.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        }
        for (version, plan) in self.plans_of(counts.keys().copied()).await? {
            for venv in wanted.of_plan(&plan).into_keys() {
                users[venv].open_tasks += counts.get(&version).copied().unwrap_or(0).unsigned_abs();
            }
        }
        for (venv, tasks) in self.tasks_by_generated(wanted).await? {
            users[venv].open_tasks += tasks.len() as u64;
        }
        Ok(())
    }

    /// The plans that name a venv, of those of these versions.
    async fn plans_of(&self, versions: impl Iterator<Item = VersionId>) -> Result<Vec<(VersionId, Plan)>> {
        let keys: Vec<[Value; 1]> = versions.map(|version| [version.into()]).collect();
        let sql = format!(
            "SELECT v.version_id, v.plan FROM versions v WHERE v.version_id IN ({{keys}}) AND {NAMES_ONE}"
        );
        let mut plans = Vec::new();
        for row in select_by_keys(&self.read, &sql, &keys).await? {
            let version: VersionId = row.try_get_by_index(0)?;
            let plan = read_plan(&row).map_err(|damage| damage.of("versions", version))?;
            plans.push((version, plan));
        }
        Ok(plans)
    }

    /// Unfinished tasks in which an action that was made at run time names a venv.
    async fn tasks_by_generated(&self, wanted: &Wanted<'_>) -> Result<HashMap<usize, BTreeSet<i64>>> {
        let sql = "SELECT a.task, a.action, a.plan FROM task_actions a JOIN tasks t ON t.seq = a.task \
                   WHERE t.state IN (1, 2, 3) AND a.plan LIKE '%\"env\"%'";
        let mut tasks: HashMap<usize, BTreeSet<i64>> = HashMap::new();
        for row in self.read.query_all_raw(self.statement(sql, [])).await? {
            let (task, action) =
                actions::read(&row).map_err(|damage| damage.of("task_actions", actions::name(&row)))?;
            if let Some(venv) = action.env.as_ref().and_then(|env| wanted.find(env)) {
                tasks.entry(venv).or_default().insert(task);
            }
        }
        Ok(tasks)
    }

    /// The latest unfinished tasks whose plans name the venv.
    pub async fn list_venv_tasks(&self, venv: &VenvView) -> Result<Vec<VenvTask>> {
        let mut wanted = Wanted::default();
        wanted.by_name.insert(&venv.name, 0);
        wanted.by_id.insert(venv.venv_id, 0);
        let sql = "SELECT DISTINCT version_id FROM tasks WHERE state IN (1, 2, 3)";
        let mut versions: Vec<VersionId> = Vec::new();
        for row in self.read.query_all_raw(self.statement(sql, [])).await? {
            versions.push(row.try_get_by_index(0)?);
        }
        let plans = self.plans_of(versions.into_iter()).await?;
        let users = plans.iter().filter(|(_, plan)| !wanted.of_plan(plan).is_empty());
        let mut tasks: Vec<(i64, VenvTask)> = Vec::new();
        for (version, _) in users {
            let sql = format!(
                "SELECT seq, task_id, name FROM tasks WHERE version_id = ? AND state IN (1, 2, 3) ORDER BY seq DESC LIMIT {TASKS}"
            );
            let statement = self.statement(placeholders(self.backend, &sql), [(*version).into()]);
            for row in self.read.query_all_raw(statement).await? {
                let task =
                    VenvTask { task_id: TaskId(row.try_get_by_index(1)?), name: row.try_get_by_index(2)? };
                tasks.push((row.try_get_by_index(0)?, task));
            }
        }
        tasks.sort_unstable_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        tasks.truncate(TASKS);
        Ok(tasks.into_iter().map(|(_, task)| task).collect())
    }
}
