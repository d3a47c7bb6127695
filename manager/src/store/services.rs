//! Services, for people.

use lp_protocol::views::{ListServices, Page};
use lp_protocol::{ServiceId, Stage, Status, VersionId};
use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::entity::columns::{unsigned, word_opt};
use super::entity::service;
use super::page::Wanted;
use super::resolve::known_range;
use super::sql::placeholders;
use super::standing::read_service;
use super::{Damage, Result, Store};
use crate::core::service::record::ServiceRecord;

/// A service, the name of its application, and how far its latest task is.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredService {
    pub record: ServiceRecord,
    /// Empty where it was deleted.
    pub app_name: String,
    /// The version's number within the application; 0 where it is gone.
    pub version: u32,
    pub stage: Option<Stage>,
    pub status: Option<Status>,
}

const FROM: &str = "FROM services s LEFT JOIN packages p ON p.package_id = s.app_id AND p.delete_at IS NULL \
                    LEFT JOIN tasks t ON t.task_id = s.task_id LEFT JOIN versions v ON v.version_id = s.version_id";

impl Store {
    /// Services, newest first.
    ///
    /// # Errors
    /// `Invalid` for a cursor that no page gave, a pattern that is too long, or too short a prefix of an id.
    pub async fn list_services(&self, wanted: &ListServices) -> Result<Page<StoredService>> {
        let ListServices { id_prefix, app_id, name, enable, cursor, limit } = wanted;
        let mut rows = Wanted::below("s.seq", cursor.as_deref(), *limit)?;
        if let Some(prefix) = id_prefix {
            let Some((low, high)) = known_range("service", prefix)? else {
                return Ok(Page { items: Vec::new(), next_cursor: None });
            };
            rows.and("s.service_id >= ? AND s.service_id <= ?", [low.into(), high.into()]);
        }
        if let Some(app_id) = app_id {
            rows.and("s.app_id = ?", [app_id.0.into()]);
        }
        rows.and_named(self, "s.name", name.as_deref())?;
        if let Some(enable) = enable {
            rows.and("s.enable = ?", [i16::from(*enable).into()]);
        }
        Ok(rows.page(self.select_services(&rows.tail(), rows.values()).await?))
    }

    pub async fn find_service(&self, id: ServiceId) -> Result<Option<StoredService>> {
        let found = self.select_services("s.service_id = ?", vec![id.0.into()]).await?;
        Ok(found.into_iter().next().map(|(_, service)| service))
    }

    /// The service meant by `text`: a whole id, a name that only one has, or the unique beginning of an id.
    ///
    /// # Errors
    /// `NotFound`, `Ambiguous`.
    pub async fn resolve_service(&self, text: &str) -> Result<ServiceId> {
        self.resolve_standing("service", "SELECT service_id, name FROM services", "service_id", text)
            .await
            .map(ServiceId)
    }

    /// The names of the services that are pinned to a version, or have taken it last.
    pub(super) async fn list_services_of_version(
        &self,
        connection: &impl ConnectionTrait,
        version_id: VersionId,
    ) -> Result<Vec<String>> {
        let sql = placeholders(
            self.backend,
            "SELECT name FROM services WHERE version_id = ? ORDER BY seq LIMIT 10",
        );
        let mut names = Vec::new();
        for row in connection.query_all_raw(self.statement(sql, [version_id.into()])).await? {
            names.push(row.try_get_by_index(0)?);
        }
        Ok(names)
    }

    async fn select_services(&self, tail: &str, values: Vec<Value>) -> Result<Vec<(i64, StoredService)>> {
        let sql = format!(
            "SELECT s.seq, {}, COALESCE(p.name, '') AS app_name, t.stage AS task_stage, t.status AS task_status, COALESCE(v.number, 0) AS version {FROM} WHERE {tail}",
            service::SELECTED
        );
        let statement = self.statement(placeholders(self.backend, &sql), values);
        let mut found = Vec::new();
        for row in self.read.query_all_raw(statement).await? {
            let seq: i64 = row.try_get("", "seq")?;
            match read_stored(&row) {
                Ok(service) => found.push((seq, service)),
                // the others can still be shown
                Err(damage) => {
                    tracing::error!(table = "services", row = seq, error = %damage, "a stored row is damaged")
                }
            }
        }
        Ok(found)
    }
}

fn read_stored(row: &QueryResult) -> Result<StoredService, Damage> {
    let text = |column| row.try_get::<Option<String>>("", column).map_err(Damage::Column);
    Ok(StoredService {
        record: read_service(row)?,
        app_name: text("app_name")?.unwrap_or_default(),
        version: unsigned("version", row.try_get("", "version").map_err(Damage::Column)?)?,
        stage: word_opt("task_stage", text("task_stage")?.as_deref())?,
        status: word_opt("task_status", text("task_status")?.as_deref())?,
    })
}
