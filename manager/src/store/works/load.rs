//! Reading the open works, for the core.

use std::collections::BTreeMap;
use std::sync::Arc;

use lp_protocol::{Stage, Status, TaskId, WorkId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult, QueryResult, Value};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::super::entity::columns::{json, raw, unsigned, word, word_opt};
use super::super::entity::{task, work};
use super::super::sql::select_by_keys;
use super::super::{Damage, Result, Store};
use crate::core::record::TaskSeq;
use crate::core::work::{OpenWork, WorkPlan, WorkRecord, WorkTask};

impl Store {
    /// The works that are not finished, in the order they were made. One that cannot be read is left out and told in `corrupt`.
    pub(in super::super) async fn load_open_works(
        &self,
        transaction: &DatabaseTransaction,
        corrupt: &mut Vec<String>,
    ) -> Result<Vec<OpenWork>> {
        let states = task::OPEN_STATES.map(|state| state.to_string()).join(", ");
        let sql = format!(
            "SELECT {}, c.plan FROM works w JOIN work_copies c ON c.work_id = w.work_id WHERE w.state IN ({states}) \
             ORDER BY w.seq",
            work::SELECTED
        );
        let mut works = Vec::new();
        for row in transaction.query_all_raw(self.statement(sql, [])).await? {
            match read_open(&row) {
                Ok((record, plan)) => works.push(OpenWork { record, plan, tasks: Vec::new() }),
                Err(damage) => corrupt.push(format!("works {}: {damage}", name_of(&row))),
            }
        }
        let ids: Vec<WorkId> = works.iter().map(|work| work.record.work_id).collect();
        let mut tasks = self.select_work_tasks(transaction, &ids).await?;
        works.retain_mut(|work| match tasks.remove(&work.record.work_id) {
            None => true,
            Some(Ok(tasks)) => {
                work.tasks = tasks;
                work.tasks.retain(|task| task.seq >= work.record.since);
                true
            }
            // which application it stands for is not known: going on could run one twice
            Some(Err((seq, damage))) => {
                corrupt.push(format!("works {}: its task {seq}: {damage}", work.record.work_id));
                false
            }
        });
        Ok(works)
    }

    /// The tasks of these works, ascending.
    pub(super) async fn load_work_tasks(
        &self,
        connection: &impl ConnectionTrait,
        works: &[WorkId],
    ) -> Result<BTreeMap<WorkId, Vec<WorkTask>>> {
        let mut tasks = BTreeMap::new();
        for (work_id, found) in self.select_work_tasks(connection, works).await? {
            tasks.insert(work_id, found.map_err(|(seq, damage)| damage.of("tasks", seq))?);
        }
        Ok(tasks)
    }

    async fn select_work_tasks(
        &self,
        connection: &impl ConnectionTrait,
        works: &[WorkId],
    ) -> Result<BTreeMap<WorkId, Result<Vec<WorkTask>, (TaskSeq, Damage)>>> {
        let keys: Vec<[Value; 1]> = works.iter().map(|work| [work.0.into()]).collect();
        let sql = "SELECT origin_id, seq, task_id, name, run, stage, status FROM tasks \
                   WHERE origin_id IN ({keys}) AND origin = 'work'";
        let mut found: BTreeMap<WorkId, Result<Vec<WorkTask>, (TaskSeq, Damage)>> = BTreeMap::new();
        for row in select_by_keys(connection, sql, &keys).await? {
            let work_id = WorkId(row.try_get::<Uuid>("", "origin_id")?);
            let seq: TaskSeq = row.try_get("", "seq")?;
            let entry = found.entry(work_id).or_insert_with(|| Ok(Vec::new()));
            match read_task(&row) {
                Ok(task) => {
                    if let Ok(tasks) = entry {
                        tasks.push(task);
                    }
                }
                Err(damage) => *entry = Err((seq, damage)),
            }
        }
        for tasks in found.values_mut().flatten() {
            tasks.sort_unstable_by_key(|task| task.seq);
        }
        Ok(found)
    }

    /// The inputs of these works, and what their workflows give each application.
    pub async fn load_work_inputs(&self, works: &[WorkId]) -> Result<BTreeMap<WorkId, WorkInputs>> {
        let keys: Vec<[Value; 1]> = works.iter().map(|work| [work.0.into()]).collect();
        let sql = "SELECT work_id, input, inputs FROM work_copies WHERE work_id IN ({keys})";
        let mut inputs = BTreeMap::new();
        for row in select_by_keys(&self.read, sql, &keys).await? {
            let work_id = WorkId(row.try_get_by_index::<Uuid>(0)?);
            let read = read_inputs(&row).map_err(|damage| damage.of("work_copies", work_id))?;
            inputs.insert(work_id, read);
        }
        Ok(inputs)
    }
}

/// What a work gives its tasks by itself.
#[derive(Clone, Debug, Default)]
pub struct WorkInputs {
    /// None is `{}`.
    pub input: Option<Box<RawValue>>,
    /// By application.
    pub applications: BTreeMap<String, Box<RawValue>>,
}

fn read_inputs(row: &QueryResult) -> Result<WorkInputs, Damage> {
    let input: Option<String> = row.try_get("", "input").map_err(Damage::Column)?;
    let inputs: String = row.try_get("", "inputs").map_err(Damage::Column)?;
    Ok(WorkInputs {
        input: input.map(|input| raw("input", input)).transpose()?,
        applications: json("inputs", &inputs)?,
    })
}

pub(super) fn read_record(row: &QueryResult) -> Result<WorkRecord, Damage> {
    work::Row::from_query_result(row, "").map_err(Damage::Column)?.try_into()
}

pub(super) fn read_open(row: &QueryResult) -> Result<(WorkRecord, Arc<WorkPlan>), Damage> {
    let plan: String = row.try_get("", "plan").map_err(Damage::Column)?;
    Ok((read_record(row)?, Arc::new(json("plan", &plan)?)))
}

pub(super) fn name_of(row: &QueryResult) -> String {
    row.try_get::<Uuid>("", "work_id").map_or_else(|_| "?".to_owned(), |id| id.to_string())
}

fn read_task(row: &QueryResult) -> Result<WorkTask, Damage> {
    let text = |column| row.try_get::<String>("", column).map_err(Damage::Column);
    let status: Option<String> = row.try_get("", "status").map_err(Damage::Column)?;
    Ok(WorkTask {
        seq: row.try_get("", "seq").map_err(Damage::Column)?,
        task_id: TaskId(row.try_get("", "task_id").map_err(Damage::Column)?),
        name: text("name")?.into(),
        run: unsigned("run", row.try_get("", "run").map_err(Damage::Column)?)?,
        stage: word::<Stage>("stage", &text("stage")?)?,
        status: word_opt::<Status>("status", status.as_deref())?,
    })
}
