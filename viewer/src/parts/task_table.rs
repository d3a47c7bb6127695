//! The table of tasks, newest first. On a phone each row becomes a small card.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};
use lp_protocol::views::TaskView;

use super::{Badge, Empty, IdChip, Lasting, Moment, Prose, visible};

/// Longest reason in a row; the task's page has all of it.
const MAX_REASON_CHARS: usize = 160;

#[derive(Clone, Debug, Template)]
#[template(path = "parts/task_table.html")]
pub(crate) struct TaskTable {
    rows: Vec<Row>,
    empty: Empty,
    /// Whether rows have a box each, for what is done to many.
    is_to_choose: bool,
}

impl HtmlSafe for TaskTable {}

#[derive(Clone, Debug)]
struct Row {
    task_id: String,
    id: IdChip,
    badge: Badge,
    name: String,
    app_id: String,
    app_name: String,
    created: Moment,
    took: Option<Lasting>,
    reason: Option<Prose>,
}

impl TaskTable {
    pub(crate) fn new(tasks: Vec<TaskView>, empty: Empty, now: DateTime<Utc>) -> Self {
        Self { rows: tasks.into_iter().map(|task| Row::new(task, now)).collect(), empty, is_to_choose: false }
    }

    /// With a box in each row.
    pub(crate) fn with_boxes(self) -> Self {
        Self { is_to_choose: true, ..self }
    }
}

impl Row {
    fn new(task: TaskView, now: DateTime<Utc>) -> Self {
        Self {
            task_id: task.task_id.to_string(),
            id: IdChip::new(task.task_id, task.task_id.short()),
            badge: Badge::of(task.stage, task.status),
            name: title_of(&task.task_name),
            app_id: task.app_id.to_string(),
            app_name: visible(&task.app_name),
            created: Moment::new(task.create_at, now),
            took: Lasting::new(task.start_at, task.end_at, now),
            reason: task.reason.map(|reason| Prose::new(&reason, MAX_REASON_CHARS)),
        }
    }
}

/// A task's name as it is shown; an empty one could not be clicked.
pub(crate) fn title_of(name: &str) -> String {
    if name.trim().is_empty() { "(no name)".to_owned() } else { visible(name) }
}
