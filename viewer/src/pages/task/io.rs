//! What a task was given and what its actions have left.

use askama::Template;
use askama::filters::HtmlSafe;
use lp_protocol::views::TaskInfo;

use crate::parts::{Badge, JsonView, url_part, visible};

/// Results on one page.
pub(super) const MAX_RESULTS: u32 = 100;
/// Text of results on one page; each also has its own limit.
const MAX_RESULTS_BYTES: usize = 512 << 10;

#[derive(Template)]
#[template(path = "parts/task_io.html")]
pub(super) struct InOut {
    task_id: String,
    input: JsonView,
    /// What the task as a whole has left.
    output: Option<JsonView>,
    results: Vec<Output>,
    has_more: bool,
    is_finished: bool,
}

impl HtmlSafe for InOut {}

struct Output {
    action: String,
    part: String,
    badge: Badge,
    value: JsonView,
}

impl InOut {
    /// `has_more`: the task has left more results than were asked for.
    pub(super) fn new(info: &TaskInfo, has_more: bool) -> Self {
        let task_id = info.task.task_id;
        let mut results = Vec::new();
        let mut shown = 0;
        // in the order of the actions, as a person reads the task
        for action in &info.actions {
            let Some(result) = info.result.get(&action.name) else { continue };
            if shown >= MAX_RESULTS_BYTES {
                break;
            }
            let part = url_part(&action.name);
            let value = JsonView::new(result.result.get(), format!("Result of {}", visible(&action.name)))
                .download(format!("/tasks/{task_id}/actions/{part}/output.json"));
            shown += value.shown_bytes();
            results.push(Output {
                action: visible(&action.name),
                part,
                badge: Badge::of(result.stage, result.status),
                value,
            });
        }
        Self {
            input: JsonView::new(info.input_data.get(), "Input")
                .download(format!("/tasks/{task_id}/input.json")),
            output: info.output.as_ref().map(|output| JsonView::new(output.get(), "Output of the task")),
            task_id: task_id.to_string(),
            has_more: has_more || info.result.len() > results.len(),
            results,
            is_finished: !info.task.stage.is_open(),
        }
    }
}
