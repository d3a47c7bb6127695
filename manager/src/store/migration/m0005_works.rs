//! Workflows and works.

use sea_orm::DbErr;
use sea_orm_migration::prelude::SchemaManager;
use sea_orm_migration::{MigrationName, MigrationTrait, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0005_works"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the macro's trait was declared without one")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for schema in [WORKFLOWS, WORKS] {
            super::execute_schema(manager, schema).await?;
        }
        Ok(())
    }
}

/// A deleted workflow keeps its row for the history of its works, and only its name becomes free.
const WORKFLOWS: &str = "
CREATE TABLE workflows (
    seq {serial},
    workflow_id {uuid} NOT NULL UNIQUE,
    name {name} NOT NULL,
    description TEXT NOT NULL,
    enable BOOLEAN NOT NULL,
    configuration TEXT NOT NULL,
    warnings TEXT NOT NULL,
    create_at BIGINT NOT NULL,
    update_at BIGINT NOT NULL,
    delete_at BIGINT
);
CREATE UNIQUE INDEX workflows_name ON workflows (name) WHERE delete_at IS NULL
";

/// `state` is stage and status in one number, as in `tasks`. What never changes lies apart in `work_copies`; `work_versions` answers
/// whether a version is in use.
const WORKS: &str = "
CREATE TABLE works (
    seq {serial},
    work_id {uuid} NOT NULL UNIQUE,
    workflow_id {uuid} NOT NULL,
    schedule_id {uuid},
    name {name} NOT NULL,
    priority INTEGER NOT NULL,
    run BIGINT NOT NULL,
    since BIGINT NOT NULL,
    event_since BIGINT NOT NULL,
    state SMALLINT NOT NULL,
    stage TEXT NOT NULL,
    status TEXT,
    reason TEXT,
    create_at BIGINT NOT NULL,
    start_at BIGINT,
    end_at BIGINT,
    stop_signal INTEGER,
    stop_grace_us BIGINT
);
CREATE INDEX works_state ON works (state, seq);
CREATE INDEX works_workflow ON works (workflow_id, seq);
CREATE INDEX works_schedule ON works (schedule_id, seq) WHERE schedule_id IS NOT NULL;
CREATE INDEX works_name ON works (name);
CREATE INDEX works_end_at ON works (end_at) WHERE end_at IS NOT NULL;
CREATE TABLE work_copies (
    work_id {uuid} NOT NULL PRIMARY KEY REFERENCES works (work_id) ON DELETE CASCADE,
    plan TEXT NOT NULL,
    configuration TEXT NOT NULL,
    inputs TEXT NOT NULL,
    input TEXT
);
CREATE TABLE work_versions (
    version_id BIGINT NOT NULL,
    work_id {uuid} NOT NULL REFERENCES works (work_id) ON DELETE CASCADE,
    PRIMARY KEY (version_id, work_id)
) {clustered};
CREATE INDEX work_versions_work ON work_versions (work_id)
";
