//! Why a task is as it is, in the manager's own words.

use askama::Template;
use askama::filters::HtmlSafe;
use lp_protocol::Status;
use lp_protocol::views::{TaskInfo, Why, WhyAction};

use super::{Address, Selected};
use crate::failure::sentence;
use crate::parts::{Prose, clip, visible};

const MAX_WHY_LINES: usize = 8;

#[derive(Template)]
#[template(path = "parts/task_why.html")]
pub(super) struct WhyLine {
    summary: Option<Prose>,
    is_failure: bool,
    lines: Vec<Line>,
    more: usize,
    last: Option<Last>,
    /// Where the output of what failed is.
    log_url: Option<String>,
}

/// What the program said last.
struct Last {
    text: String,
    line: Option<u64>,
    url: String,
}

/// One action that waits or has failed.
struct Line {
    name: String,
    url: String,
    reason: Prose,
    hint: Option<Prose>,
}

impl HtmlSafe for WhyLine {}

impl WhyLine {
    /// `why` is the manager's own answer; without it the reason that stands with the task has to do.
    pub(super) fn new(
        info: &TaskInfo,
        why: Option<&Why>,
        address: &Address,
        open: Option<&Selected>,
    ) -> Self {
        let task = &info.task;
        let is_failure = matches!(task.status, Some(Status::Fail | Status::Error));
        let (summary, actions, untold) = match why {
            Some(why) => (Some(why.summary.clone()), why.actions.as_slice(), why.more as usize),
            None => (task.reason.clone(), [].as_slice(), 0),
        };
        // often the sentence says of one action all there is to say
        let last = why.and_then(|why| why.last_output.as_ref());
        let is_news = |action: &&WhyAction| {
            last.is_none_or(|last| last.action != action.name)
                && (action.hint.is_some()
                    || summary.as_ref().is_none_or(|summary| !summary.contains(&action.reason)))
        };
        let actions: Vec<&WhyAction> = actions.iter().filter(is_news).collect();
        let more = actions.len().saturating_sub(MAX_WHY_LINES) + untold;
        let line = |action: &WhyAction| Line {
            name: visible(&action.name),
            url: address.on_action(&action.name),
            reason: Prose::new(&action.reason, 300),
            hint: action.hint.as_ref().map(|hint| Prose::new(hint, 300)),
        };
        let tried = open.filter(|open| is_failure && last.is_none() && open.attempt.is_some());
        Self {
            summary: summary.map(|text| Prose::new(&sentence(&text), 600)),
            is_failure,
            lines: actions.into_iter().take(MAX_WHY_LINES).map(line).collect(),
            more,
            last: last.map(|last| Last {
                text: clip(&last.text, 200),
                line: last.line,
                url: match last.line {
                    Some(line) => format!("{}#L{line}", address.on_action(&last.action)),
                    None => format!("{}#log", address.on_action(&last.action)),
                },
            }),
            log_url: tried.map(|open| format!("{}#log", address.on_action(&open.action))),
        }
    }
}
