//! What the core's due timers need: active versions of applications, kept inputs.

use std::collections::BTreeSet;
use std::sync::Arc;

use lp_protocol::AppId;
use sea_orm::{ConnectionTrait, QueryResult};

use super::load::read_plan;
use super::sql::placeholders;
use super::{Damage, Result, Store};
use crate::core::{AppSource, SourceKey, Sources};

impl Store {
    /// Reads what is there of what is wanted.
    pub async fn load_sources(&self, wanted: &BTreeSet<SourceKey>) -> Result<Sources> {
        let mut sources = Sources::default();
        for key in wanted {
            match key {
                SourceKey::App(app_id) => {
                    if let Some(app) = self.load_app_source(*app_id).await? {
                        sources.apps.insert(*app_id, app);
                    }
                }
                // no table keeps inputs yet
                SourceKey::Input(_) => {}
            }
        }
        Ok(sources)
    }

    /// The active version of an application that is not deleted.
    async fn load_app_source(&self, app_id: AppId) -> Result<Option<AppSource>> {
        let sql = "SELECT p.name, v.version_id, v.plan FROM packages p JOIN versions v ON v.version_id = p.version_id \
                   WHERE p.package_id = ? AND p.kind = 'app' AND p.delete_at IS NULL";
        let statement = self.statement(placeholders(self.backend, sql), [app_id.0.into()]);
        let row = self.read.query_one_raw(statement).await?;
        row.map(|row| read_source(&row).map_err(|damage| damage.of("versions", app_id))).transpose()
    }
}

fn read_source(row: &QueryResult) -> Result<AppSource, Damage> {
    Ok(AppSource {
        name: row.try_get("", "name").map_err(Damage::Column)?,
        version_id: row.try_get("", "version_id").map_err(Damage::Column)?,
        plan: Arc::new(read_plan(row)?),
    })
}
