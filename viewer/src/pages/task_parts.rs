//! The parts of a task's page: its head, why, its actions, the open attempt's facts, and what went in and came out.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};
use lp_protocol::views::{ActionView, AttemptView, TaskInfo, Why, WhyAction};
use lp_protocol::{Exit, Stage, Status};

use super::attempt::Selected;
use crate::failure::sentence;
use crate::frame::tab_title;
use crate::parts::{Badge, Json, Lasting, Moment, Prose, bytes, clip, json, title_of, url_part, visible};

/// Rows of actions; of more of them the failed and the running ones come first.
const MAX_ACTIONS: usize = 200;
/// Rows one sees at a glance. More get a box of their own to scroll in, or the output would be screens away.
const LONG: usize = 20;
const MAX_WHY_LINES: usize = 8;
/// Text of results on one page; each also has its own limit.
const MAX_RESULTS_BYTES: usize = 512 << 10;

#[derive(Template)]
#[template(path = "parts/task_head.html")]
pub(super) struct Head {
    pub(super) tab_title: String,
    task_id: String,
    short: String,
    name: String,
    badge: Badge,
    version: i64,
    priority: i32,
    created: Moment,
    started: Option<Moment>,
    took: Option<Lasting>,
    csrf: String,
    can_stop: bool,
    is_finished: bool,
}

impl HtmlSafe for Head {}

impl Head {
    pub(super) fn new(info: &TaskInfo, csrf: &str, now: DateTime<Utc>) -> Self {
        let task = &info.task;
        let badge = Badge::of(task.stage, task.status);
        Self {
            tab_title: tab_title(badge.look, &task.task_name),
            task_id: task.task_id.to_string(),
            short: task.task_id.short(),
            name: title_of(&task.task_name),
            badge,
            version: task.version.into(),
            priority: task.priority,
            created: Moment::new(task.create_at, now),
            started: task.start_at.map(|start| Moment::new(start, now)),
            took: Lasting::new(task.start_at, task.end_at, now),
            csrf: csrf.to_owned(),
            can_stop: matches!(task.stage, Stage::Pending | Stage::Running),
            is_finished: !task.stage.is_open(),
        }
    }
}

#[derive(Template)]
#[template(path = "parts/task_why.html")]
pub(super) struct WhyLine {
    summary: Option<Prose>,
    is_failure: bool,
    lines: Vec<(String, Prose, Option<Prose>)>,
    more: usize,
}

impl HtmlSafe for WhyLine {}

impl WhyLine {
    /// `why` is the manager's own answer; without it the reason that stands with the task has to do.
    pub(super) fn new(info: &TaskInfo, why: Option<Why>) -> Self {
        let task = &info.task;
        let is_failure = matches!(task.status, Some(Status::Fail | Status::Error));
        let (summary, actions) = match why {
            Some(why) => (Some(why.summary), why.actions),
            None => (task.reason.clone(), Vec::new()),
        };
        // often the sentence says of one action all there is to say
        let is_news = |action: &WhyAction| {
            action.hint.is_some() || summary.as_ref().is_none_or(|summary| !summary.contains(&action.reason))
        };
        let actions: Vec<WhyAction> = actions.into_iter().filter(is_news).collect();
        let more = actions.len().saturating_sub(MAX_WHY_LINES);
        let hint_of = |hint: Option<String>| hint.map(|hint| Prose::new(&hint, 300));
        let lines = actions.into_iter().take(MAX_WHY_LINES);
        let lines = lines
            .map(|action| (visible(&action.name), Prose::new(&action.reason, 300), hint_of(action.hint)));
        Self {
            summary: summary.map(|text| Prose::new(&sentence(&text), 600)),
            is_failure,
            lines: lines.collect(),
            more,
        }
    }
}

#[derive(Template)]
#[template(path = "parts/task_actions.html")]
pub(super) struct Actions {
    rows: Vec<ActionRow>,
    is_long: bool,
    more: usize,
}

impl HtmlSafe for Actions {}

struct ActionRow {
    name: String,
    url: String,
    is_open: bool,
    badge: Badge,
    waits_for: String,
    attempts: usize,
    node: String,
    took: Option<Lasting>,
    outcome: String,
    retry: Option<Moment>,
}

impl Actions {
    pub(super) fn new(info: &TaskInfo, selected: Option<&Selected>, now: DateTime<Utc>) -> Self {
        let mut actions: Vec<&ActionView> = info.actions.iter().collect();
        let (is_long, more) = (actions.len() > LONG, actions.len().saturating_sub(MAX_ACTIONS));
        if is_long {
            // stable: within each kind the manifest's order stays
            actions.sort_by_key(|action| interest(action));
            actions.truncate(MAX_ACTIONS);
        }
        let open = selected.map(|selected| selected.action.as_str());
        Self {
            rows: actions.into_iter().map(|action| ActionRow::new(action, open, now)).collect(),
            is_long,
            more,
        }
    }
}

fn interest(action: &ActionView) -> u8 {
    match (action.stage, action.status) {
        (Stage::Finished, Some(Status::Fail | Status::Error)) => 0,
        (Stage::Running | Stage::Stopping, _) => 1,
        (Stage::Pending, _) => 2,
        (Stage::Finished, _) => 3,
    }
}

impl ActionRow {
    fn new(action: &ActionView, open: Option<&str>, now: DateTime<Utc>) -> Self {
        let last = action.attempts.last();
        Self {
            name: visible(&action.name),
            url: format!("?action={}", url_part(&action.name)),
            is_open: open == Some(action.name.as_str()),
            badge: Badge::of_action(action.stage, action.status, !action.condition.is_empty()),
            waits_for: clip(&action.condition.join(", "), 120),
            attempts: action.attempts.len(),
            node: last.map(|attempt| visible(&attempt.node_name)).unwrap_or_default(),
            took: last.and_then(|attempt| Lasting::new(attempt.start_at, attempt.end_at, now)),
            outcome: last.and_then(|attempt| attempt.exit.as_ref()).map(outcome).unwrap_or_default(),
            retry: action.retry_at.map(|at| Moment::new(at, now)),
        }
    }
}

/// How it ended, where the badge does not say so already.
fn outcome(exit: &Exit) -> String {
    if exit.is_success() { String::new() } else { clip(&exit.to_string(), 200) }
}

/// What is known of the attempt whose output is shown.
#[derive(Template)]
#[template(path = "parts/task_attempt.html")]
pub(super) struct OpenAttempt {
    action: String,
    attempts: Vec<AttemptLink>,
    badge: Option<Badge>,
    node: String,
    started: Option<Moment>,
    took: Option<Lasting>,
    cpu: Option<String>,
    memory: Option<String>,
    outcome: String,
    log_url: Option<String>,
    log_size: Option<String>,
}

impl HtmlSafe for OpenAttempt {}

struct AttemptLink {
    number: u32,
    url: String,
    is_open: bool,
    badge: Badge,
}

impl OpenAttempt {
    pub(super) fn new(
        info: &TaskInfo,
        action: &ActionView,
        attempt: Option<&AttemptView>,
        now: DateTime<Utc>,
    ) -> Self {
        let part = url_part(&action.name);
        let link = |other: &AttemptView| AttemptLink {
            number: other.attempt,
            url: format!("?action={part}&attempt={}", other.attempt),
            is_open: attempt.is_some_and(|open| open.attempt == other.attempt),
            badge: Badge::of_attempt(other.stage, other.status, other.exit.as_ref()),
        };
        let usage = attempt.map(|attempt| &attempt.usage);
        Self {
            action: visible(&action.name),
            attempts: action.attempts.iter().map(link).collect(),
            badge: attempt.map(|open| Badge::of_attempt(open.stage, open.status, open.exit.as_ref())),
            node: attempt.map(|attempt| visible(&attempt.node_name)).unwrap_or_default(),
            started: attempt.and_then(|attempt| attempt.start_at).map(|start| Moment::new(start, now)),
            took: attempt.and_then(|attempt| Lasting::new(attempt.start_at, attempt.end_at, now)),
            cpu: usage
                .filter(|usage| usage.cpu_seconds >= 0.05)
                .map(|usage| format!("{:.1} s", usage.cpu_seconds)),
            memory: usage.filter(|usage| usage.max_rss_bytes > 0).map(|usage| bytes(usage.max_rss_bytes)),
            outcome: attempt.and_then(|attempt| attempt.exit.as_ref()).map(outcome).unwrap_or_default(),
            log_url: attempt.map(|attempt| {
                format!("/tasks/{}/actions/{part}/attempts/{}/log", info.task.task_id, attempt.attempt)
            }),
            log_size: attempt.map(|attempt| attempt.log_bytes).filter(|size| *size > 0).map(bytes),
        }
    }
}

#[derive(Template)]
#[template(path = "parts/task_io.html")]
pub(super) struct InOut {
    task_id: String,
    input: Json,
    results: Vec<Output>,
    more: usize,
    is_finished: bool,
}

impl HtmlSafe for InOut {}

struct Output {
    action: String,
    part: String,
    badge: Badge,
    value: Json,
}

impl InOut {
    pub(super) fn new(info: &TaskInfo) -> Self {
        let mut results = Vec::new();
        let mut shown = 0;
        // in the order of the actions, as a person reads the task
        for action in &info.actions {
            let Some(result) = info.result.get(&action.name) else { continue };
            if shown >= MAX_RESULTS_BYTES {
                break;
            }
            let value = json(result.result.get());
            shown += value.text.len();
            results.push(Output {
                action: visible(&action.name),
                part: url_part(&action.name),
                badge: Badge::of(result.stage, result.status),
                value,
            });
        }
        Self {
            task_id: info.task.task_id.to_string(),
            input: json(info.input_data.get()),
            more: info.result.len().saturating_sub(results.len()),
            results,
            is_finished: !info.task.stage.is_open(),
        }
    }
}
