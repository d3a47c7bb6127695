//! One task with everything that is stored about it, open or finished.

use std::collections::BTreeMap;
use std::sync::Arc;

use lp_protocol::plan::Plan;
use lp_protocol::views::TaskView;
use lp_protocol::{Stage, TaskId, VersionId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult};
use serde_json::value::RawValue;

use super::entity::columns::{raw, unsigned};
use super::entity::task;
use super::load::{attempt_name, read_plan, read_task};
use super::sql::placeholders;
use super::{Damage, Error, Result, Store};
use crate::core::Finished;
use crate::core::record::{AttemptId, AttemptRecord, Deed, TaskRecord, TaskSeq};

#[derive(Clone, Debug)]
pub struct StoredTask {
    pub record: TaskRecord,
    pub app_name: String,
    /// The number of its version.
    pub version: u32,
    /// None is `{}`.
    pub input: Option<Box<RawValue>>,
    /// Of its version, with the actions it has made at run time.
    pub plan: Arc<Plan>,
    /// Of all runs, ascending by id.
    pub attempts: Vec<AttemptRecord>,
    /// What was done to it, first to last.
    pub deeds: Vec<Deed>,
    /// Of the attempts that left one.
    pub outputs: BTreeMap<AttemptId, Box<RawValue>>,
}

/// Inputs and outputs may be a hundred times as large as all the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payloads {
    Read,
    /// As if there were none.
    LeftOut,
}

impl StoredTask {
    pub fn view(&self) -> TaskView {
        TaskView { version: self.version, ..task::view(self.record.clone(), self.app_name.clone()) }
    }
}

impl Store {
    pub async fn find_record(&self, task_id: TaskId) -> Result<Option<TaskRecord>> {
        let row = self.read.query_one_raw(self.task_statement(task_id)).await?;
        row.map(|row| read_task(&row).map_err(|damage| damage.of("tasks", task_id))).transpose()
    }

    pub async fn find_view(&self, task_id: TaskId) -> Result<Option<TaskView>> {
        let Some(row) = self.read.query_one_raw(self.task_statement(task_id)).await? else { return Ok(None) };
        let record = read_task(&row).map_err(|damage| damage.of("tasks", task_id))?;
        let version =
            task::version_number(&row).map_err(|damage| damage.of("versions", record.version_id))?;
        Ok(Some(TaskView { version, ..task::view(record, row.try_get("", "app_name")?) }))
    }

    /// All that is stored about a task, as of one moment.
    pub async fn find_task(&self, task_id: TaskId) -> Result<Option<StoredTask>> {
        self.find_task_with(task_id, Payloads::Read, |_| None).await
    }

    /// The same; `known` may have the plan of the task's version already, which never changes and takes long to read where it is large.
    pub async fn find_task_with(
        &self,
        task_id: TaskId,
        payloads: Payloads,
        known: impl Fn(VersionId) -> Option<Arc<Plan>>,
    ) -> Result<Option<StoredTask>> {
        let transaction = self.begin_snapshot().await?;
        let task = self.find_task_in(&transaction, task_id, payloads, known).await;
        transaction.rollback().await?;
        task
    }

    /// What the core needs to run a finished task again.
    ///
    /// # Errors
    /// `NotFound` where the task or its application is gone.
    pub async fn load_finished(&self, task_id: TaskId) -> Result<Finished> {
        let transaction = self.begin_snapshot().await?;
        let task = self.load_finished_in(&transaction, task_id).await;
        transaction.rollback().await?;
        task
    }

    /// Number of tasks in each stage that is not finished.
    pub async fn count_open_tasks(&self) -> Result<BTreeMap<Stage, u64>> {
        let mut counts: BTreeMap<Stage, u64> = Stage::OPEN.iter().map(|stage| (*stage, 0)).collect();
        for stage in Stage::OPEN {
            let sql = format!("SELECT COUNT(*) FROM tasks WHERE state = {}", task::state(*stage, None));
            if let Some(row) = self.read.query_one_raw(self.statement(sql, [])).await? {
                counts.insert(*stage, row.try_get_by_index::<i64>(0)?.unsigned_abs());
            }
        }
        Ok(counts)
    }

    async fn find_task_in(
        &self,
        transaction: &DatabaseTransaction,
        task_id: TaskId,
        payloads: Payloads,
        known: impl Fn(VersionId) -> Option<Arc<Plan>>,
    ) -> Result<Option<StoredTask>> {
        let Some(row) = transaction.query_one_raw(self.task_statement(task_id)).await? else {
            return Ok(None);
        };
        let record = read_task(&row).map_err(|damage| damage.of("tasks", task_id))?;
        let (input, outputs) = match payloads {
            Payloads::Read => (
                self.load_input(transaction, record.seq).await?,
                self.load_all_outputs(transaction, record.seq).await?,
            ),
            Payloads::LeftOut => (None, BTreeMap::new()),
        };
        Ok(Some(StoredTask {
            app_name: row.try_get("", "app_name")?,
            version: task::version_number(&row).map_err(|damage| damage.of("versions", record.version_id))?,
            input,
            plan: self.load_plan(transaction, &record, known(record.version_id)).await?,
            attempts: self.select_attempts(transaction, "a.task = ?", vec![record.seq.into()]).await?,
            deeds: self.select_deeds(transaction, record.seq).await?,
            outputs,
            record,
        }))
    }

    async fn load_finished_in(&self, transaction: &DatabaseTransaction, task_id: TaskId) -> Result<Finished> {
        let row = transaction.query_one_raw(self.task_statement(task_id)).await?;
        let row = row.ok_or_else(|| Error::not_found("task", task_id))?;
        if row.try_get::<Option<i64>>("", "app_delete_at")?.is_some() {
            return Err(Error::not_found("app", row.try_get::<String>("", "app_name")?));
        }
        let record = read_task(&row).map_err(|damage| damage.of("tasks", task_id))?;
        Ok(Finished {
            attempts: self.select_attempts(transaction, "a.task = ?", vec![record.seq.into()]).await?,
            plan: self.load_plan(transaction, &record, None).await?,
            record,
        })
    }

    fn task_statement(&self, task_id: TaskId) -> sea_orm::Statement {
        let sql = format!(
            "SELECT {}, {}, p.delete_at AS app_delete_at FROM tasks t \
             LEFT JOIN packages p ON p.package_id = t.app_id LEFT JOIN versions v ON v.version_id = t.version_id \
             WHERE t.task_id = ?",
            task::SELECTED,
            task::BESIDE
        );
        self.statement(placeholders(self.backend, &sql), [task_id.0.into()])
    }

    async fn load_input(
        &self,
        transaction: &DatabaseTransaction,
        task: TaskSeq,
    ) -> Result<Option<Box<RawValue>>> {
        let sql = placeholders(self.backend, "SELECT input FROM task_inputs WHERE task = ?");
        let Some(row) = transaction.query_one_raw(self.statement(sql, [task.into()])).await? else {
            return Ok(None);
        };
        let input =
            raw("input", row.try_get_by_index(0)?).map_err(|damage| damage.of("task_inputs", task))?;
        Ok(Some(input))
    }

    async fn load_plan(
        &self,
        transaction: &DatabaseTransaction,
        record: &TaskRecord,
        known: Option<Arc<Plan>>,
    ) -> Result<Arc<Plan>> {
        let mut plan = match known {
            Some(plan) => plan,
            None => {
                let version = record.version_id;
                let sql = placeholders(self.backend, "SELECT plan FROM versions WHERE version_id = ?");
                let row = transaction.query_one_raw(self.statement(sql, [version.into()])).await?;
                let row = row.ok_or_else(|| Damage::Dangling("versions").of("tasks", record.task_id))?;
                Arc::new(read_plan(&row).map_err(|damage| damage.of("versions", version))?)
            }
        };
        let generated = self.select_actions(transaction, record.seq).await?;
        if !generated.is_empty() {
            Arc::make_mut(&mut plan).add_generated(generated);
        }
        Ok(plan)
    }

    async fn load_all_outputs(
        &self,
        transaction: &DatabaseTransaction,
        task: TaskSeq,
    ) -> Result<BTreeMap<AttemptId, Box<RawValue>>> {
        let sql =
            "SELECT task, action, number, output FROM attempt_payloads WHERE task = ? AND output IS NOT NULL";
        let statement = self.statement(placeholders(self.backend, sql), [task.into()]);
        let mut outputs = BTreeMap::new();
        for row in transaction.query_all_raw(statement).await? {
            let (id, output) =
                read_output(&row).map_err(|damage| damage.of("attempt_payloads", attempt_name(&row)))?;
            outputs.insert(id, output);
        }
        Ok(outputs)
    }
}

fn read_output(row: &QueryResult) -> Result<(AttemptId, Box<RawValue>), Damage> {
    let column = |column| row.try_get::<i64>("", column).map_err(Damage::Column);
    let id = AttemptId {
        task: column("task")?,
        action: unsigned("action", column("action")?)?,
        number: unsigned("number", column("number")?)?,
    };
    let output = row.try_get("", "output").map_err(Damage::Column)?;
    Ok((id, raw("output", output)?))
}
