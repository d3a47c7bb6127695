//! One work with everything that is stored about it, open or finished.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lp_protocol::views::WorkView;
use lp_protocol::{VersionId, WorkId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Value};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::super::entity::columns::raw;
use super::super::entity::work;
use super::super::load::read_task as read_task_record;
use super::super::resolve::prefix_range;
use super::super::sql::placeholders;
use super::super::{Damage, Error, Result, Store, entity};
use super::NamedVersion;
use super::load::{read_open, read_record};
use crate::core::record::TaskRecord;
use crate::core::work::{FinishedWork, WorkPlan, WorkRecord, WorkTask};

#[derive(Clone, Debug)]
pub struct StoredWork {
    pub record: WorkRecord,
    pub workflow_name: String,
    pub plan: Arc<WorkPlan>,
    /// The workflow's definition as it was.
    pub configuration: Box<RawValue>,
    /// None is `{}`.
    pub input: Option<Box<RawValue>>,
    /// Of all runs, ascending.
    pub tasks: Vec<WorkTask>,
    /// How people know them, those of deleted applications too.
    pub versions: BTreeMap<VersionId, NamedVersion>,
}

impl StoredWork {
    pub fn view(&self) -> WorkView {
        work::view(self.record.clone(), self.workflow_name.clone())
    }
}

impl Store {
    pub async fn find_work_record(&self, work_id: WorkId) -> Result<Option<WorkRecord>> {
        let sql = format!("SELECT {} FROM works w WHERE w.work_id = ?", work::SELECTED);
        let statement = self.statement(placeholders(self.backend, &sql), [work_id.0.into()]);
        let row = self.read.query_one_raw(statement).await?;
        row.map(|row| read_record(&row).map_err(|damage| damage.of("works", work_id))).transpose()
    }

    pub async fn find_work_view(&self, work_id: WorkId) -> Result<Option<WorkView>> {
        let sql = format!(
            "SELECT {}, COALESCE(f.name, '') AS workflow_name FROM works w \
             LEFT JOIN workflows f ON f.workflow_id = w.workflow_id WHERE w.work_id = ?",
            work::SELECTED
        );
        let statement = self.statement(placeholders(self.backend, &sql), [work_id.0.into()]);
        let Some(row) = self.read.query_one_raw(statement).await? else { return Ok(None) };
        let record = read_record(&row).map_err(|damage| damage.of("works", work_id))?;
        Ok(Some(work::view(record, row.try_get("", "workflow_name")?)))
    }

    /// All that is stored about a work, as of one moment.
    pub async fn find_work(&self, work_id: WorkId) -> Result<Option<StoredWork>> {
        let transaction = self.begin_snapshot().await?;
        let found = self.find_work_in(&transaction, work_id).await;
        transaction.rollback().await?;
        found
    }

    /// What the core needs to open a finished work again.
    ///
    /// # Errors
    /// `NotFound` where the work, or one of its applications, is gone.
    pub async fn load_finished_work(&self, work_id: WorkId) -> Result<FinishedWork> {
        let transaction = self.begin_snapshot().await?;
        let found = self.load_finished_work_in(&transaction, work_id).await;
        transaction.rollback().await?;
        found
    }

    /// The tasks of a work, of all runs.
    pub async fn list_tasks_of_work(&self, work_id: WorkId) -> Result<Vec<TaskRecord>> {
        let sql = format!(
            "SELECT {} FROM tasks t WHERE t.origin_id = ? AND t.origin = 'work' ORDER BY t.seq",
            entity::task::SELECTED
        );
        let statement = self.statement(placeholders(self.backend, &sql), [work_id.0.into()]);
        let mut tasks = Vec::new();
        for row in self.read.query_all_raw(statement).await? {
            tasks.push(read_task_record(&row).map_err(|damage| damage.of("tasks", work_id))?);
        }
        Ok(tasks)
    }

    /// The work meant by `text`: a whole id, the unique beginning of one, or `@last` for the latest.
    ///
    /// # Errors
    /// `NotFound`, `Ambiguous`, and `Invalid` for a beginning of fewer than four characters.
    pub async fn resolve_work(&self, text: &str) -> Result<WorkId> {
        let (sql, range) = if text == "@last" {
            ("SELECT work_id FROM works ORDER BY seq DESC LIMIT 1", vec![])
        } else {
            let (low, high) = prefix_range("work", text)?;
            let sql = "SELECT work_id FROM works WHERE work_id >= ? AND work_id <= ? LIMIT 10";
            (sql, vec![low.into(), high.into()])
        };
        let rows = self.read.query_all_raw(self.statement(placeholders(self.backend, sql), range)).await?;
        let mut candidates = Vec::with_capacity(rows.len());
        for row in rows {
            candidates.push(WorkId(row.try_get_by_index::<Uuid>(0)?));
        }
        match candidates[..] {
            [] => Err(Error::not_found("work", text)),
            [work] => Ok(work),
            _ => Err(Error::Ambiguous {
                what: "work",
                name: text.to_owned(),
                candidates: candidates.iter().map(WorkId::to_string).collect(),
            }),
        }
    }

    async fn find_work_in(
        &self,
        transaction: &DatabaseTransaction,
        work_id: WorkId,
    ) -> Result<Option<StoredWork>> {
        let sql = format!(
            "SELECT {}, c.plan, c.configuration, c.input, COALESCE(f.name, '') AS workflow_name \
             FROM works w JOIN work_copies c ON c.work_id = w.work_id \
             LEFT JOIN workflows f ON f.workflow_id = w.workflow_id WHERE w.work_id = ?",
            work::SELECTED
        );
        let statement = self.statement(placeholders(self.backend, &sql), [work_id.0.into()]);
        let Some(row) = transaction.query_one_raw(statement).await? else { return Ok(None) };
        let damaged = |damage: Damage| damage.of("works", work_id);
        let (record, plan) = read_open(&row).map_err(damaged)?;
        let input: Option<String> = row.try_get("", "input")?;
        let mut tasks = self.load_work_tasks(transaction, &[work_id]).await?;
        Ok(Some(StoredWork {
            workflow_name: row.try_get("", "workflow_name")?,
            configuration: raw("configuration", row.try_get("", "configuration")?).map_err(damaged)?,
            input: input.map(|input| raw("input", input)).transpose().map_err(damaged)?,
            tasks: tasks.remove(&work_id).unwrap_or_default(),
            versions: self.load_named_versions(transaction, &plan).await?,
            record,
            plan,
        }))
    }

    async fn load_finished_work_in(
        &self,
        transaction: &DatabaseTransaction,
        work_id: WorkId,
    ) -> Result<FinishedWork> {
        let sql = format!(
            "SELECT {}, c.plan FROM works w JOIN work_copies c ON c.work_id = w.work_id WHERE w.work_id = ?",
            work::SELECTED
        );
        let statement = self.statement(placeholders(self.backend, &sql), [work_id.0.into()]);
        let row = transaction.query_one_raw(statement).await?;
        let row = row.ok_or_else(|| Error::not_found("work", work_id))?;
        let (record, plan) = read_open(&row).map_err(|damage| damage.of("works", work_id))?;
        let versions: BTreeSet<VersionId> = plan.versions().collect();
        let plans = self.load_living_plans(transaction, &versions).await?;
        let mut tasks = self.load_work_tasks(transaction, &[work_id]).await?;
        Ok(FinishedWork { record, plan, plans, tasks: tasks.remove(&work_id).unwrap_or_default() })
    }

    /// Number of works that are not finished and have the application in their copy.
    pub(in super::super) async fn count_works_of_app(
        &self,
        transaction: &DatabaseTransaction,
        app_id: Uuid,
    ) -> Result<u64> {
        let sql = "SELECT COUNT(DISTINCT w.work_id) FROM versions v \
                   JOIN work_versions u ON u.version_id = v.version_id JOIN works w ON w.work_id = u.work_id \
                   WHERE v.package_id = ? AND w.state IN (1, 2, 3)";
        self.count_works(transaction, sql, app_id.into()).await
    }

    /// The same of one version.
    pub(in super::super) async fn count_works_of_version(
        &self,
        connection: &impl ConnectionTrait,
        version: VersionId,
    ) -> Result<u64> {
        let sql = "SELECT COUNT(*) FROM work_versions u JOIN works w ON w.work_id = u.work_id \
                   WHERE u.version_id = ? AND w.state IN (1, 2, 3)";
        self.count_works(connection, sql, version.into()).await
    }

    async fn count_works(&self, connection: &impl ConnectionTrait, sql: &str, key: Value) -> Result<u64> {
        let statement = self.statement(placeholders(self.backend, sql), [key]);
        let row = connection.query_one_raw(statement).await?;
        let count: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?;
        Ok(count.unwrap_or(0).unsigned_abs())
    }
}
