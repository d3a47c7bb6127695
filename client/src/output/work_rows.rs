//! Workflows and works as rows.

use lp_protocol::Stage;
use lp_protocol::views::{WorkInfo, WorkView, WorkflowView};

use super::rows::{Cell, Column, Row, stage_cell};
use super::style::Tint;
use super::{Look, text};

const fn col(title: &'static str) -> Column {
    Column { title, is_wide: false }
}

const fn wide(title: &'static str) -> Column {
    Column { title, is_wide: true }
}

fn plain(text: impl ToString) -> Cell {
    Cell::new(text.to_string(), Tint::Plain)
}

fn maybe(text: Option<impl ToString>) -> Cell {
    text.map_or_else(|| Cell::new("-", Tint::Dim), plain)
}

impl Row for WorkflowView {
    const COLUMNS: &'static [Column] = &[
        col("workflow_id"),
        col("name"),
        col("create_at"),
        col("update_at"),
        col("enable"),
        wide("description"),
    ];

    fn cells(&self, look: &Look) -> Vec<Cell> {
        let enable = if self.enable { plain("true") } else { Cell::new("false", Tint::Warn) };
        vec![
            plain(look.id(self.workflow_id.0)),
            plain(&self.name),
            plain(look.time(self.create_at)),
            plain(look.time(self.update_at)),
            enable,
            plain(&self.description),
        ]
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

impl Row for WorkView {
    const COLUMNS: &'static [Column] = &[
        col("work_id"),
        col("workflow_id"),
        wide("workflow"),
        col("name"),
        col("create_at"),
        col("start_at"),
        col("end_at"),
        wide("took"),
        wide("run"),
        wide("priority"),
        col("stage"),
        col("status"),
        wide("reason"),
    ];

    fn cells(&self, look: &Look) -> Vec<Cell> {
        let took =
            self.start_at.map(|start| text::duration(text::between(start, self.end_at.unwrap_or(look.now))));
        let (stage, status) = match self.stage {
            Stage::Finished => (plain("finished"), stage_cell(look, self.stage, self.status)),
            Stage::Pending | Stage::Running | Stage::Stopping => {
                (stage_cell(look, self.stage, None), Cell::new("-", Tint::Dim))
            }
        };
        let time = |time: Option<_>| maybe(time.map(|time| look.time(time)));
        vec![
            plain(look.id(self.work_id.0)),
            plain(look.id(self.workflow_id.0)),
            plain(&self.workflow_name),
            plain(&self.name),
            time(Some(self.create_at)),
            time(self.start_at),
            time(self.end_at),
            maybe(took),
            plain(self.run),
            plain(self.priority),
            stage,
            status,
            maybe(self.reason.as_deref()),
        ]
    }

    fn name(&self) -> String {
        self.work_id.to_string()
    }
}

impl Row for WorkInfo {
    const COLUMNS: &'static [Column] = WorkView::COLUMNS;

    fn cells(&self, look: &Look) -> Vec<Cell> {
        self.work.cells(look)
    }

    fn name(&self) -> String {
        self.work.name()
    }
}
