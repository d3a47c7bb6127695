//! Nodes that have joined: who they are and what they last said about themselves. What they do at the moment is the core's.

use chrono::{DateTime, Utc};
use lp_protocol::NodeId;
use lp_protocol::frames::NodeFacts;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::entity::columns::to_micros;
use super::entity::node::{ActiveModel, Column, Entity, Model};
use super::sql::clean;
use super::{Error, Result, Store};
use crate::core::record::Drain;

#[derive(Clone, Debug)]
pub struct NewNode {
    pub node_id: NodeId,
    pub name: String,
    pub credential_hash: String,
    pub create_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StoredNode {
    pub node_id: NodeId,
    pub name: String,
    /// None until it has connected for the first time.
    pub facts: Option<NodeFacts>,
    pub create_at: DateTime<Utc>,
    pub seen_at: Option<DateTime<Utc>>,
    pub drain: Option<Drain>,
}

impl Store {
    pub async fn insert_node(&self, node: NewNode) -> Result<()> {
        let NewNode { node_id, name, credential_hash, create_at } = node;
        let row = ActiveModel {
            seq: ActiveValue::NotSet,
            node_id: ActiveValue::Set(node_id.0),
            name: ActiveValue::Set(clean(&name)),
            credential_hash: ActiveValue::Set(credential_hash),
            facts: ActiveValue::Set(None),
            create_at: ActiveValue::Set(to_micros(create_at)),
            seen_at: ActiveValue::Set(None),
            drain_at: ActiveValue::NotSet,
            drain_deadline: ActiveValue::NotSet,
        };
        Entity::insert(row).exec_without_returning(&self.write).await?;
        Ok(())
    }

    pub async fn find_node_by_credential(&self, credential_hash: &str) -> Result<Option<StoredNode>> {
        let row =
            Entity::find().filter(Column::CredentialHash.eq(clean(credential_hash))).one(&self.read).await?;
        row.map(read).transpose()
    }

    /// Tells whether the node is one of ours, and was not removed.
    pub async fn has_node(&self, node_id: NodeId) -> Result<bool> {
        Ok(Entity::find().filter(Column::NodeId.eq(node_id.0)).one(&self.read).await?.is_some())
    }

    /// All nodes that have joined and were not removed, in the order in which they did.
    pub async fn list_nodes(&self) -> Result<Vec<StoredNode>> {
        let rows = Entity::find().order_by_asc(Column::Seq).all(&self.read).await?;
        rows.into_iter().map(read).collect()
    }

    /// Keeps what a node says about itself. The name it says is its name from now on.
    pub async fn update_node_facts(
        &self,
        node_id: NodeId,
        facts: &NodeFacts,
        seen_at: DateTime<Utc>,
    ) -> Result<()> {
        let text = serde_json::to_string(facts).expect("facts are plain data");
        let update = Entity::update_many()
            .col_expr(Column::Name, Expr::value(clean(&facts.name)))
            .col_expr(Column::Facts, Expr::value(text))
            .col_expr(Column::SeenAt, Expr::value(to_micros(seen_at)))
            .filter(Column::NodeId.eq(node_id.0));
        match update.exec(&self.write).await?.rows_affected {
            0 => Err(Error::not_found("node", node_id)),
            _ => Ok(()),
        }
    }

    /// Notes when a node was last heard of.
    pub async fn update_node_seen(&self, node_id: NodeId, seen_at: DateTime<Utc>) -> Result<()> {
        Entity::update_many()
            .col_expr(Column::SeenAt, Expr::value(to_micros(seen_at)))
            .filter(Column::NodeId.eq(node_id.0))
            .exec(&self.write)
            .await?;
        Ok(())
    }
}

fn read(row: Model) -> Result<StoredNode> {
    let node_id = row.node_id;
    row.try_into().map_err(|damage: super::Damage| damage.of("nodes", node_id))
}
