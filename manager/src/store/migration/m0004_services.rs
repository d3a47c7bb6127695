//! Services.

use sea_orm::DbErr;
use sea_orm_migration::prelude::SchemaManager;
use sea_orm_migration::{MigrationName, MigrationTrait, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0004_services"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the macro's trait was declared without one")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute_schema(manager, SERVICES).await
    }
}

const SERVICES: &str = "
CREATE TABLE services (
    seq {serial},
    service_id {uuid} NOT NULL UNIQUE,
    name {name} NOT NULL,
    description TEXT NOT NULL,
    app_id {uuid} NOT NULL,
    version_id BIGINT NOT NULL,
    follow_active SMALLINT NOT NULL,
    stop_signal INTEGER NOT NULL,
    stop_grace_us BIGINT,
    delay_us BIGINT NOT NULL,
    max_delay_us BIGINT NOT NULL,
    reset_after_us BIGINT NOT NULL,
    max_restarts BIGINT,
    enable SMALLINT NOT NULL,
    tasks BIGINT NOT NULL,
    restarts BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    replacing SMALLINT NOT NULL,
    given_up SMALLINT NOT NULL,
    retry_at BIGINT,
    task_id {uuid},
    reason TEXT,
    create_at BIGINT NOT NULL,
    update_at BIGINT NOT NULL
)
";
