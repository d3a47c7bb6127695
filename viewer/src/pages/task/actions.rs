//! The actions of a task as a table: to be searched and sorted; what failed or runs comes first.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, TimeDelta, Utc};
use lp_protocol::views::{ActionView, TaskInfo};
use lp_protocol::{Exit, Stage, Status};

use super::{Address, Selected};
use crate::parts::{Badge, Column, Heads, Lasting, Moment, Order, clip, visible};

/// Rows of actions; of more of them the failed and the running ones come first.
const MAX_ACTIONS: usize = 200;
/// Rows one sees at a glance. More get a box of their own to scroll in, or the output would be screens away.
const LONG: usize = 20;

const COLUMNS: [Column; 6] = [
    ("State", "state", false),
    ("Action", "name", false),
    ("Waits for", "", false),
    ("Node", "node", false),
    ("Attempts", "attempts", true),
    ("Took", "took", true),
];

#[derive(Template)]
#[template(path = "parts/task_actions.html")]
pub(super) struct Actions {
    heads: Heads,
    rows: Vec<ActionRow>,
    is_long: bool,
    more: usize,
    find: String,
    count: usize,
    /// What the search form keeps.
    action: String,
}

impl HtmlSafe for Actions {}

struct ActionRow {
    id: String,
    name: String,
    url: String,
    is_open: bool,
    badge: Badge,
    waits_for: String,
    made_by: String,
    attempts: usize,
    node: String,
    took: Option<Lasting>,
    outcome: String,
    retry: Option<Moment>,
}

impl Actions {
    pub(super) fn new(
        info: &TaskInfo,
        address: &Address,
        open: Option<&Selected>,
        now: DateTime<Utc>,
    ) -> Self {
        let find = address.find.to_lowercase();
        let fits = |action: &&ActionView| find.is_empty() || action.name.to_lowercase().contains(&find);
        let mut actions: Vec<&ActionView> = info.actions.iter().filter(fits).collect();
        let (count, is_long) = (actions.len(), actions.len() > LONG);
        sort(&mut actions, &address.sort, is_long, now);
        actions.truncate(MAX_ACTIONS);
        let open = open.map(|open| open.action.as_str());
        Self {
            heads: Heads::new(&COLUMNS, &address.sort, |sort| address.sorted_by(sort)),
            more: count - actions.len(),
            rows: actions.into_iter().map(|action| ActionRow::new(action, address, open, now)).collect(),
            is_long,
            find: address.find.clone(),
            count,
            action: address.action.clone(),
        }
    }
}

/// Stable: where two are the same, the manifest's order stays.
fn sort(actions: &mut [&ActionView], by: &str, is_long: bool, now: DateTime<Utc>) {
    let (column, order) = Order::parse(by);
    let node = |action: &ActionView| action.attempts.last().map(|attempt| attempt.node_name.clone());
    match column {
        "state" => actions.sort_by_key(|action| interest(action)),
        "name" => actions.sort_by_cached_key(|action| action.name.clone()),
        "node" => actions.sort_by_cached_key(|action| node(action)),
        "attempts" => actions.sort_by_key(|action| action.attempts.len()),
        "took" => actions.sort_by_key(|action| took(action, now)),
        _ if is_long => actions.sort_by_key(|action| interest(action)),
        _ => return,
    }
    if order == Order::Down {
        actions.reverse();
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

fn took(action: &ActionView, now: DateTime<Utc>) -> Option<TimeDelta> {
    let last = action.attempts.last()?;
    Some(last.end_at.unwrap_or(now) - last.start_at?)
}

impl ActionRow {
    fn new(action: &ActionView, address: &Address, open: Option<&str>, now: DateTime<Utc>) -> Self {
        let last = action.attempts.last();
        Self {
            id: format!("r-{:016x}", crate::parts::fingerprint(&action.name)),
            name: visible(&action.name),
            url: address.on_action(&action.name),
            is_open: open == Some(action.name.as_str()),
            badge: Badge::of_action(action.stage, action.status, !action.condition.is_empty()),
            waits_for: clip(&action.condition.join(", "), 120),
            made_by: action.generated_by.as_deref().map(|by| clip(by, 60)).unwrap_or_default(),
            attempts: action.attempts.len(),
            node: last.map(|attempt| visible(&attempt.node_name)).unwrap_or_default(),
            took: last.and_then(|attempt| Lasting::new(attempt.start_at, attempt.end_at, now)),
            outcome: last.and_then(|attempt| attempt.exit.as_ref()).map(outcome).unwrap_or_default(),
            retry: action.retry_at.map(|at| Moment::new(at, now)),
        }
    }
}

/// How it ended, where the badge does not say so already.
pub(super) fn outcome(exit: &Exit) -> String {
    if exit.is_success() { String::new() } else { clip(&exit.to_string(), 200) }
}
