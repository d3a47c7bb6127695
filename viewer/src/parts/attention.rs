//! Needs attention: what broke or is about to, each line with a way on.

use std::collections::BTreeMap;

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};
use lp_protocol::Stage;
use lp_protocol::views::{ClusterStatus, NodeState, NodeView, ServiceView, SkippedInstant, TaskView};

use super::node_cards::is_low;
use super::{Look, Moment, Prose, bytes, plural, title_of, visible};

/// Lines of one kind; a cluster on fire does not need more to be noticed.
const MAX_LINES: usize = 8;
const MAX_REASON_CHARS: usize = 300;

#[derive(Clone, Debug, Template)]
#[template(path = "parts/attention.html")]
pub(crate) struct Attention {
    lines: Vec<Line>,
    more: usize,
}

impl HtmlSafe for Attention {}

/// What is looked through.
pub(crate) struct Troubles<'a> {
    pub(crate) status: &'a ClusterStatus,
    pub(crate) nodes: &'a [NodeView],
    /// Tasks that failed lately.
    pub(crate) failures: &'a [TaskView],
    pub(crate) services: &'a [ServiceView],
    /// Schedules whose last instant was skipped.
    pub(crate) skipped: &'a [SkippedInstant],
}

#[derive(Clone, Debug)]
struct Line {
    look: Look,
    subject: String,
    url: String,
    text: String,
    detail: Option<Prose>,
    when: Option<Moment>,
}

impl Attention {
    pub(crate) fn new(troubles: &Troubles<'_>, now: DateTime<Utc>) -> Self {
        let Troubles { status, nodes, failures, services, skipped } = troubles;
        let mut away: Vec<&NodeView> =
            nodes.iter().filter(|node| node.state != NodeState::Connected).collect();
        away.sort_by_key(|node| std::cmp::Reverse(node.seen_at));
        let full = nodes.iter().filter(|node| is_low(node.load.disk_free_bytes, node.load.disk_total_bytes));
        let kinds: [Vec<Line>; 6] = [
            nobody_works(status).into_iter().collect(),
            services.iter().filter_map(|service| service_line(service, now)).collect(),
            failed(failures, now),
            away.into_iter().map(|node| away_line(node, now)).collect(),
            skipped.iter().map(|instant| skipped_line(instant, now)).collect(),
            full.map(disk_line).collect(),
        ];
        let more = kinds.iter().map(|lines| lines.len().saturating_sub(MAX_LINES)).sum();
        let lines = kinds.into_iter().flat_map(|lines| lines.into_iter().take(MAX_LINES));
        Self { lines: lines.collect(), more }
    }
}

/// A service that has ended more than once without running for long enough, or has given up.
fn service_line(service: &ServiceView, now: DateTime<Utc>) -> Option<Line> {
    let text = match (service.given_up, service.failures) {
        (true, _) => "has given up: it ended too often".to_owned(),
        (false, 0) => return None,
        (false, 1) if service.stage.is_some_and(Stage::is_open) => return None,
        (false, 1) => "has ended and starts again".to_owned(),
        (false, failures) => format!("has ended {failures} times in a row and starts again"),
    };
    Some(Line {
        look: if service.given_up { Look::Fail } else { Look::Stopping },
        subject: visible(&service.name),
        url: format!("/services/{}", service.service_id),
        text,
        detail: service.reason.as_deref().map(|reason| Prose::new(reason, MAX_REASON_CHARS)),
        when: service.retry_at.map(|at| Moment::new(at, now)),
    })
}

fn skipped_line(instant: &SkippedInstant, now: DateTime<Utc>) -> Line {
    Line {
        look: Look::Skipped,
        subject: visible(&instant.schedule_name),
        url: format!("/schedules/{}", instant.schedule_id),
        text: "has skipped its last instant".to_owned(),
        detail: instant.reason.as_deref().map(|reason| Prose::new(reason, MAX_REASON_CHARS)),
        when: Some(Moment::new(instant.instant, now)),
    }
}

fn nobody_works(status: &ClusterStatus) -> Option<Line> {
    let waiting = status.tasks_pending + status.tasks_running;
    (status.nodes_connected == 0 && waiting > 0).then(|| Line {
        look: Look::Error,
        subject: "Nothing can run".to_owned(),
        url: "/nodes".to_owned(),
        text: format!("no node is connected, and {} for one", waits(waiting)),
        detail: None,
        when: None,
    })
}

fn waits(count: u64) -> String {
    format!("{} {}", plural(count, "task"), if count == 1 { "waits" } else { "wait" })
}

/// Failed tasks by application and reason, the newest group first: one broken application is one line, not a hundred.
fn failed(failures: &[TaskView], now: DateTime<Utc>) -> Vec<Line> {
    let mut groups: BTreeMap<(&str, &str), Vec<&TaskView>> = BTreeMap::new();
    for task in failures {
        groups.entry((&task.app_name, task.reason.as_deref().unwrap_or_default())).or_default().push(task);
    }
    let ended = |task: &TaskView| task.end_at.unwrap_or(task.create_at);
    let mut lines: Vec<(&TaskView, Line)> = Vec::new();
    for ((app_name, reason), tasks) in groups {
        let count = tasks.len();
        let Some(newest) = tasks.into_iter().max_by_key(|task| (ended(task), task.task_id)) else { continue };
        let line = Line {
            look: Look::Fail,
            subject: visible(app_name),
            url: format!("/tasks/{}", newest.task_id),
            text: match count {
                1 => format!("“{}” failed", title_of(&newest.task_name)),
                count => format!("{count} tasks failed"),
            },
            detail: (!reason.is_empty()).then(|| Prose::new(reason, MAX_REASON_CHARS)),
            when: Some(Moment::new(ended(newest), now)),
        };
        lines.push((newest, line));
    }
    lines.sort_by_key(|(task, _)| std::cmp::Reverse((ended(task), task.task_id)));
    lines.into_iter().map(|(_, line)| line).collect()
}

fn away_line(node: &NodeView, now: DateTime<Utc>) -> Line {
    let (look, text) = match node.state {
        NodeState::Connected | NodeState::Disconnected => {
            (Look::Stopping, "is away; what it runs still counts as its own")
        }
        NodeState::Lost => (Look::Lost, "is lost; what it ran was given to others"),
    };
    Line {
        look,
        subject: visible(&node.name),
        url: format!("/nodes#n-{}", node.node_id),
        text: text.to_owned(),
        detail: None,
        when: node.seen_at.map(|seen| Moment::new(seen, now)),
    }
}

fn disk_line(node: &NodeView) -> Line {
    let (free, total) = (node.load.disk_free_bytes, node.load.disk_total_bytes);
    Line {
        look: Look::Error,
        subject: visible(&node.name),
        url: format!("/nodes#n-{}", node.node_id),
        text: format!("has {} of its {} disk left", bytes(free), bytes(total)),
        detail: None,
        when: None,
    }
}
