//! What a task was given and what its actions have left.

use askama::Template;
use askama::filters::HtmlSafe;
use lp_protocol::views::TaskInfo;

use crate::parts::{Badge, Json, json, url_part, visible};

/// Results on one page.
pub(super) const MAX_RESULTS: u32 = 100;
/// Text of results on one page; each also has its own limit.
const MAX_RESULTS_BYTES: usize = 512 << 10;

#[derive(Template)]
#[template(path = "parts/task_io.html")]
pub(super) struct InOut {
    task_id: String,
    input: Json,
    /// What the task as a whole has left.
    output: Option<Json>,
    results: Vec<Output>,
    has_more: bool,
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
    /// `has_more`: the task has left more results than were asked for.
    pub(super) fn new(info: &TaskInfo, has_more: bool) -> Self {
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
            output: info.output.as_ref().map(|output| json(output.get())),
            has_more: has_more || info.result.len() > results.len(),
            results,
            is_finished: !info.task.stage.is_open(),
        }
    }
}
