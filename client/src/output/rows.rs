//! The views as rows: LitePipeline's column names first, ours after them in wide tables.

mod catalogue;
mod standing;
mod works;

use chrono::{DateTime, Utc};
use lp_protocol::views::{Created, NodeState, NodeView, TaskInfo, TaskView, WorkspaceFile, WorkspaceView};
use lp_protocol::{Stage, Status};
use uuid::Uuid;

use super::style::{self, Tint};
use super::{Look, text};

pub(crate) struct Column {
    pub(crate) title: &'static str,
    /// Shown in wide tables only.
    pub(crate) is_wide: bool,
}

const fn col(title: &'static str) -> Column {
    Column { title, is_wide: false }
}

const fn wide(title: &'static str) -> Column {
    Column { title, is_wide: true }
}

pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) tint: Tint,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>, tint: Tint) -> Self {
        Self { text: text.into(), tint }
    }

    fn plain(text: impl ToString) -> Self {
        Self::new(text.to_string(), Tint::Plain)
    }

    fn maybe(text: Option<impl ToString>) -> Self {
        text.map_or_else(|| Cell::new("-", Tint::Dim), Cell::plain)
    }
}

/// Something that is listed.
pub(crate) trait Row {
    const COLUMNS: &'static [Column];

    /// A cell for each of the columns, the wide ones too.
    fn cells(&self, look: &Look) -> Vec<Cell>;

    /// What `-o name` prints: the argument other commands take.
    fn name(&self) -> String;
}

impl<R: Row> Row for &R {
    const COLUMNS: &'static [Column] = R::COLUMNS;

    fn cells(&self, look: &Look) -> Vec<Cell> {
        (*self).cells(look)
    }

    fn name(&self) -> String {
        (*self).name()
    }
}

impl Look {
    pub(crate) fn id(&self, id: Uuid) -> String {
        let mut text = id.as_hyphenated().to_string();
        if self.short_ids {
            text.truncate(8);
        }
        text
    }

    pub(crate) fn time(&self, time: DateTime<Utc>) -> String {
        if self.relative_times { text::ago(time, self.now) } else { text::exact(time) }
    }

    fn time_cell(&self, time: Option<DateTime<Utc>>) -> Cell {
        Cell::maybe(time.map(|time| self.time(time)))
    }
}

/// Symbol and word of a state, coloured.
pub(crate) fn stage_cell(look: &Look, stage: Stage, status: Option<Status>) -> Cell {
    let (symbol, word, tint) = style::state(stage, status);
    let text = if look.style.symbols { format!("{symbol} {word}") } else { word.to_owned() };
    Cell::new(text, tint)
}

impl Row for TaskView {
    const COLUMNS: &'static [Column] = &[
        col("task_id"),
        col("application_id"),
        wide("application"),
        col("task_name"),
        col("create_at"),
        col("start_at"),
        col("end_at"),
        wide("took"),
        wide("priority"),
        col("stage"),
        col("status"),
        wide("reason"),
    ];

    fn cells(&self, look: &Look) -> Vec<Cell> {
        let took =
            self.start_at.map(|start| text::duration(text::between(start, self.end_at.unwrap_or(look.now))));
        let status = match self.stage {
            Stage::Finished => stage_cell(look, self.stage, self.status),
            Stage::Pending | Stage::Running | Stage::Stopping => Cell::new("-", Tint::Dim),
        };
        let stage = match self.stage {
            Stage::Finished => Cell::plain("finished"),
            Stage::Pending | Stage::Running | Stage::Stopping => stage_cell(look, self.stage, None),
        };
        vec![
            Cell::plain(look.id(self.task_id.0)),
            Cell::plain(look.id(self.app_id.0)),
            Cell::plain(format!("{} ({})", self.app_name, self.version)),
            Cell::plain(&self.task_name),
            look.time_cell(Some(self.create_at)),
            look.time_cell(self.start_at),
            look.time_cell(self.end_at),
            Cell::maybe(took),
            Cell::plain(self.priority),
            stage,
            status,
            Cell::maybe(self.reason.as_deref()),
        ]
    }

    fn name(&self) -> String {
        self.task_id.to_string()
    }
}

impl Row for TaskInfo {
    const COLUMNS: &'static [Column] = TaskView::COLUMNS;

    fn cells(&self, look: &Look) -> Vec<Cell> {
        self.task.cells(look)
    }

    fn name(&self) -> String {
        self.task.name()
    }
}

impl Row for Created {
    const COLUMNS: &'static [Column] = &[col("task_id"), col("result")];

    fn cells(&self, _: &Look) -> Vec<Cell> {
        let result = if self.created { "created" } else { "exists" };
        // never shortened: this is the one place a new id is told
        vec![Cell::plain(self.task_id), Cell::plain(result)]
    }

    fn name(&self) -> String {
        self.task_id.to_string()
    }
}

impl Row for NodeView {
    const COLUMNS: &'static [Column] = &[
        col("node_id"),
        col("name"),
        col("state"),
        col("action_slots"),
        wide("cpus"),
        wide("memory"),
        wide("disk_free"),
        col("platform"),
        wide("ip"),
        wide("docker"),
        col("labels"),
        col("version"),
        col("seen_at"),
        col("data_path"),
    ];

    fn cells(&self, look: &Look) -> Vec<Cell> {
        let (facts, used) = (&self.facts, &self.in_use);
        let cpus = |millis: u64| format!("{:.1}", millis as f64 / 1000.0);
        let labels: Vec<_> = facts.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        vec![
            Cell::plain(look.id(self.node_id.0)),
            Cell::plain(&self.name),
            node_cell(look, self),
            Cell::plain(format!("{}/{}", used.slots, facts.capacity.slots)),
            Cell::plain(format!("{}/{}", cpus(used.cpu_millis), cpus(facts.capacity.cpu_millis))),
            Cell::plain(text::size(facts.capacity.memory_bytes)),
            Cell::plain(text::size(self.load.disk_free_bytes)),
            Cell::plain(&facts.platform),
            Cell::plain(&facts.ip),
            Cell::plain(facts.docker_support),
            Cell::plain(labels.join(",")),
            Cell::plain(&facts.version),
            look.time_cell(self.seen_at),
            Cell::plain(&facts.data_path),
        ]
    }

    fn name(&self) -> String {
        self.node_id.to_string()
    }
}

pub(crate) fn node_cell(look: &Look, node: &NodeView) -> Cell {
    let (symbol, tint, word) = match (node.state, &node.drain) {
        (NodeState::Connected, None) => ("◉", Tint::Good, node.state.as_str()),
        (NodeState::Connected, Some(drain)) if drain.drained => ("◌", Tint::Warn, "drained"),
        (NodeState::Connected, Some(_)) => ("◌", Tint::Warn, "draining"),
        (NodeState::Disconnected, _) => ("○", Tint::Warn, node.state.as_str()),
        (NodeState::Lost, _) => ("?", Tint::Bad, node.state.as_str()),
    };
    Cell::new(if look.style.symbols { format!("{symbol} {word}") } else { word.to_owned() }, tint)
}

impl Row for WorkspaceView {
    const COLUMNS: &'static [Column] =
        &[col("task_id"), col("action"), col("attempt"), col("node"), wide("node_id"), col("reachable")];

    fn cells(&self, look: &Look) -> Vec<Cell> {
        let (word, tint) = if self.reachable { ("yes", Tint::Plain) } else { ("no", Tint::Warn) };
        vec![
            Cell::plain(look.id(self.task_id.0)),
            Cell::plain(&self.action),
            Cell::plain(self.attempt),
            Cell::plain(&self.node_name),
            Cell::plain(look.id(self.node_id.0)),
            Cell::new(word, tint),
        ]
    }

    fn name(&self) -> String {
        self.action.clone()
    }
}

impl Row for WorkspaceFile {
    const COLUMNS: &'static [Column] = &[col("kind"), col("size"), col("modify_at"), col("path")];

    fn cells(&self, look: &Look) -> Vec<Cell> {
        vec![
            Cell::plain(&self.kind),
            Cell::plain(text::size(self.size_bytes)),
            look.time_cell(self.modify_at),
            Cell::plain(&self.path),
        ]
    }

    fn name(&self) -> String {
        self.path.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::style::Style;

    fn task() -> TaskView {
        serde_json::from_value(serde_json::json!({
            "task_id": "11111111-1111-4111-8111-111111111111", "task_name": "run", "app_id": "22222222-2222-4222-8222-222222222222",
            "app_name": "a", "version_id": 1, "stage": "finished", "status": "fail", "priority": 0,
            "create_at": "2026-11-22T10:00:00Z", "start_at": "2026-11-22T10:00:10Z", "end_at": "2026-11-22T10:01:00Z",
        }))
        .unwrap()
    }

    fn shown(look: &Look) -> Vec<String> {
        let cells = task().cells(look).into_iter().zip(TaskView::COLUMNS);
        cells.filter(|(_, column)| !column.is_wide).map(|(cell, _)| cell.text).collect()
    }

    #[test]
    fn a_terminal_gets_short_ids_relative_times_and_symbols_and_a_pipe_none_of_them() {
        let now = "2026-11-22T10:05:00Z".parse().unwrap();
        let terminal = Look {
            now,
            short_ids: true,
            relative_times: true,
            style: Style { colours: false, symbols: true },
        };
        let pipe = Look {
            now,
            short_ids: false,
            relative_times: false,
            style: Style { colours: false, symbols: false },
        };

        assert_eq!(
            shown(&terminal),
            ["11111111", "22222222", "run", "5m ago", "4m ago", "4m ago", "finished", "✕ fail"]
        );
        assert_eq!(shown(&pipe)[0], "11111111-1111-4111-8111-111111111111");
        assert_eq!(
            shown(&pipe)[3..],
            [
                "2026-11-22T10:00:00.000Z",
                "2026-11-22T10:00:10.000Z",
                "2026-11-22T10:01:00.000Z",
                "finished",
                "fail",
            ]
        );
    }
}
