//! A work as a person wants to read it: what state, why, then its applications and what they left.

use lp_protocol::views::WorkInfo;

use crate::output::report::{Report, one_line};
use crate::output::{Cell, Column, Output, Tint, stage_cell, text};

const APPLICATIONS: &[Column] = &[
    Column { title: "application", is_wide: false },
    Column { title: "after", is_wide: false },
    Column { title: "status", is_wide: false },
    Column { title: "runs", is_wide: false },
    Column { title: "version", is_wide: false },
    Column { title: "task_id", is_wide: false },
];

pub(super) fn text(out: &Output, info: &WorkInfo, why: Option<&str>) -> String {
    let (look, work) = (&out.look(), &info.work);
    let took = work.start_at.map(|start| text::between(start, work.end_at.unwrap_or(look.now)));
    let mut report = Report::on(out);
    report
        .head(&stage_cell(look, work.stage, work.status), &work.name)
        .maybe("why", why.map(str::to_owned))
        .line("id", &work.work_id.to_string())
        .line("workflow", &format!("{} ({})", work.workflow_name, work.workflow_id))
        .maybe("schedule", work.schedule_id.map(|id| id.to_string()))
        .line("created", &look.time(work.create_at))
        .maybe("started", work.start_at.map(|time| look.time(time)))
        .maybe("ended", work.end_at.map(|time| look.time(time)))
        .maybe("took", took.map(text::duration))
        .maybe("run", Some(work.run.to_string()).filter(|_| work.run > 1))
        .maybe("priority", Some(work.priority.to_string()).filter(|priority| priority != "0"))
        .line("input", &one_line(out, &info.input_data));
    let rows = info.applications.iter().map(|application| {
        vec![
            Cell::new(&application.name, Tint::Strong),
            Cell::new(application.condition.join(", "), Tint::Dim),
            stage_cell(look, application.stage, application.status),
            Cell::new(&application.app_name, Tint::Plain),
            Cell::new(application.version.to_string(), Tint::Plain),
            Cell::new(application.task_id.map(|id| look.id(id.0)).unwrap_or_default(), Tint::Plain),
        ]
    });
    report.table(APPLICATIONS, rows.collect());
    report.results(out, info.result.values().map(|entry| (entry.name.as_str(), &*entry.result)));
    report.into_text()
}
