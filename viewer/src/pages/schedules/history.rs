//! The instants of a schedule that have come: a strip of the latest and a table, each with what it made or why it made nothing.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, TimeDelta, Utc};
use lp_protocol::InstantState;
use lp_protocol::views::InstantView;

use crate::parts::{Badge, Empty, Item, Lasting, Look, Moment, Prose, Strip, plural, wall};

/// Later than this a person would say it was late.
const LATE: TimeDelta = TimeDelta::seconds(60);

#[derive(Template)]
#[template(path = "schedules/history.html")]
pub(crate) struct History {
    rows: Vec<Row>,
    empty: Empty,
}

impl HtmlSafe for History {}

struct Row {
    badge: Badge,
    instant: Moment,
    wall: String,
    /// How much later than its instant it was decided.
    late: Option<Lasting>,
    reason: Option<Prose>,
    made: Option<(&'static str, String)>,
    manual: bool,
}

impl History {
    /// `instants` are the newest first.
    pub(crate) fn new(instants: &[InstantView], now: DateTime<Utc>) -> Self {
        let empty =
            Empty { text: "No instant has come yet. Fire it now:", commands: &["lp schedule trigger NAME"] };
        Self { rows: instants.iter().map(|instant| Row::new(instant, now)).collect(), empty }
    }
}

/// The strip over the table.
pub(crate) fn strip(instants: &[InstantView]) -> Strip {
    let items = instants.iter().map(|instant| {
        let badge = badge(instant);
        let reason = instant.reason.as_ref().map(|reason| format!(": {}", crate::parts::clip(reason, 120)));
        Item {
            look: badge.look,
            url: made(instant).map(|(_, url)| url),
            title: format!("{} {}{}", badge.word, wall(&instant.wall), reason.unwrap_or_default()),
            took: None,
        }
    });
    let fired = instants.iter().filter(|instant| instant.state == InstantState::Fired).count();
    let summary = match instants.len() {
        0 => String::new(),
        count => format!("{fired} of the last {} fired", plural(count as u64, "instant")),
    };
    Strip::new("The latest instants, the oldest first", items.collect(), summary)
}

fn badge(instant: &InstantView) -> Badge {
    match instant.state {
        InstantState::Waiting => Badge { look: Look::Waiting, word: "waiting" },
        InstantState::Skipped => Badge { look: Look::Skipped, word: "skipped" },
        InstantState::Fired if lateness(instant).is_some() => {
            Badge { look: Look::Stopping, word: "fired late" }
        }
        InstantState::Fired => Badge { look: Look::Success, word: "fired" },
    }
}

fn lateness(instant: &InstantView) -> Option<DateTime<Utc>> {
    instant.decide_at.filter(|decided| !instant.manual && *decided - instant.instant > LATE)
}

fn made(instant: &InstantView) -> Option<(&'static str, String)> {
    match (instant.task_id, instant.work_id) {
        (Some(task), _) => Some(("task", format!("/tasks/{task}"))),
        (None, Some(work)) => Some(("work", format!("/works/{work}"))),
        (None, None) => None,
    }
}

impl Row {
    fn new(instant: &InstantView, now: DateTime<Utc>) -> Self {
        Self {
            badge: badge(instant),
            instant: Moment::new(instant.instant, now),
            wall: wall(&instant.wall),
            late: lateness(instant).and_then(|at| Lasting::new(Some(instant.instant), Some(at), now)),
            reason: instant.reason.as_ref().map(|reason| Prose::new(reason, 300)),
            made: made(instant),
            manual: instant.manual,
        }
    }
}
