//! What was done to a task, by whom, and what became of it: one line for each.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};
use lp_protocol::views::{DeedView, TaskInfo};

use crate::parts::{Badge, Moment, Prose, clip, visible};

const MAX_LINES: usize = 200;
const MAX_NAMES_CHARS: usize = 300;

#[derive(Template)]
#[template(path = "parts/task_history.html")]
pub(super) struct History {
    lines: Vec<Line>,
    more: usize,
}

impl HtmlSafe for History {}

struct Line {
    at: Moment,
    what: String,
    badge: Option<Badge>,
    by: String,
    detail: Option<Prose>,
}

impl History {
    /// The newest first.
    pub(super) fn new(info: &TaskInfo, now: DateTime<Utc>) -> Self {
        let task = &info.task;
        let line = |at, what: &str| Line {
            at: Moment::new(at, now),
            what: what.to_owned(),
            badge: None,
            by: String::new(),
            detail: None,
        };
        let mut lines = Vec::new();
        if let Some(end) = task.end_at {
            let detail = task.reason.as_ref().map(|reason| Prose::new(reason, 600));
            lines.push(Line {
                badge: Some(Badge::of(task.stage, task.status)),
                detail,
                ..line(end, "ended")
            });
        }
        let more = info.history.len().saturating_sub(MAX_LINES);
        lines.extend(info.history.iter().rev().take(MAX_LINES).map(|deed| Line {
            by: visible(&deed.by),
            detail: detail(deed).map(|text| Prose::new(&text, 600)),
            ..line(deed.at, word(&deed.deed))
        }));
        if let Some(start) = task.start_at {
            lines.push(line(start, "first program started"));
        }
        let detail = Some(Prose::new(&format!("version {}", task.version), 100));
        lines.push(Line { detail, ..line(task.create_at, "created") });
        Self { lines, more }
    }
}

fn word(deed: &str) -> &str {
    match deed {
        "stop" => "told to stop",
        "rerun" => "run again",
        "recover" => "recovered",
        other => other,
    }
}

fn detail(deed: &DeedView) -> Option<String> {
    let mut parts = Vec::new();
    parts.extend(deed.run.map(|run| format!("run {run}")));
    parts.extend(deed.version.map(|version| format!("version {version}")));
    parts.extend(deed.signal.map(|signal| format!("with signal {signal}")));
    if !deed.from.is_empty() {
        parts.push(format!("from {}", clip(&deed.from.join(", "), MAX_NAMES_CHARS)));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}
