//! Attempts by themselves, without the inputs and outputs of their task, which may be large: for logs and workspaces.

use lp_protocol::plan::Ordinal;
use sea_orm::{ConnectionTrait, Value};

use super::entity::attempt;
use super::load::{attempt_name, read_attempt};
use super::sql::{clean, placeholders};
use super::{Result, Store};
use crate::core::record::{AttemptId, AttemptRecord, TaskSeq};

impl Store {
    /// The attempts of a task, of all runs, ascending by id.
    pub async fn list_attempts(&self, task: TaskSeq) -> Result<Vec<AttemptRecord>> {
        self.select_attempts(&self.read, "a.task = ?", vec![task.into()]).await
    }

    /// The attempts of a task whose workspaces were not deleted, of all runs, ascending by id.
    pub async fn list_attempts_with_workspace(&self, task: TaskSeq) -> Result<Vec<AttemptRecord>> {
        self.select_attempts(&self.read, "a.task = ? AND a.workspace_deleted = 0", vec![task.into()]).await
    }

    /// The attempts of one action of a task, of all runs, ascending by number. `action` is its place in the present version, if it has one; those
    /// of versions that the task has left are found by `name`.
    pub async fn list_attempts_of(
        &self,
        task: TaskSeq,
        action: Option<Ordinal>,
        name: &str,
    ) -> Result<Vec<AttemptRecord>> {
        let mut attempts = self
            .select_attempts(
                &self.read,
                "a.task = ? AND ((a.action = ? AND a.name IS NULL) OR a.name = ?)",
                vec![task.into(), action.map_or(-1, i64::from).into(), clean(name).into()],
            )
            .await?;
        attempts.sort_by_key(|attempt| attempt.id.number);
        Ok(attempts)
    }

    pub async fn find_attempt(&self, id: AttemptId) -> Result<Option<AttemptRecord>> {
        let condition = "a.task = ? AND a.action = ? AND a.number = ?";
        Ok(self.select_attempts(&self.read, condition, attempt::key(id).to_vec()).await?.pop())
    }

    pub(super) async fn select_attempts(
        &self,
        connection: &impl ConnectionTrait,
        condition: &str,
        values: Vec<Value>,
    ) -> Result<Vec<AttemptRecord>> {
        let sql = format!(
            "SELECT {} FROM attempts a WHERE {condition} ORDER BY a.action, a.number",
            attempt::SELECTED
        );
        let statement = self.statement(placeholders(self.backend, &sql), values);
        let mut attempts = Vec::new();
        for row in connection.query_all_raw(statement).await? {
            attempts.push(read_attempt(&row).map_err(|damage| damage.of("attempts", attempt_name(&row)))?);
        }
        Ok(attempts)
    }
}
