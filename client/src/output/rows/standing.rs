//! Schedules, their instants, and services as rows.

use lp_protocol::InstantState;
use lp_protocol::views::{InstantView, NextInstant, ScheduleView, ServiceView};

use super::{Cell, Column, Row, col, stage_cell, wide};
use crate::output::{Look, Tint, text};

impl Row for ScheduleView {
    const COLUMNS: &'static [Column] = &[
        col("schedule_id"),
        col("source"),
        col("source_id"),
        wide("source_name"),
        col("schedule_name"),
        col("create_at"),
        col("update_at"),
        col("hour"),
        col("minute"),
        col("day_of_month"),
        col("day_of_week"),
        col("enable"),
        col("cron"),
        wide("tz"),
        wide("catchup"),
        wide("overlap"),
        wide("jitter"),
        col("next_at"),
    ];

    fn cells(&self, look: &Look) -> Vec<Cell> {
        vec![
            Cell::plain(look.id(self.schedule_id.0)),
            Cell::plain(self.source),
            Cell::plain(look.id(self.source_id)),
            Cell::plain(&self.source_name),
            Cell::plain(&self.schedule_name),
            look.time_cell(Some(self.create_at)),
            look.time_cell(Some(self.update_at)),
            Cell::plain(self.hour),
            Cell::plain(self.minute),
            Cell::plain(self.day_of_month),
            Cell::plain(self.day_of_week),
            enable_cell(self.enable),
            Cell::plain(&self.cron),
            Cell::plain(&self.tz),
            Cell::plain(self.catchup),
            Cell::plain(self.overlap),
            Cell::plain(text::seconds(self.jitter)),
            Cell::maybe(self.next_at.map(text::exact)),
        ]
    }

    fn name(&self) -> String {
        self.schedule_id.to_string()
    }
}

impl Row for InstantView {
    const COLUMNS: &'static [Column] = &[
        col("instant"),
        col("state"),
        wide("utc"),
        wide("manual"),
        wide("decide_at"),
        col("task_id"),
        col("work_id"),
        col("reason"),
    ];

    fn cells(&self, look: &Look) -> Vec<Cell> {
        let tint = match self.state {
            InstantState::Waiting => Tint::Busy,
            InstantState::Fired => Tint::Good,
            InstantState::Skipped => Tint::Warn,
        };
        let manual = if self.manual { " (triggered)" } else { "" };
        vec![
            Cell::plain(format!("{}{manual}", self.wall)),
            Cell::new(self.state.as_str(), tint),
            Cell::plain(text::exact(self.instant)),
            Cell::plain(self.manual),
            Cell::maybe(self.decide_at.map(text::exact)),
            Cell::maybe(self.task_id.map(|id| look.id(id.0))),
            Cell::maybe(self.work_id.map(|id| look.id(id.0))),
            Cell::plain(self.reason.as_deref().unwrap_or_default()),
        ]
    }

    fn name(&self) -> String {
        let made = self.task_id.map(|id| id.0).or(self.work_id.map(|id| id.0));
        made.map_or_else(String::new, |id| id.to_string())
    }
}

impl Row for NextInstant {
    const COLUMNS: &'static [Column] = &[col("instant"), col("utc"), wide("fire_at")];

    fn cells(&self, _: &Look) -> Vec<Cell> {
        vec![
            Cell::plain(&self.wall),
            Cell::plain(text::exact(self.instant)),
            Cell::plain(text::exact(self.fire_at)),
        ]
    }

    fn name(&self) -> String {
        text::exact(self.instant)
    }
}

impl Row for ServiceView {
    const COLUMNS: &'static [Column] = &[
        col("service_id"),
        col("name"),
        col("application_id"),
        wide("application"),
        wide("version"),
        col("task_id"),
        col("create_at"),
        col("update_at"),
        col("stage"),
        col("status"),
        col("enable"),
        col("restarts"),
        wide("retry_at"),
        wide("reason"),
    ];

    fn cells(&self, look: &Look) -> Vec<Cell> {
        vec![
            Cell::plain(look.id(self.service_id.0)),
            Cell::plain(&self.name),
            Cell::plain(look.id(self.app_id.0)),
            Cell::plain(&self.app_name),
            Cell::plain(self.version),
            Cell::maybe(self.task_id.map(|id| look.id(id.0))),
            look.time_cell(Some(self.create_at)),
            look.time_cell(Some(self.update_at)),
            Cell::maybe(self.stage),
            self.stage.map_or_else(
                || Cell::maybe(None::<&str>),
                |stage| match self.status {
                    Some(_) => stage_cell(look, stage, self.status),
                    None => Cell::maybe(None::<&str>),
                },
            ),
            enable_cell(self.enable),
            Cell::plain(self.restarts),
            Cell::maybe(self.retry_at.map(text::exact)),
            Cell::plain(self.reason.as_deref().unwrap_or_default()),
        ]
    }

    fn name(&self) -> String {
        self.service_id.to_string()
    }
}

fn enable_cell(enable: bool) -> Cell {
    if enable { Cell::new("true", Tint::Plain) } else { Cell::new("false", Tint::Dim) }
}
