//! What made a task, where it was not a person: a work, a schedule or a service.

use sea_orm::DbErr;
use sea_orm_migration::prelude::SchemaManager;
use sea_orm_migration::{MigrationName, MigrationTrait, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0002_origins"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the macro's trait was declared without one")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute_schema(manager, ORIGINS).await
    }
}

/// `origin` is `work`, `schedule` or `service`. Most tasks have none and are not in the index, which answers the list as `tasks_app` does.
const ORIGINS: &str = "
ALTER TABLE tasks ADD COLUMN origin TEXT;
ALTER TABLE tasks ADD COLUMN origin_id {uuid};
CREATE INDEX tasks_origin ON tasks (origin_id, state, seq, name) WHERE origin_id IS NOT NULL
";
