//! Nodes that are drained, tasks with a `target_env` of their own, workspaces that are to go.

use sea_orm::DbErr;
use sea_orm_migration::prelude::SchemaManager;
use sea_orm_migration::{MigrationName, MigrationTrait, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0007_nodes"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the macro's trait was declared without one")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute_schema(manager, NODES).await
    }
}

/// A deletion that a node owes outlives the task it is of, so it names the attempt as nodes do and refers to no row.
const NODES: &str = "
ALTER TABLE nodes ADD COLUMN drain_at BIGINT;
ALTER TABLE nodes ADD COLUMN drain_deadline BIGINT;
CREATE TABLE task_targets (
    task {seq} REFERENCES tasks (seq) ON DELETE CASCADE,
    target_env TEXT NOT NULL
);
CREATE TABLE unwanted_workspaces (
    node_id {uuid} NOT NULL,
    task_id {uuid} NOT NULL,
    action {name} NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (node_id, task_id, action, number)
) {clustered}
";
