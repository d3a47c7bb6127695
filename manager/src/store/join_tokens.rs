//! Tokens to join with. Only hashes are stored.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};

use super::entity::columns::{time, to_micros};
use super::entity::token::join;
use super::sql::clean;
use super::{Result, Store};

impl Store {
    /// Keeps the hash of a join token.
    pub async fn insert_join_token(&self, hash: &str, expire_at: DateTime<Utc>) -> Result<()> {
        let row = join::ActiveModel {
            hash: ActiveValue::Set(hash.to_owned()),
            expire_at: ActiveValue::Set(to_micros(expire_at)),
        };
        join::Entity::insert(row).exec_without_returning(&self.write).await?;
        Ok(())
    }

    /// When the join token expires or has expired, if it is known.
    pub async fn find_join_token(&self, hash: &str) -> Result<Option<DateTime<Utc>>> {
        let row = join::Entity::find().filter(join::Column::Hash.eq(clean(hash))).one(&self.read).await?;
        let Some(join::Model { hash: _, expire_at }) = row else { return Ok(None) };
        Ok(Some(time("expire_at", expire_at).map_err(|damage| damage.of("join_tokens", "(hash)"))?))
    }

    /// Forgets the join tokens that had expired at `before`; returns how many.
    pub async fn delete_join_tokens(&self, before: DateTime<Utc>) -> Result<u64> {
        let expired = join::Column::ExpireAt.lte(to_micros(before));
        Ok(join::Entity::delete_many().filter(expired).exec(&self.write).await?.rows_affected)
    }
}
