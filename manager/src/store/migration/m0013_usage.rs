//! What an attempt has read and written.

use sea_orm::DbErr;
use sea_orm_migration::prelude::SchemaManager;
use sea_orm_migration::{MigrationName, MigrationTrait, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0013_usage"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the macro's trait was declared without one")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute_schema(manager, USAGE).await
    }
}

const USAGE: &str = "ALTER TABLE attempts ADD COLUMN read_bytes BIGINT NOT NULL DEFAULT 0;
    ALTER TABLE attempts ADD COLUMN written_bytes BIGINT NOT NULL DEFAULT 0";
