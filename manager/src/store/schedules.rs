//! Schedules and their history, for people.

use lp_protocol::ScheduleId;
use lp_protocol::views::{ListInstants, ListSchedules, Page};
use sea_orm::{ConnectionTrait, Value};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::entity::columns::{raw, to_micros};
use super::entity::schedule;
use super::page::Wanted;
use super::resolve::{known_range, prefix_range};
use super::sql::placeholders;
use super::standing::{read_instant, read_schedule};
use super::{Error, Result, Store};
use crate::core::schedule::record::{InstantRecord, ScheduleRecord};

/// A schedule, and the name of what it runs; empty where that is gone.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSchedule {
    pub record: ScheduleRecord,
    pub source_name: String,
}

const FROM: &str = "FROM schedules s LEFT JOIN packages p ON p.package_id = s.source_id AND p.delete_at IS NULL \
                    LEFT JOIN workflows w ON w.workflow_id = s.source_id AND w.delete_at IS NULL";

impl Store {
    /// Schedules, newest first.
    ///
    /// # Errors
    /// `Invalid` for a cursor that no page gave, a pattern that is too long, or too short a prefix of an id.
    pub async fn list_schedules(&self, wanted: &ListSchedules) -> Result<Page<StoredSchedule>> {
        let ListSchedules { id_prefix, source_id, name, enable, cursor, limit } = wanted;
        let mut rows = Wanted::below("s.seq", cursor.as_deref(), *limit)?;
        if let Some(prefix) = id_prefix {
            let Some((low, high)) = known_range("schedule", prefix)? else {
                return Ok(Page { items: Vec::new(), next_cursor: None });
            };
            rows.and("s.schedule_id >= ? AND s.schedule_id <= ?", [low.into(), high.into()]);
        }
        if let Some(source_id) = source_id {
            rows.and("s.source_id = ?", [(*source_id).into()]);
        }
        rows.and_named(self, "s.name", name.as_deref())?;
        if let Some(enable) = enable {
            rows.and("s.enable = ?", [i16::from(*enable).into()]);
        }
        Ok(rows.page(self.select_schedules(&rows.tail(), rows.values()).await?))
    }

    pub async fn find_schedule(&self, id: ScheduleId) -> Result<Option<StoredSchedule>> {
        let found = self.select_schedules("s.schedule_id = ?", vec![id.0.into()]).await?;
        Ok(found.into_iter().next().map(|(_, schedule)| schedule))
    }

    /// The schedule meant by `text`: a whole id, a name that only one has, or the unique beginning of an id.
    ///
    /// # Errors
    /// `NotFound`, `Ambiguous`.
    pub async fn resolve_schedule(&self, text: &str) -> Result<ScheduleId> {
        self.resolve_standing("schedule", "SELECT schedule_id, name FROM schedules", "schedule_id", text)
            .await
            .map(ScheduleId)
    }

    /// The history of a schedule, newest first.
    pub async fn list_instants(&self, id: ScheduleId, wanted: &ListInstants) -> Result<Page<InstantRecord>> {
        let mut rows = Wanted::below("instant", wanted.cursor.as_deref(), wanted.limit)?;
        rows.and("schedule_id = ?", [id.0.into()]);
        let sql =
            format!("SELECT {} FROM schedule_instants WHERE {}", schedule::SELECTED_INSTANT, rows.tail());
        let statement = self.statement(placeholders(self.backend, &sql), rows.values());
        let mut found = Vec::new();
        for row in self.read.query_all_raw(statement).await? {
            let instant = read_instant(&row).map_err(|damage| damage.of("schedule_instants", id))?;
            found.push((to_micros(instant.instant), instant));
        }
        Ok(rows.page(found))
    }

    /// The input kept for a schedule or a service; None is `{}`.
    pub async fn find_kept_input(&self, id: Uuid) -> Result<Option<Box<RawValue>>> {
        let sql = placeholders(self.backend, "SELECT input FROM kept_inputs WHERE id = ?");
        let row = self.read.query_one_raw(self.statement(sql, [id.into()])).await?;
        let Some(row) = row else { return Ok(None) };
        let input = raw("input", row.try_get_by_index(0)?).map_err(|damage| damage.of("kept_inputs", id))?;
        Ok(Some(input))
    }

    /// What `text` means among rows of an id and a name that need not be the only one.
    pub(super) async fn resolve_standing(
        &self,
        what: &'static str,
        select: &str,
        column: &str,
        text: &str,
    ) -> Result<Uuid> {
        let by_name = format!("{select} WHERE name = ? ORDER BY seq LIMIT 10");
        let mut candidates = self.select_ids(&by_name, vec![text.to_owned().into()]).await?;
        if candidates.is_empty() {
            let (low, high) = prefix_range(what, text)?;
            let by_id = format!("{select} WHERE {column} >= ? AND {column} <= ? ORDER BY seq LIMIT 10");
            candidates = self.select_ids(&by_id, vec![low.into(), high.into()]).await?;
        }
        match &candidates[..] {
            [] => Err(Error::not_found(what, text)),
            [(id, _)] => Ok(*id),
            _ => Err(Error::Ambiguous {
                what,
                name: text.to_owned(),
                candidates: candidates.iter().map(|(id, name)| format!("{id} ({name})")).collect(),
            }),
        }
    }

    async fn select_ids(&self, sql: &str, values: Vec<Value>) -> Result<Vec<(Uuid, String)>> {
        let statement = self.statement(placeholders(self.backend, sql), values);
        let mut ids = Vec::new();
        for row in self.read.query_all_raw(statement).await? {
            ids.push((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
        }
        Ok(ids)
    }

    async fn select_schedules(&self, tail: &str, values: Vec<Value>) -> Result<Vec<(i64, StoredSchedule)>> {
        let sql = format!(
            "SELECT s.seq, {}, COALESCE(p.name, w.name, '') AS source_name {FROM} WHERE {tail}",
            schedule::SELECTED
        );
        let statement = self.statement(placeholders(self.backend, &sql), values);
        let mut found = Vec::new();
        for row in self.read.query_all_raw(statement).await? {
            let seq: i64 = row.try_get("", "seq")?;
            match read_schedule(&row) {
                Ok(record) => {
                    found.push((seq, StoredSchedule { record, source_name: row.try_get("", "source_name")? }))
                }
                // the others can still be shown
                Err(damage) => {
                    tracing::error!(table = "schedules", row = seq, error = %damage, "a stored row is damaged")
                }
            }
        }
        Ok(found)
    }
}
