//! Reading all that is open: what the core is built from at a start, after a failed commit and after a change of leader.
//!
//! A row that cannot be understood must not keep the manager from starting, again and again, with all the work of
//! everybody else. Its task is left out as a whole, for an action must not run twice because one of its attempts could not be read;
//! the row is told in `corrupt` and stays as it is until a human has looked at it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;

use lp_protocol::VersionId;
use lp_protocol::plan::Plan;
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult, QueryResult, Value};

use super::actions;
use super::entity::{attempt, columns, task};
use super::sql::{placeholders, select_by_keys};
use super::{Damage, Result, Store};
use crate::core::record::{AttemptRecord, Open, TaskRecord, TaskSeq};

/// Tasks read per query: what the driver holds of a page beside the records is a few hundred KiB.
const PAGE: i64 = 512;

impl Store {
    /// Reads all that is open, as of one moment.
    pub async fn load_open(&self) -> Result<Open> {
        let transaction = self.begin_snapshot().await?;
        let open = self.load_open_in(&transaction).await;
        transaction.rollback().await?;
        open
    }

    async fn load_open_in(&self, transaction: &DatabaseTransaction) -> Result<Open> {
        let mut open = Open { next_seq: self.load_next_seq(transaction).await?, ..Open::default() };
        let mut skipped = BTreeSet::new();
        for state in task::OPEN_STATES {
            self.load_state(transaction, state, &mut open, &mut skipped).await?;
        }
        open.works = self.load_open_works(transaction, &mut open.corrupt).await?;
        let mut versions = self.load_standing(transaction, &mut open).await?;
        versions.extend(open.tasks.iter().map(|task| task.version_id));
        versions.extend(open.works.iter().flat_map(|work| work.plan.versions()));
        open.plans = self.load_plans(transaction, &versions, &mut open.corrupt).await?;
        open.hand_out_plans();
        for task in open.tasks.iter().filter(|task| !open.plans.contains_key(&task.version_id)) {
            open.corrupt.push(corrupt("tasks", task.seq, &Damage::Dangling("versions")));
            skipped.insert(task.seq);
        }
        open.works.retain(|work| {
            let missing = work.plan.versions().find(|version| !open.plans.contains_key(version));
            if missing.is_some() {
                open.corrupt.push(corrupt("works", work.record.work_id, &Damage::Dangling("versions")));
            }
            missing.is_none()
        });
        open.tasks.retain(|task| !skipped.contains(&task.seq));
        open.attempts.retain(|attempt| !skipped.contains(&attempt.id.task));
        self.load_cluster(transaction, &mut open).await?;
        self.load_building(transaction, &mut open).await?;
        open.actions.retain(|(task, _)| !skipped.contains(task));
        open.tasks.sort_unstable_by_key(|task| task.seq);
        open.attempts.sort_unstable_by_key(|attempt| attempt.id);
        // stable: those of one task are in their order already
        open.actions.sort_by_key(|(task, _)| *task);
        Ok(open)
    }

    async fn load_next_seq(&self, transaction: &DatabaseTransaction) -> Result<TaskSeq> {
        let sql = "SELECT COALESCE((SELECT MAX(seq) FROM tasks), 0), \
                   COALESCE((SELECT value FROM counters WHERE name = 'next_task_seq'), 1)";
        let row = transaction.query_one_raw(self.statement(sql, [])).await?;
        let row = row.ok_or_else(|| Damage::Dangling("counters").of("counters", "next_task_seq"))?;
        let (latest, next): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        Ok(next.max(latest + 1))
    }

    /// Adds the tasks of one state with their attempts.
    async fn load_state(
        &self,
        transaction: &DatabaseTransaction,
        state: i16,
        open: &mut Open,
        skipped: &mut BTreeSet<TaskSeq>,
    ) -> Result<()> {
        let tasks = format!(
            "SELECT {} FROM tasks t WHERE t.state = {state} AND t.seq > ? ORDER BY t.seq LIMIT {PAGE}",
            task::SELECTED
        );
        let tasks = placeholders(self.backend, &tasks);
        let mut after = i64::MIN;
        loop {
            let rows = transaction.query_all_raw(self.statement(tasks.as_str(), [after.into()])).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            let last: i64 = last.try_get("", "seq")?;
            for row in &rows {
                match read_task(row) {
                    Ok(record) => open.tasks.push(record),
                    Err(damage) => {
                        let seq = row.try_get("", "seq")?;
                        open.corrupt.push(corrupt("tasks", seq, &damage));
                        skipped.insert(seq);
                    }
                }
            }
            self.load_attempts_of(transaction, &rows, open, skipped).await?;
            self.load_actions_of(transaction, &rows, open, skipped).await?;
            after = last;
        }
    }

    /// Adds the attempts of these tasks.
    async fn load_attempts_of(
        &self,
        transaction: &DatabaseTransaction,
        tasks: &[QueryResult],
        open: &mut Open,
        skipped: &mut BTreeSet<TaskSeq>,
    ) -> Result<()> {
        let mut keys: Vec<[Value; 1]> = Vec::with_capacity(tasks.len());
        for task in tasks {
            keys.push([task.try_get::<TaskSeq>("", "seq")?.into()]);
        }
        let sql = format!("SELECT {} FROM attempts a WHERE a.task IN ({{keys}})", attempt::SELECTED);
        for row in select_by_keys(transaction, &sql, &keys).await? {
            match read_attempt(&row) {
                Ok(record) => open.attempts.push(record),
                Err(damage) => {
                    open.corrupt.push(corrupt("attempts", attempt_name(&row), &damage));
                    skipped.insert(row.try_get("", "task")?);
                }
            }
        }
        Ok(())
    }

    /// Adds the actions these tasks have made at run time.
    async fn load_actions_of(
        &self,
        transaction: &DatabaseTransaction,
        tasks: &[QueryResult],
        open: &mut Open,
        skipped: &mut BTreeSet<TaskSeq>,
    ) -> Result<()> {
        let mut keys: Vec<[Value; 1]> = Vec::with_capacity(tasks.len());
        for task in tasks {
            keys.push([task.try_get::<TaskSeq>("", "seq")?.into()]);
        }
        let sql = "SELECT task, action, plan FROM task_actions WHERE task IN ({keys}) ORDER BY task, action";
        for row in select_by_keys(transaction, sql, &keys).await? {
            match actions::read(&row) {
                Ok(action) => open.actions.push(action),
                Err(damage) => {
                    open.corrupt.push(corrupt("task_actions", actions::name(&row), &damage));
                    skipped.insert(row.try_get("", "task")?);
                }
            }
        }
        Ok(())
    }

    async fn load_plans(
        &self,
        transaction: &DatabaseTransaction,
        versions: &BTreeSet<VersionId>,
        corrupt_rows: &mut Vec<String>,
    ) -> Result<BTreeMap<VersionId, Arc<Plan>>> {
        let keys: Vec<[Value; 1]> = versions.iter().map(|version| [(*version).into()]).collect();
        let sql = "SELECT version_id, plan FROM versions WHERE version_id IN ({keys}) AND plan IS NOT NULL";
        let mut plans = BTreeMap::new();
        for row in select_by_keys(transaction, sql, &keys).await? {
            let version: VersionId = row.try_get_by_index(0)?;
            match read_plan(&row) {
                Ok(plan) => {
                    plans.insert(version, Arc::new(plan));
                }
                Err(damage) => corrupt_rows.push(corrupt("versions", version, &damage)),
            }
        }
        Ok(plans)
    }
}

pub(super) fn read_task(row: &QueryResult) -> Result<TaskRecord, Damage> {
    task::Row::from_query_result(row, "").map_err(Damage::Column)?.try_into()
}

pub(super) fn read_attempt(row: &QueryResult) -> Result<AttemptRecord, Damage> {
    attempt::Row::read(row).map_err(Damage::Column)?.try_into()
}

pub(super) fn read_plan(row: &QueryResult) -> Result<Plan, Damage> {
    let plan: String = row.try_get("", "plan").map_err(Damage::Column)?;
    columns::json("plan", &plan)
}

/// The key of a row that cannot be read as a whole.
pub(super) fn attempt_name(row: &QueryResult) -> String {
    let part =
        |column| row.try_get::<i64>("", column).map_or_else(|_| "?".to_owned(), |part| part.to_string());
    format!("{}/{}/{}", part("task"), part("action"), part("number"))
}

pub(super) fn corrupt(table: &str, row: impl Display, damage: &Damage) -> String {
    format!("{table} {row}: {damage}")
}
