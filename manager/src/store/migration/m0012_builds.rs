//! Environments that are built from a lock, and what nodes prepare before an attempt starts.

use sea_orm::DbErr;
use sea_orm_migration::prelude::SchemaManager;
use sea_orm_migration::{MigrationName, MigrationTrait, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0012_builds"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the macro's trait was declared without one")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::execute_schema(manager, BUILDS).await
    }
}

/// `preparing` is JSON, NULL where all was there.
const BUILDS: &str = "ALTER TABLE attempts ADD COLUMN preparing TEXT";
