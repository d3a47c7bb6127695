//! Workflows and works as rows.

use lp_protocol::Stage;
use lp_protocol::views::{WorkInfo, WorkView, WorkflowView};

use super::{Cell, Column, Row, col, stage_cell, wide};
use crate::output::{Look, Tint, text};

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
        let enable = if self.enable { Cell::plain("true") } else { Cell::new("false", Tint::Warn) };
        vec![
            Cell::plain(look.id(self.workflow_id.0)),
            Cell::plain(&self.name),
            Cell::plain(look.time(self.create_at)),
            Cell::plain(look.time(self.update_at)),
            enable,
            Cell::plain(&self.description),
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
            Stage::Finished => (Cell::plain("finished"), stage_cell(look, self.stage, self.status)),
            Stage::Pending | Stage::Running | Stage::Stopping => {
                (stage_cell(look, self.stage, None), Cell::new("-", Tint::Dim))
            }
        };
        vec![
            Cell::plain(look.id(self.work_id.0)),
            Cell::plain(look.id(self.workflow_id.0)),
            Cell::plain(&self.workflow_name),
            Cell::plain(&self.name),
            look.time_cell(Some(self.create_at)),
            look.time_cell(self.start_at),
            look.time_cell(self.end_at),
            Cell::maybe(took),
            Cell::plain(self.run),
            Cell::plain(self.priority),
            stage,
            status,
            Cell::maybe(self.reason.as_deref()),
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
