//! The table `nodes`.

use lp_protocol::NodeId;
use sea_orm::entity::prelude::*;

use super::columns::{json, time, time_opt};
use crate::store::{Damage, StoredNode, cluster};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "nodes")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub node_id: Uuid,
    pub name: String,
    pub credential_hash: String,
    pub facts: Option<String>,
    pub create_at: i64,
    pub seen_at: Option<i64>,
    pub drain_at: Option<i64>,
    pub drain_deadline: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for StoredNode {
    type Error = Damage;

    fn try_from(row: Model) -> Result<Self, Damage> {
        let Model {
            seq: _,
            node_id,
            name,
            credential_hash: _,
            facts,
            create_at,
            seen_at,
            drain_at,
            drain_deadline,
        } = row;
        Ok(StoredNode {
            node_id: NodeId(node_id),
            name,
            facts: facts.map(|facts| json("facts", &facts)).transpose()?,
            create_at: time("create_at", create_at)?,
            seen_at: time_opt("seen_at", seen_at)?,
            drain: cluster::drain(drain_at, drain_deadline)?,
        })
    }
}
