//! The timeline of a task's last run: for each action when its attempts waited (hollow), were prepared (hatched) and ran (solid).

use std::collections::HashMap;

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, TimeDelta, Utc};
use lp_protocol::Stage;
use lp_protocol::views::{ActionView, AttemptView, TaskInfo};

use super::{Address, Selected};
use crate::parts::{Badge, Lasting, clip, clock_attribute, fingerprint, visible};

/// Rows; of more actions those that took longest.
const MAX_ROWS: usize = 150;

/// Marks of the axis at most, without its beginning.
const MAX_MARKS: i64 = 5;

#[derive(Template)]
#[template(path = "parts/task_timeline.html")]
pub(super) struct Timeline {
    rows: Vec<Row>,
    marks: Vec<(String, f64)>,
    more: usize,
    /// Attempts of runs before the last one.
    earlier: usize,
}

impl HtmlSafe for Timeline {}

struct Row {
    id: String,
    name: String,
    url: String,
    is_open: bool,
    badge: Badge,
    bars: Vec<Bar>,
    took: Option<Lasting>,
}

/// A piece of a row; places are percents of the axis.
struct Bar {
    class: &'static str,
    from: f64,
    width: f64,
    title: String,
    /// Grows as time passes: since when, and how many milliseconds the axis is long.
    grows: Option<(String, i64)>,
}

#[derive(Clone, Copy)]
struct Axis {
    begin: DateTime<Utc>,
    millis: i64,
}

impl Axis {
    fn percent(self, at: DateTime<Utc>) -> f64 {
        let part = (at - self.begin).num_milliseconds() as f64 / self.millis as f64;
        (part.clamp(0.0, 1.0) * 10_000.0).round() / 100.0
    }
}

impl Timeline {
    pub(super) fn new(
        info: &TaskInfo,
        address: &Address,
        open: Option<&Selected>,
        now: DateTime<Utc>,
    ) -> Self {
        let attempts = || info.actions.iter().flat_map(|action| &action.attempts);
        let run = attempts().map(|attempt| attempt.run).max().unwrap_or(1);
        let began = info.history.iter().rfind(|deed| deed.run == Some(run)).map(|deed| deed.at);
        let begin = began.filter(|_| run > 1).unwrap_or(info.task.create_at);
        let last = attempts().filter_map(|attempt| attempt.end_at).max().unwrap_or(begin);
        let end = if info.task.stage.is_open() { now } else { last.max(info.task.end_at.unwrap_or(last)) };
        let axis = Axis { begin, millis: length((end - begin).num_milliseconds(), info.task.stage) };

        let ends: HashMap<&str, DateTime<Utc>> = info
            .actions
            .iter()
            .filter_map(|action| Some((action.name.as_str(), action.attempts.last()?.end_at?)))
            .collect();
        let mut shown: Vec<&ActionView> = info.actions.iter().collect();
        let more = shown.len().saturating_sub(MAX_ROWS);
        if more > 0 {
            shown.sort_by_key(|action| {
                (action.stage == Stage::Finished, std::cmp::Reverse(took(action, run, now)))
            });
            shown.truncate(MAX_ROWS);
        }
        // stable: what has not begun stays in the manifest's order, at the end
        let first = |action: &ActionView| {
            action.attempts.iter().find(|attempt| attempt.run == run).map(|attempt| attempt.assign_at)
        };
        shown.sort_by_key(|action| (first(action).is_none(), first(action)));
        let open = open.map(|open| open.action.as_str());
        let row = |action: &ActionView| Row {
            id: format!("b-{:016x}", fingerprint(&action.name)),
            name: clip(&action.name, 60),
            url: address.on_action(&action.name),
            is_open: open == Some(action.name.as_str()),
            badge: Badge::of_action(action.stage, action.status, !action.condition.is_empty()),
            bars: bars(action, run, ready_at(action, &ends, begin), axis, now),
            took: action.attempts.last().and_then(|last| Lasting::new(last.start_at, last.end_at, now)),
        };
        Self {
            rows: shown.into_iter().map(row).collect(),
            marks: marks(axis),
            more,
            earlier: attempts().filter(|attempt| attempt.run < run).count(),
        }
    }
}

/// While the task goes on the axis is longer than what has been, and grows in steps: bars then stay where they are.
fn length(millis: i64, stage: Stage) -> i64 {
    let millis = millis.max(1);
    if !stage.is_open() {
        return millis;
    }
    let step = (millis.max(8_000) as u64).next_power_of_two() as i64 / 8;
    (millis / step + 1) * step
}

/// At round times.
fn marks(axis: Axis) -> Vec<(String, f64)> {
    let step = step_of(axis.millis);
    let mark = |n: i64| {
        let at = axis.begin + TimeDelta::milliseconds(n * step);
        let text = Lasting::new(Some(axis.begin), Some(at), axis.begin).map(|span| span.text);
        (text.unwrap_or_default(), axis.percent(at))
    };
    (1..=axis.millis / step).map(mark).collect()
}

/// Milliseconds between two marks: 1, 2 or 5 times a power of ten, or what clocks have instead.
fn step_of(millis: i64) -> i64 {
    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let enough = |step: &i64| millis / step <= MAX_MARKS;
    let decimal = (0..).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_i64.pow(power)));
    let small = decimal.clone().take_while(|step| *step <= 10_000);
    let clock = [15_000, 30_000].into_iter();
    let minutes = [1, 2, 5, 10, 15, 30].into_iter().map(|minutes| minutes * MINUTE);
    let hours = [1, 2, 3, 6, 12].into_iter().map(|hours| hours * HOUR);
    let days = decimal.map(|days| days * DAY).take(30);
    small.chain(clock).chain(minutes).chain(hours).chain(days).find(enough).unwrap_or(millis.max(1))
}

fn took(action: &ActionView, run: u32, now: DateTime<Utc>) -> TimeDelta {
    let attempts = action.attempts.iter().filter(|attempt| attempt.run == run);
    attempts.map(|attempt| attempt.end_at.unwrap_or(now) - attempt.assign_at).sum()
}

/// When nothing but a slot was missing; None while it waits for others.
fn ready_at(
    action: &ActionView,
    ends: &HashMap<&str, DateTime<Utc>>,
    begin: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let mut ready = begin;
    // what was made at run time was not there before its maker had ended
    for name in action.condition.iter().chain(&action.generated_by) {
        ready = ready.max(*ends.get(name.as_str())?);
    }
    Some(ready)
}

fn bars(
    action: &ActionView,
    run: u32,
    ready: Option<DateTime<Utc>>,
    axis: Axis,
    now: DateTime<Utc>,
) -> Vec<Bar> {
    let mut bars = Vec::new();
    let mut free = ready;
    for attempt in action.attempts.iter().filter(|attempt| attempt.run == run) {
        if let Some(since) = free.filter(|since| *since < attempt.assign_at) {
            let what = if attempt.attempt > 1 { "waited for its next attempt" } else { "waited for a slot" };
            bars.push(Bar::new("wait", (since, Some(attempt.assign_at)), axis, now, what.to_owned()));
        }
        prepared(attempt, axis, now, &mut bars);
        if let Some(start) = attempt.start_at {
            let badge = Badge::of_attempt(attempt.stage, attempt.status, attempt.exit.as_ref());
            let title =
                format!("attempt {}: {} on {}", attempt.attempt, badge.word, visible(&attempt.node_name));
            bars.push(Bar::new(badge.look.class(), (start, attempt.end_at), axis, now, title));
        }
        free = attempt.end_at;
    }
    if action.stage == Stage::Pending
        && let Some(since) = free
    {
        let what = if action.retry_at.is_some() { "waits for its next attempt" } else { "waits for a slot" };
        bars.push(Bar::new("wait", (since, None), axis, now, what.to_owned()));
    }
    bars
}

/// Between the assignment and the start.
fn prepared(attempt: &AttemptView, axis: Axis, now: DateTime<Utc>, bars: &mut Vec<Bar>) {
    let end = attempt.start_at.or(attempt.end_at);
    if attempt.preparing.is_empty() {
        bars.push(Bar::new("prepare", (attempt.assign_at, end), axis, now, "being started".to_owned()));
    }
    for step in &attempt.preparing {
        let mut title = format!("{} {}", step.kind.as_str(), visible(&step.what));
        if let Some(detail) = &step.detail {
            title.push_str(&format!(": {}", clip(detail, 200)));
        }
        bars.push(Bar::new("prepare", (step.start_at, step.end_at.or(end)), axis, now, title));
    }
}

impl Bar {
    fn new(
        class: &'static str,
        (from, to): (DateTime<Utc>, Option<DateTime<Utc>>),
        axis: Axis,
        now: DateTime<Utc>,
        what: String,
    ) -> Self {
        let start = axis.percent(from);
        // what lasted a moment is still something to point at
        let width = (axis.percent(to.unwrap_or(now)) - start).max(0.25);
        let lasted = Lasting::new(Some(from), Some(to.unwrap_or(now)), now).map(|span| span.text);
        let title = match (to, lasted) {
            (Some(_), Some(lasted)) => format!("{what}, {lasted}"),
            (None, _) | (_, None) => what,
        };
        let grows = to.is_none().then(|| (clock_attribute(from), axis.millis));
        Self { class, from: start, width: (width * 100.0).round() / 100.0, title, grows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_stand_at_round_times() {
        for (millis, step) in [
            (1, 1),
            (242, 50),
            (15_000, 5_000),
            (60_000, 15_000),
            (57_000, 10_000),
            (400_000, 120_000),
            (40 * 3_600_000, 12 * 3_600_000),
            (50 * 86_400_000, 10 * 86_400_000),
        ] {
            assert_eq!(step_of(millis), step, "{millis}");
        }
        for millis in (1..10_000_000).step_by(9_973) {
            assert!((1..=MAX_MARKS).contains(&(millis / step_of(millis))), "{millis}");
        }
    }

    #[test]
    fn the_axis_of_what_goes_on_grows_in_steps() {
        assert_eq!(length(0, Stage::Finished), 1);
        assert_eq!(length(59_999, Stage::Finished), 59_999);
        let lengths: Vec<i64> = (1..600).map(|second| length(second * 1000, Stage::Running)).collect();
        assert!(lengths.iter().zip(1..).all(|(length, second)| *length > second * 1000));
        let mut different = lengths.clone();
        different.dedup();
        assert!(different.len() < 45, "{}", different.len());
    }
}
