//! A strip of small bars, the oldest first: how the last tasks, works or instants went and how long they took. Each is a link.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, TimeDelta, Utc};
use lp_protocol::views::{TaskView, WorkView};
use lp_protocol::{Stage, Status};

use super::{Badge, Look, title_of};

/// A bar, 10 wide as the template draws it, and the gap after it; and the highest bar.
const STEP: u32 = 13;
const HEIGHT: u32 = 40;
/// Even the shortest is a target.
const LOWEST: u32 = 10;

#[derive(Clone, Debug, Default, Template)]
#[template(path = "parts/strip.html")]
pub(crate) struct Strip {
    label: &'static str,
    bars: Vec<Bar>,
    /// What the whole of it says.
    summary: String,
}

impl HtmlSafe for Strip {}

#[derive(Clone, Debug)]
struct Bar {
    look: Look,
    url: Option<String>,
    /// What one hears, or sees over it.
    title: String,
    x: u32,
    y: u32,
    height: u32,
}

/// One bar to be drawn.
pub(crate) struct Item {
    pub(crate) look: Look,
    pub(crate) url: Option<String>,
    pub(crate) title: String,
    pub(crate) took: Option<TimeDelta>,
}

impl Strip {
    /// `items` are the newest first, as lists have them.
    pub(crate) fn new(label: &'static str, items: Vec<Item>, summary: String) -> Self {
        let longest = items.iter().filter_map(|item| item.took).max().unwrap_or_default();
        let height = |took: Option<TimeDelta>| match took {
            Some(took) if longest > TimeDelta::zero() => {
                let share = took.num_milliseconds() as f64 / longest.num_milliseconds().max(1) as f64;
                // the root: a task of seconds stays visible beside one of hours
                LOWEST + ((HEIGHT - LOWEST) as f64 * share.clamp(0.0, 1.0).sqrt()) as u32
            }
            _ => HEIGHT / 2,
        };
        let bars = items.into_iter().rev().enumerate().map(|(place, item)| {
            let height = height(item.took);
            let Item { look, url, title, took: _ } = item;
            Bar { look, url, title, x: place as u32 * STEP, y: HEIGHT - height, height }
        });
        Self { label, bars: bars.collect(), summary }
    }

    pub(crate) fn of_tasks(tasks: &[TaskView], now: DateTime<Utc>) -> Self {
        let item = |task: &TaskView| {
            let badge = Badge::of(task.stage, task.status);
            let took = task.start_at.map(|start| task.end_at.unwrap_or(now) - start);
            Item {
                look: badge.look,
                url: Some(format!("/tasks/{}", task.task_id)),
                title: title(badge.word, &task.task_name, took),
                took,
            }
        };
        let ends = tasks.iter().map(|task| (task.stage, task.status, task.start_at.zip(task.end_at)));
        Self::new("The latest tasks, the oldest first", tasks.iter().map(item).collect(), summary(ends))
    }

    pub(crate) fn of_works(works: &[WorkView], now: DateTime<Utc>) -> Self {
        let item = |work: &WorkView| {
            let badge = Badge::of(work.stage, work.status);
            let took = work.start_at.map(|start| work.end_at.unwrap_or(now) - start);
            Item {
                look: badge.look,
                url: Some(format!("/works/{}", work.work_id)),
                title: title(badge.word, &work.name, took),
                took,
            }
        };
        let ends = works.iter().map(|work| (work.stage, work.status, work.start_at.zip(work.end_at)));
        Self::new("The latest works, the oldest first", works.iter().map(item).collect(), summary(ends))
    }

    fn width(&self) -> u32 {
        (self.bars.len() as u32 * STEP).max(STEP)
    }
}

fn title(word: &str, name: &str, took: Option<TimeDelta>) -> String {
    let took = took.map(|took| format!(", {}", super::time::duration(took))).unwrap_or_default();
    format!("{word}: {}{took}", title_of(name))
}

type End = (Stage, Option<Status>, Option<(DateTime<Utc>, DateTime<Utc>)>);

/// `47 of the last 50 succeeded, half of them within 4.2 s`.
fn summary(ends: impl Iterator<Item = End>) -> String {
    let finished: Vec<End> = ends.filter(|(stage, ..)| *stage == Stage::Finished).collect();
    if finished.is_empty() {
        return String::new();
    }
    let good: Vec<&End> = finished.iter().filter(|(_, status, _)| *status == Some(Status::Success)).collect();
    let mut times: Vec<TimeDelta> =
        good.iter().filter_map(|(.., times)| times.map(|(start, end)| end - start)).collect();
    times.sort();
    let half = times
        .get(times.len() / 2)
        .map(|half| format!(", half of them within {}", super::time::duration(*half)));
    format!("{} of the last {} succeeded{}", good.len(), finished.len(), half.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_on_the_right_and_names_are_escaped() {
        let item = |title: &str, seconds| Item {
            look: Look::Success,
            url: Some("/tasks/1".to_owned()),
            title: title.to_owned(),
            took: Some(TimeDelta::seconds(seconds)),
        };
        let html =
            Strip::new("Tasks", vec![item("<new>", 100), item("old", 1)], String::new()).render().unwrap();

        assert!(html.find("old") < html.find("&#60;new&#62;"), "{html}");
        assert!(html.contains("height=\"40\"") && html.contains("height=\"13\""), "{html}");
    }

    #[test]
    fn the_summary_counts_what_is_finished() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let ends = [
            (Stage::Finished, Some(Status::Success), Some((at(0), at(4)))),
            (Stage::Finished, Some(Status::Fail), Some((at(0), at(900)))),
            (Stage::Running, None, None),
        ];

        assert_eq!(summary(ends.into_iter()), "1 of the last 2 succeeded, half of them within 4.0 s");
        assert_eq!(summary(std::iter::empty()), "");
    }
}
