//! What ended lately, counted by hours: along the index by end, the newest first, and no more than [`MOST`] rows.

use chrono::{DateTime, Utc};
use lp_protocol::views::SkippedInstant;
use lp_protocol::{InstantState, ScheduleId, Stage};
use sea_orm::ConnectionTrait;

use super::entity::columns::to_micros;
use super::entity::task;
use super::sql::placeholders;
use super::{Result, Store};

/// Some ten milliseconds on a small machine. A cluster that ends more than this in a day soon has counted a day by itself.
const MOST: i64 = 20_000;

/// Schedules looked at, and those of them told.
const MOST_SCHEDULES: u32 = 1000;
const MOST_SKIPPED: u32 = 50;

const HOUR_MICROS: i64 = 3_600_000_000;

/// What ended in one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedInHour {
    /// Since 1970.
    pub hour: i64,
    pub finished: u64,
    pub failed: u64,
}

/// What the store knows of the past.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    pub hours: Vec<EndedInHour>,
    /// The first hour that was counted to its end.
    pub known_from: i64,
}

impl Store {
    /// Tasks that ended since, by hours. `known_from` is the first hour that was counted to its end.
    pub async fn count_ended_since(&self, since: DateTime<Utc>) -> Result<Past> {
        let newest = format!(
            "SELECT end_at, status FROM tasks WHERE end_at >= ? AND stage = 'finished' ORDER BY end_at DESC LIMIT {MOST}"
        );
        let sql = format!(
            "SELECT end_at / {HOUR_MICROS} AS hour, COUNT(*) AS finished, \
             CAST(SUM(CASE WHEN status IN ('fail', 'error') THEN 1 ELSE 0 END) AS BIGINT) AS failed \
             FROM ({newest}) AS newest GROUP BY end_at / {HOUR_MICROS} ORDER BY 1"
        );
        let statement = self.statement(placeholders(self.backend, &sql), [to_micros(since).into()]);
        let mut hours = Vec::new();
        for row in self.read.query_all_raw(statement).await? {
            let [hour, finished, failed]: [i64; 3] =
                [row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?];
            let count = |count: i64| u64::try_from(count).unwrap_or_default();
            hours.push(EndedInHour { hour, finished: count(finished), failed: count(failed) });
        }
        let counted: u64 = hours.iter().map(|hour| hour.finished).sum();
        let first = to_micros(since).div_euclid(HOUR_MICROS);
        let is_cut = counted >= MOST.unsigned_abs();
        let known_from = if is_cut { hours.first().map_or(first, |hour| hour.hour + 1) } else { first };
        Ok(Past { hours, known_from })
    }

    /// Enabled schedules whose latest instant was skipped, the latest first. One look into an index for each schedule.
    pub async fn list_skipped(&self) -> Result<Vec<SkippedInstant>> {
        let sql = format!(
            "SELECT s.schedule_id, s.name, i.instant, i.reason \
             FROM (SELECT schedule_id, name FROM schedules WHERE enable = 1 ORDER BY schedule_id LIMIT {MOST_SCHEDULES}) AS s \
             JOIN schedule_instants i ON i.schedule_id = s.schedule_id AND i.instant = \
             (SELECT MAX(l.instant) FROM schedule_instants l WHERE l.schedule_id = s.schedule_id) \
             WHERE i.state = ? ORDER BY i.instant DESC LIMIT {MOST_SKIPPED}"
        );
        let values = [InstantState::Skipped.as_str().into()];
        let statement = self.statement(placeholders(self.backend, &sql), values);
        let mut skipped = Vec::new();
        for row in self.read.query_all_raw(statement).await? {
            let instant = DateTime::from_timestamp_micros(row.try_get_by_index(2)?);
            skipped.extend(match instant {
                Some(instant) => Some(SkippedInstant {
                    schedule_id: ScheduleId(row.try_get_by_index(0)?),
                    schedule_name: row.try_get_by_index(1)?,
                    instant,
                    reason: row.try_get_by_index(3)?,
                }),
                None => None,
            });
        }
        Ok(skipped)
    }

    /// When the task was made that waits longest for its first start.
    pub async fn find_oldest_waiting(&self) -> Result<Option<DateTime<Utc>>> {
        let sql = "SELECT create_at FROM tasks WHERE state = ? ORDER BY seq LIMIT 1";
        let statement =
            self.statement(placeholders(self.backend, sql), [task::state(Stage::Pending, None).into()]);
        let Some(row) = self.read.query_one_raw(statement).await? else { return Ok(None) };
        Ok(DateTime::from_timestamp_micros(row.try_get_by_index(0)?))
    }
}
