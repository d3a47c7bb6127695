//! What the core's due timers need: active versions of applications, workflows, kept inputs.

use std::collections::BTreeSet;
use std::sync::Arc;

use lp_protocol::{AppId, AttemptKey, TaskId};
use sea_orm::{ConnectionTrait, QueryResult};

use super::load::read_plan;
use super::sql::placeholders;
use super::{Damage, Error, Result, Store};
use crate::core::record::{AttemptRecord, TaskSeq, Unwanted};
use crate::core::work::WorkSource;
use crate::core::{AppSource, Shape, SourceKey, Sources, derive};

impl Store {
    /// Reads what is there of what is wanted.
    pub async fn load_sources(&self, wanted: &BTreeSet<SourceKey>) -> Result<Sources> {
        let mut sources = Sources { asked: wanted.clone(), ..Sources::default() };
        for key in wanted {
            match key {
                SourceKey::App(app_id) => {
                    if let Some(app) = readable(self.load_app_source(*app_id).await)? {
                        sources.apps.insert(*app_id, app);
                    }
                }
                SourceKey::Input(id) => {
                    if let Some(input) = readable(self.find_kept_input(*id).await)? {
                        sources.inputs.insert(*id, input);
                    }
                }
                SourceKey::Workspaces(task) => {
                    sources.workspaces.insert(*task, self.load_workspaces(*task).await?);
                }
                SourceKey::Workflow(workflow_id) => {
                    let source = usable(self.load_workflow_source(*workflow_id).await)?;
                    sources.workflows.insert(*workflow_id, source.map(Arc::new));
                }
            }
        }
        Ok(sources)
    }

    /// Where a task has left workspaces. One that cannot be read names none: they are then removed by their age.
    async fn load_workspaces(&self, task: TaskSeq) -> Result<Vec<Unwanted>> {
        let sql = placeholders(self.backend, "SELECT task_id FROM tasks WHERE seq = ?");
        let Some(row) = self.read.query_one_raw(self.statement(sql, [task.into()])).await? else {
            return Ok(Vec::new());
        };
        let task_id = TaskId(row.try_get_by_index(0)?);
        let shape = match self.find_task(task_id).await {
            Ok(Some(stored)) => Shape::new(stored.plan),
            Ok(None) | Err(Error::Corrupt { .. }) => return Ok(Vec::new()),
            Err(other) => return Err(other),
        };
        let attempts = self.list_attempts_with_workspace(task).await?;
        let key = |attempt: &AttemptRecord| {
            let action = derive::name_of(attempt, &shape)?.to_owned();
            let key = AttemptKey { task_id, action, attempt: attempt.id.number };
            Some(Unwanted { node_id: attempt.node_id, id: attempt.id, key })
        };
        Ok(attempts.iter().filter_map(key).collect())
    }

    /// The active version of an application that is not deleted.
    pub async fn load_app_source(&self, app_id: AppId) -> Result<Option<AppSource>> {
        let sql = "SELECT p.name, v.version_id, v.plan FROM packages p JOIN versions v ON v.version_id = p.version_id \
                   WHERE p.package_id = ? AND p.kind = 'app' AND p.delete_at IS NULL";
        let statement = self.statement(placeholders(self.backend, sql), [app_id.0.into()]);
        let row = self.read.query_one_raw(statement).await?;
        row.map(|row| read_source(&row).map_err(|damage| damage.of("versions", app_id))).transpose()
    }
}

/// A damaged row must not keep a timer from ever being handled, and with it the loop: it counts as not there.
fn readable<T>(found: Result<Option<T>>) -> Result<Option<T>> {
    match found {
        Err(error @ Error::Corrupt { .. }) => {
            tracing::error!(error = %error, "a stored row is damaged and taken as not there");
            Ok(None)
        }
        found => found,
    }
}

/// The same of a workflow, with the reason.
fn usable(found: Result<Result<WorkSource, String>>) -> Result<Result<WorkSource, String>> {
    match found {
        Err(error @ (Error::Corrupt { .. } | Error::NotFound { .. })) => {
            tracing::error!(error = %error, "a workflow cannot be read and its schedules are skipped");
            Ok(Err(format!("the workflow cannot be used: {error}")))
        }
        found => found,
    }
}

fn read_source(row: &QueryResult) -> Result<AppSource, Damage> {
    Ok(AppSource {
        name: row.try_get("", "name").map_err(Damage::Column)?,
        version_id: row.try_get("", "version_id").map_err(Damage::Column)?,
        plan: Arc::new(read_plan(row)?),
    })
}
