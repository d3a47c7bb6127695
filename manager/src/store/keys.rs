//! Idempotency keys: which task a key has made already.

use std::collections::BTreeMap;

use lp_protocol::TaskId;
use sea_orm::Value;
use uuid::Uuid;

use super::sql::{clean, select_by_keys};
use super::{Result, Store};

/// What a key was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    pub task_id: TaskId,
    /// Of the request that used it first; the same key with another one is a conflict.
    pub fingerprint: Box<str>,
}

impl Store {
    /// Those of the keys that are known.
    pub async fn find_keys(&self, keys: &[String]) -> Result<BTreeMap<String, KnownKey>> {
        let mut known = BTreeMap::new();
        let keys: Vec<[Value; 1]> = keys.iter().map(|key| [clean(key).into()]).collect();
        let sql = "SELECT k.idempotency_key, t.task_id, k.fingerprint \
                   FROM task_keys k JOIN tasks t ON t.seq = k.task WHERE k.idempotency_key IN ({keys})";
        for row in select_by_keys(&self.read, sql, &keys).await? {
            let fingerprint: String = row.try_get_by_index(2)?;
            let task_id = TaskId(row.try_get_by_index::<Uuid>(1)?);
            known.insert(row.try_get_by_index(0)?, KnownKey { task_id, fingerprint: fingerprint.into() });
        }
        Ok(known)
    }
}
