//! Workflows: names for definitions.

use chrono::{DateTime, Utc};
use lp_protocol::WorkflowId;
use lp_protocol::views::{Page, WorkflowView};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::PackageList;
use crate::store::entity::columns::{json, raw, time, to_micros};
use crate::store::error::is_duplicate;
use crate::store::page::Wanted;
use crate::store::resolve::prefix_range;
use crate::store::sql::{clean, placeholders};
use crate::store::{Damage, Epoch, Error, Result, Store};

#[derive(Clone, Debug)]
pub struct NewWorkflow {
    pub workflow_id: WorkflowId,
    pub name: String,
    pub description: String,
    pub enable: bool,
    pub definition: StoredDefinition,
    pub create_at: DateTime<Utc>,
}

/// A definition that was compiled.
#[derive(Clone, Debug)]
pub struct StoredDefinition {
    /// As it was written, a JSON object.
    pub configuration: Box<RawValue>,
    pub warnings: Vec<String>,
}

/// None: stays as it is.
#[derive(Clone, Debug)]
pub struct WorkflowUpdate {
    pub name: Option<String>,
    pub description: Option<String>,
    pub enable: Option<bool>,
    pub definition: Option<StoredDefinition>,
    pub update_at: DateTime<Utc>,
}

const SELECTED: &str =
    "seq, workflow_id, name, description, enable, configuration, warnings, create_at, update_at";

impl Store {
    /// # Errors
    /// `NameTaken` where a living workflow has the name.
    pub async fn create_workflow(&self, epoch: Epoch, new: NewWorkflow) -> Result<WorkflowView> {
        let NewWorkflow { workflow_id, name, description, enable, definition, create_at } = new;
        let transaction = self.begin(epoch).await?;
        let sql = "INSERT INTO workflows (workflow_id, name, description, enable, configuration, warnings, create_at, update_at) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        let at = to_micros(create_at);
        let values: Vec<Value> = vec![
            workflow_id.0.into(),
            clean(&name).into(),
            clean(&description).into(),
            enable.into(),
            clean(definition.configuration.get()).into(),
            warnings_text(&definition).into(),
            at.into(),
            at.into(),
        ];
        let inserted = transaction.execute_raw(self.statement(placeholders(self.backend, sql), values)).await;
        inserted.map_err(|error| name_taken(error, &name))?;
        transaction.commit().await?;
        self.load_workflow(workflow_id).await
    }

    /// # Errors
    /// `NotFound`, and `NameTaken` where another living workflow has the new name.
    pub async fn update_workflow(
        &self,
        epoch: Epoch,
        workflow_id: WorkflowId,
        update: WorkflowUpdate,
    ) -> Result<WorkflowView> {
        let WorkflowUpdate { name, description, enable, definition, update_at } = update;
        let mut set = "update_at = ?".to_owned();
        let mut values: Vec<Value> = vec![to_micros(update_at).into()];
        let mut also = |column: &str, value: Value| {
            set.push_str(&format!(", {column} = ?"));
            values.push(value);
        };
        if let Some(name) = &name {
            also("name", clean(name).into());
        }
        if let Some(description) = description {
            also("description", clean(&description).into());
        }
        if let Some(enable) = enable {
            also("enable", enable.into());
        }
        if let Some(definition) = definition {
            also("configuration", clean(definition.configuration.get()).into());
            also("warnings", warnings_text(&definition).into());
        }
        values.push(workflow_id.0.into());
        let sql = format!("UPDATE workflows SET {set} WHERE workflow_id = ? AND delete_at IS NULL");
        self.change_workflow(epoch, workflow_id, &sql, values)
            .await
            .map_err(|error| named(error, &name.unwrap_or_default()))?;
        self.load_workflow(workflow_id).await
    }

    /// Forgets a workflow; its works have copies and go on.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_workflow(
        &self,
        epoch: Epoch,
        workflow_id: WorkflowId,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let sql = "UPDATE workflows SET delete_at = ? WHERE workflow_id = ? AND delete_at IS NULL";
        let values = vec![to_micros(now).into(), workflow_id.0.into()];
        self.change_workflow(epoch, workflow_id, sql, values).await
    }

    /// The living workflows, newest first.
    pub async fn list_workflows(&self, wanted: &PackageList) -> Result<Page<WorkflowView>> {
        let PackageList { name, cursor, limit } = wanted;
        let mut rows = Wanted::below("seq", cursor.as_deref(), *limit)?;
        rows.and("delete_at IS NULL", []);
        rows.and_named(self, "name", name.as_deref())?;
        Ok(rows.page(self.select_workflows(&rows.tail(), rows.values()).await?))
    }

    /// A living workflow.
    pub async fn find_workflow(&self, workflow_id: WorkflowId) -> Result<Option<WorkflowView>> {
        let tail = "workflow_id = ? AND delete_at IS NULL";
        let found = self.select_workflows(tail, vec![workflow_id.0.into()]).await?;
        Ok(found.into_iter().next().map(|(_, view)| view))
    }

    /// The living workflow meant by `text`: its id, its exact name, or the unique beginning of its id, in this order.
    pub async fn resolve_workflow(&self, text: &str) -> Result<WorkflowId> {
        if let Ok(id) = text.parse()
            && self.find_workflow(id).await?.is_some()
        {
            return Ok(id);
        }
        let named = "name = ? AND delete_at IS NULL";
        if let [(_, view)] = &self.select_workflows(named, vec![clean(text).into()]).await?[..] {
            return Ok(view.workflow_id);
        }
        // too short for an id, but it may well have been meant as a name
        let (low, high) = prefix_range("workflow", text).map_err(|_| Error::not_found("workflow", text))?;
        let tail = "workflow_id >= ? AND workflow_id <= ? AND delete_at IS NULL LIMIT 10";
        match &self.select_workflows(tail, vec![low.into(), high.into()]).await?[..] {
            [] => Err(Error::not_found("workflow", text)),
            [(_, view)] => Ok(view.workflow_id),
            several => Err(Error::Ambiguous {
                what: "workflow",
                name: text.to_owned(),
                candidates: several
                    .iter()
                    .map(|(_, view)| format!("{} ({})", view.workflow_id, view.name))
                    .collect(),
            }),
        }
    }

    async fn load_workflow(&self, workflow_id: WorkflowId) -> Result<WorkflowView> {
        self.find_workflow(workflow_id).await?.ok_or_else(|| Error::not_found("workflow", workflow_id))
    }

    async fn change_workflow(
        &self,
        epoch: Epoch,
        workflow_id: WorkflowId,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<()> {
        let transaction = self.begin(epoch).await?;
        let statement = self.statement(placeholders(self.backend, sql), values);
        let changed = transaction.execute_raw(statement).await?.rows_affected();
        if changed == 0 {
            return Err(Error::not_found("workflow", workflow_id));
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn select_workflows(&self, tail: &str, values: Vec<Value>) -> Result<Vec<(i64, WorkflowView)>> {
        let sql = format!("SELECT {SELECTED} FROM workflows WHERE {tail}");
        let rows = self.read.query_all_raw(self.statement(placeholders(self.backend, &sql), values)).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let seq: i64 = row.try_get("", "seq")?;
            found.push((seq, read(&row).map_err(|damage| damage.of("workflows", seq))?));
        }
        Ok(found)
    }
}

fn read(row: &QueryResult) -> Result<WorkflowView, Damage> {
    let text = |column| row.try_get::<String>("", column).map_err(Damage::Column);
    let moment = |column| row.try_get::<i64>("", column).map_err(Damage::Column);
    Ok(WorkflowView {
        workflow_id: WorkflowId(row.try_get::<Uuid>("", "workflow_id").map_err(Damage::Column)?),
        name: text("name")?,
        description: text("description")?,
        enable: row.try_get("", "enable").map_err(Damage::Column)?,
        create_at: time("create_at", moment("create_at")?)?,
        update_at: time("update_at", moment("update_at")?)?,
        configuration: raw("configuration", text("configuration")?)?,
        warnings: json("warnings", &text("warnings")?)?,
    })
}

fn warnings_text(definition: &StoredDefinition) -> String {
    serde_json::to_string(&definition.warnings).expect("sentences are plain data")
}

fn name_taken(error: sea_orm::DbErr, name: &str) -> Error {
    if is_duplicate(&error) { taken(name) } else { error.into() }
}

fn named(error: Error, name: &str) -> Error {
    match error {
        Error::Broken(source) if is_duplicate(&source) => taken(name),
        other => other,
    }
}

fn taken(name: &str) -> Error {
    Error::NameTaken { what: "workflow", name: name.to_owned() }
}
