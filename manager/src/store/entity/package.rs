//! The table `packages`: apps and venvs.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "packages")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub package_id: Uuid,
    pub kind: String,
    pub name: String,
    pub description: String,
    /// The active one.
    pub version_id: i64,
    pub create_at: i64,
    pub update_at: i64,
    pub delete_at: Option<i64>,
    /// The highest number a version of it was ever given.
    pub last_number: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
