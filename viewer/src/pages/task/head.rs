//! The head of a task's page: its name, its state, where it comes from, and what can be done to it.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};
use lp_protocol::views::TaskInfo;
use lp_protocol::{Stage, Status};

use crate::frame::tab_title;
use crate::parts::{Badge, IdChip, Lasting, Moment, title_of};

#[derive(Template)]
#[template(path = "parts/task_head.html")]
pub(super) struct Head {
    pub(super) tab_title: String,
    id: IdChip,
    name: String,
    badge: Badge,
    version: i64,
    priority: i32,
    runs: usize,
    /// What made it: words and address.
    origin: Option<(&'static str, String)>,
    created: Moment,
    started: Option<Moment>,
    took: Option<Lasting>,
    is_finished: bool,
}

impl HtmlSafe for Head {}

impl Head {
    pub(super) fn new(info: &TaskInfo, now: DateTime<Utc>) -> Self {
        let task = &info.task;
        let badge = Badge::of(task.stage, task.status);
        Self {
            tab_title: tab_title(badge.look, &task.task_name),
            id: IdChip::new(task.task_id, task.task_id.short()),
            name: title_of(&task.task_name),
            badge,
            version: task.version.into(),
            priority: task.priority,
            runs: info.history.iter().filter(|deed| deed.run.is_some()).count() + 1,
            origin: origin(info),
            created: Moment::new(task.create_at, now),
            started: task.start_at.map(|start| Moment::new(start, now)),
            took: Lasting::new(task.start_at, task.end_at, now),
            is_finished: !task.stage.is_open(),
        }
    }
}

fn origin(info: &TaskInfo) -> Option<(&'static str, String)> {
    let task = &info.task;
    if let Some(work_id) = task.work_id {
        return Some(("a part of a work", format!("/works/{work_id}")));
    }
    if let Some(service_id) = task.service_id {
        return Some(("kept running by a service", format!("/services/{service_id}")));
    }
    task.schedule_id.map(|schedule_id| ("made by a schedule", format!("/schedules/{schedule_id}")))
}

/// What can be done to the task as it is now. Each is asked about first.
#[derive(Template)]
#[template(path = "parts/task_deeds.html")]
pub(super) struct Deeds {
    url: String,
    can_stop: bool,
    is_finished: bool,
    can_recover: bool,
}

impl HtmlSafe for Deeds {}

impl Deeds {
    pub(super) fn new(info: &TaskInfo) -> Self {
        let task = &info.task;
        let is_finished = !task.stage.is_open();
        Self {
            url: format!("/tasks/{}", task.task_id),
            can_stop: matches!(task.stage, Stage::Pending | Stage::Running),
            is_finished,
            can_recover: is_finished && task.status != Some(Status::Success),
        }
    }
}
