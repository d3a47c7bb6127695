//! Runs of a task: what is kept from one to the next, actions made at run time, and who did what to a task.

use sea_orm::DbErr;
use sea_orm_migration::prelude::SchemaManager;
use sea_orm_migration::{MigrationName, MigrationTrait, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0008_runs"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the macro's trait was declared without one")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute_schema(manager, RUNS).await
    }
}

/// `counts_in` is the latest run in which a success counts; `name` is set where the task has left the version the attempt was of.
const RUNS: &str = "
ALTER TABLE attempts ADD COLUMN counts_in BIGINT NOT NULL DEFAULT 1;
UPDATE attempts SET counts_in = run WHERE run <> 1;
ALTER TABLE attempts ADD COLUMN name TEXT;
CREATE TABLE task_actions (
    task BIGINT NOT NULL REFERENCES tasks (seq) ON DELETE CASCADE,
    action BIGINT NOT NULL,
    plan TEXT NOT NULL,
    input TEXT,
    PRIMARY KEY (task, action)
);
CREATE TABLE task_deeds (
    seq {serial},
    task BIGINT NOT NULL REFERENCES tasks (seq) ON DELETE CASCADE,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    deed TEXT NOT NULL
);
CREATE INDEX task_deeds_task ON task_deeds (task)
";
