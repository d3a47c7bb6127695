//! Schedules, their instants, and the inputs that are kept for schedules and services.

use sea_orm::DbErr;
use sea_orm_migration::prelude::SchemaManager;
use sea_orm_migration::{MigrationName, MigrationTrait, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0003_schedules"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the macro's trait was declared without one")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute_schema(manager, SCHEDULES).await
    }
}

/// One row for each instant of a schedule: its key is what makes an instant fire once. The times of a schedule are either `cron`, or the
/// four numbers, of which -1 is "any".
const SCHEDULES: &str = "
CREATE TABLE schedules (
    seq {serial},
    schedule_id {uuid} NOT NULL UNIQUE,
    name {name} NOT NULL,
    source TEXT NOT NULL,
    source_id {uuid} NOT NULL,
    cron TEXT,
    minute INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    day_of_month INTEGER NOT NULL,
    day_of_week INTEGER NOT NULL,
    tz TEXT NOT NULL,
    start_at BIGINT,
    end_at BIGINT,
    catchup TEXT NOT NULL,
    catchup_most BIGINT NOT NULL,
    overlap TEXT NOT NULL,
    jitter_us BIGINT NOT NULL,
    enable SMALLINT NOT NULL,
    decided_through BIGINT NOT NULL,
    fired_through BIGINT,
    triggered_through BIGINT,
    create_at BIGINT NOT NULL,
    update_at BIGINT NOT NULL
);
CREATE TABLE schedule_instants (
    schedule_id {uuid} NOT NULL REFERENCES schedules (schedule_id) ON DELETE CASCADE,
    instant BIGINT NOT NULL,
    manual SMALLINT NOT NULL,
    state TEXT NOT NULL,
    decide_at BIGINT,
    reason TEXT,
    task_id {uuid},
    PRIMARY KEY (schedule_id, instant)
) {clustered};
CREATE INDEX schedule_instants_waiting ON schedule_instants (schedule_id, instant) WHERE state = 'waiting';
CREATE TABLE kept_inputs (
    id {uuid} NOT NULL PRIMARY KEY,
    input TEXT NOT NULL
)
";
