//! A task as a person wants to read it: what state, why, then every attempt of every action.

use lp_protocol::views::{ActionView, AttemptView, DeedView, TaskInfo};

use crate::cli::Format;
use crate::output::report::{Extent, Report, one_line};
use crate::output::{Cell, Column, Output, Tint, stage_cell, text};

const ACTIONS: &[Column] = &[
    Column { title: "action", is_wide: false },
    Column { title: "after", is_wide: false },
    Column { title: "status", is_wide: false },
    Column { title: "attempt", is_wide: false },
    Column { title: "node", is_wide: false },
    Column { title: "started", is_wide: false },
    Column { title: "took", is_wide: false },
    Column { title: "ended with", is_wide: false },
    Column { title: "cpu", is_wide: true },
    Column { title: "memory", is_wide: true },
    Column { title: "read", is_wide: true },
    Column { title: "written", is_wide: true },
    Column { title: "log", is_wide: true },
];

pub(crate) fn text(out: &Output, info: &TaskInfo, why: Option<&str>) -> String {
    let (look, task) = (&out.look(), &info.task);
    let mut report = Report::on(out);
    let took = task.start_at.map(|start| text::between(start, task.end_at.unwrap_or(look.now)));
    report
        .head(&stage_cell(look, task.stage, task.status), &task.task_name)
        .maybe("why", why.map(str::to_owned))
        .line("id", &task.task_id.to_string())
        .line("application", &format!("{} ({}), version {}", task.app_name, task.app_id, task.version))
        .line("created", &look.time(task.create_at))
        .maybe("started", task.start_at.map(|time| look.time(time)))
        .maybe("ended", task.end_at.map(|time| look.time(time)))
        .maybe("took", took.map(text::duration))
        .maybe("priority", Some(task.priority.to_string()).filter(|priority| priority != "0"))
        .line("input", &one_line(out, &info.input_data));
    let rows = info.actions.iter().flat_map(|action| action_rows(out, action)).collect();
    let extent = if out.format == Format::Wide { Extent::Wide } else { Extent::Narrow };
    report.columns(ACTIONS, rows, extent);
    if !info.history.is_empty() {
        report.heading("history");
        for deed in &info.history {
            report.line(&look.time(deed.at), &deed_text(deed));
        }
    }
    report.results(out, info.result.values().map(|entry| (entry.name.as_str(), &*entry.result)));
    report.into_text()
}

fn deed_text(deed: &DeedView) -> String {
    let mut said = deed.deed.clone();
    if !deed.from.is_empty() {
        said.push_str(&format!(" from {}", text::visible(&deed.from.join(", "))));
    }
    if let Some(signal) = deed.signal {
        said.push_str(&format!(" with signal {signal}"));
    }
    if let Some(run) = deed.run {
        said.push_str(&format!(", run {run}"));
    }
    if let Some(version) = deed.version {
        said.push_str(&format!(" of version {version}"));
    }
    said.push_str(&format!(", by {}", text::visible(&deed.by)));
    said
}

/// Names in a line; of many the first few, unless everything is wanted.
fn names(out: &Output, names: &[String]) -> String {
    const SHOWN: usize = 3;
    if out.format == Format::Wide || names.len() <= SHOWN + 1 {
        return names.join(", ");
    }
    format!("{} and {} more", names[..SHOWN].join(", "), names.len() - SHOWN)
}

/// A row for each attempt; one that says what it waits for where there is none.
fn action_rows(out: &Output, action: &ActionView) -> Vec<Vec<Cell>> {
    let after = names(out, &action.condition);
    let state = || stage_cell(&out.look(), action.stage, action.status);
    let retry = action.retry_at.map(|time| format!("next attempt {}", out.look().time(time)));
    if action.attempts.is_empty() {
        let mut row = vec![Cell::new(&action.name, Tint::Strong), Cell::new(after, Tint::Dim), state()];
        row.extend((0..10).map(|_| Cell::new("", Tint::Plain)));
        return vec![row];
    }
    let last = action.attempts.len() - 1;
    let rows = action.attempts.iter().enumerate().map(|(index, attempt)| {
        let is_first = index == 0;
        let name = if is_first { action.name.clone() } else { String::new() };
        let after = if is_first { after.clone() } else { String::new() };
        let mut row = vec![Cell::new(name, Tint::Strong), Cell::new(after, Tint::Dim)];
        row.push(stage_cell(&out.look(), attempt.stage, attempt.status));
        row.extend(attempt_cells(out, attempt));
        if let Some(retry) = retry.as_ref().filter(|_| index == last) {
            row[7].text.push_str(&format!("; {retry}"));
        }
        row
    });
    rows.collect()
}

fn attempt_cells(out: &Output, attempt: &AttemptView) -> Vec<Cell> {
    let took = attempt.start_at.map(|start| text::between(start, attempt.end_at.unwrap_or(out.look().now)));
    let plain = |text: String| Cell::new(text, Tint::Plain);
    let exit = attempt.exit.as_ref().map(ToString::to_string).unwrap_or_default();
    let is_bad = attempt.exit.as_ref().is_some_and(|exit| !exit.is_success());
    vec![
        plain(attempt.attempt.to_string()),
        plain(attempt.node_name.clone()),
        plain(attempt.start_at.map(|time| out.look().time(time)).unwrap_or_default()),
        plain(took.map(text::duration).unwrap_or_default()),
        Cell::new(exit, if is_bad { Tint::Bad } else { Tint::Plain }),
        plain(format!("{:.2}s", attempt.usage.cpu_seconds)),
        plain(text::size(attempt.usage.max_rss_bytes)),
        plain(text::size(attempt.usage.read_bytes)),
        plain(text::size(attempt.usage.written_bytes)),
        plain(text::size(attempt.log_bytes)),
    ]
}
