//! The action that is open: its attempts, how this one went, and the choice of what of it to see.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};
use lp_protocol::views::{ActionView, AttemptView, ExplainTask, TaskInfo, Why, WhyAction};

use super::actions::outcome;
use super::address::Show;
use super::files::{Files, Input};
use super::{Address, Selected};
use crate::auth::Session;
use crate::parts::{
    Badge, Command, Facts, IdChip, JsonView, Lasting, Moment, Prose, Tabs, Value, bytes, shell_word,
    url_part, visible,
};

#[derive(Template)]
#[template(path = "parts/task_attempt.html")]
pub(super) struct OpenAttempt {
    action: String,
    attempts: Vec<AttemptLink>,
    badge: Option<Badge>,
    node: String,
    node_url: String,
    started: Option<Moment>,
    took: Option<Lasting>,
    cpu: Option<String>,
    memory: Option<String>,
    outcome: String,
    recover_url: Option<String>,
    tabs: Tabs,
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
        address: &Address,
        now: DateTime<Utc>,
    ) -> Self {
        // the choice stays when what is seen of it changes, even where nobody has made one
        let here = Address { action: action.name.clone(), ..address.clone() };
        let link = |other: &AttemptView| AttemptLink {
            number: other.attempt,
            url: here.on_attempt(&action.name, other.attempt),
            is_open: attempt.is_some_and(|open| open.attempt == other.attempt),
            badge: Badge::of_attempt(other.stage, other.status, other.exit.as_ref()),
        };
        let usage = attempt.map(|attempt| &attempt.usage);
        let tab = |tabs: Tabs, name, show| tabs.tab(name, here.on_show(show), address.show == show);
        let tabs = tab(Tabs::new("What to see of the action"), "Log", Show::Log);
        let tabs = tab(tab(tabs, "Input", Show::Input), "Output", Show::Output);
        let tabs = tab(tab(tabs, "Workspace", Show::Workspace), "Why", Show::Why);
        let is_over = !info.task.stage.is_open();
        Self {
            action: visible(&action.name),
            attempts: action.attempts.iter().map(link).collect(),
            badge: attempt.map(|open| Badge::of_attempt(open.stage, open.status, open.exit.as_ref())),
            node: attempt.map(|attempt| visible(&attempt.node_name)).unwrap_or_default(),
            node_url: attempt.map(|attempt| format!("/nodes#n-{}", attempt.node_id)).unwrap_or_default(),
            started: attempt.and_then(|attempt| attempt.start_at).map(|start| Moment::new(start, now)),
            took: attempt.and_then(|attempt| Lasting::new(attempt.start_at, attempt.end_at, now)),
            cpu: usage
                .filter(|usage| usage.cpu_seconds >= 0.05)
                .map(|usage| cores(usage.cpu_seconds, attempt)),
            memory: usage.filter(|usage| usage.max_rss_bytes > 0).map(|usage| bytes(usage.max_rss_bytes)),
            outcome: attempt.and_then(|attempt| attempt.exit.as_ref()).map(outcome).unwrap_or_default(),
            recover_url: (is_over && attempt.is_some())
                .then(|| format!("/tasks/{}/recover?from={}", info.task.task_id, url_part(&action.name))),
            tabs,
        }
    }
}

/// `12.4 s of processor, 0.8 cores`.
fn cores(cpu_seconds: f64, attempt: Option<&AttemptView>) -> String {
    let span = attempt.and_then(|attempt| Some(attempt.end_at? - attempt.start_at?));
    match span.map(|span| span.num_milliseconds() as f64 / 1000.0).filter(|seconds| *seconds >= 0.5) {
        Some(seconds) => format!("{cpu_seconds:.1} s processor, {:.1} cores", cpu_seconds / seconds),
        None => format!("{cpu_seconds:.1} s processor"),
    }
}

/// What is seen of it, apart from its log.
#[derive(Template)]
#[template(path = "parts/task_panel.html")]
pub(super) struct Panel {
    body: Body,
}

impl HtmlSafe for Panel {}

enum Body {
    Input(Input),
    Output {
        value: Option<JsonView>,
        is_over: bool,
    },
    Workspace(Files),
    Why {
        line: Option<Prose>,
        hint: Option<Prose>,
        facts: Facts,
        preparing: Vec<(String, String, Option<Lasting>)>,
    },
}

impl Panel {
    pub(super) async fn load(
        session: &Session,
        info: &TaskInfo,
        (action, attempt): (&ActionView, Option<&AttemptView>),
        address: &Address,
        why: Option<&Why>,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let body = match address.show {
            Show::Log => return None,
            Show::Input => Body::Input(Input::fetch(session, info, action, attempt).await),
            Show::Output => output(session, info, action).await,
            Show::Workspace => Body::Workspace(Files::fetch(session, info, action, attempt, address).await),
            Show::Why => because(action, attempt, said(session, info, action, why).await.as_ref(), now),
        };
        Some(Self { body })
    }
}

async fn output(session: &Session, info: &TaskInfo, action: &ActionView) -> Body {
    let task_id = info.task.task_id.to_string();
    let url = format!("/tasks/{task_id}/actions/{}/output.json", url_part(&action.name));
    let view = |raw: &str| JsonView::new(raw, format!("Result of {}", visible(&action.name))).download(url);
    // what is not there, and what cannot be read now, is not shown
    let output = session.client.fetch_output(&task_id, &action.name).await.ok();
    Body::Output {
        value: output.map(|output| view(output.get())),
        is_over: action.stage == lp_protocol::Stage::Finished,
    }
}

/// What the manager says of the action. It is among the first reasons, or else asked for by itself.
async fn said(
    session: &Session,
    info: &TaskInfo,
    action: &ActionView,
    why: Option<&Why>,
) -> Option<WhyAction> {
    let of_it = |why: &Why| why.actions.iter().find(|said| said.name == action.name).cloned();
    match why {
        Some(why) if why.more == 0 || of_it(why).is_some() => of_it(why),
        Some(_) | None => {
            let query = ExplainTask { limit: Some(1), action: Some(action.name.clone()) };
            let why = session.client.explain_action(&info.task.task_id.to_string(), &query).await;
            why.ok().as_ref().and_then(of_it)
        }
    }
}

fn because(
    action: &ActionView,
    attempt: Option<&AttemptView>,
    said: Option<&WhyAction>,
    now: DateTime<Utc>,
) -> Body {
    let moment = |at: Option<DateTime<Utc>>| at.map(|at| Value::Moment(Moment::new(at, now)));
    let mut facts = Facts::default()
        .maybe(
            "Waits for",
            (!action.condition.is_empty())
                .then(|| Value::Text(crate::parts::clip(&action.condition.join(", "), 2000))),
        )
        .maybe("Made by", action.generated_by.as_deref().map(|by| Value::Code(visible(by))))
        .maybe("Next attempt", moment(action.retry_at));
    let mut preparing = Vec::new();
    if let Some(attempt) = attempt {
        let usage = &attempt.usage;
        facts = facts
            .row(
                "Node",
                Value::Link { text: visible(&attempt.node_name), url: format!("/nodes/{}", attempt.node_id) },
            )
            .row("Node's id", Value::Id(IdChip::new(attempt.node_id, attempt.node_id.short())))
            .row("Run", Value::Text(attempt.run.to_string()))
            .maybe("Assigned", moment(Some(attempt.assign_at)))
            .maybe("Started", moment(attempt.start_at))
            .maybe("Ended", moment(attempt.end_at))
            .maybe(
                "Outcome",
                attempt.exit.as_ref().map(|exit| Value::Prose(Prose::new(&exit.to_string(), 2000))),
            )
            .maybe(
                "Processor",
                (usage.cpu_seconds > 0.0).then(|| Value::Text(cores(usage.cpu_seconds, Some(attempt)))),
            )
            .maybe("Peak memory", (usage.max_rss_bytes > 0).then(|| Value::Text(bytes(usage.max_rss_bytes))))
            .maybe("Output", (attempt.log_bytes > 0).then(|| Value::Text(bytes(attempt.log_bytes))));
        preparing.extend(attempt.preparing.iter().map(|step| {
            let what = format!("{} {}", step.kind.as_str(), visible(&step.what));
            let detail = step.detail.as_deref().map(|detail| crate::parts::clip(detail, 300));
            (what, detail.unwrap_or_default(), Lasting::new(Some(step.start_at), step.end_at, now))
        }));
    }
    Body::Why {
        line: said.map(|said| Prose::new(&crate::failure::sentence(&said.reason), 2000)),
        hint: said.and_then(|said| said.hint.as_deref()).map(|hint| Prose::new(hint, 1000)),
        facts,
        preparing,
    }
}

/// Whether what is open may change without the node being asked: only this is kept up to date.
pub(super) fn is_live(address: &Address) -> bool {
    match address.show {
        Show::Output | Show::Why => true,
        Show::Log | Show::Input | Show::Workspace => false,
    }
}

/// The command for what is open.
pub(super) fn command(info: &TaskInfo, open: Option<&Selected>, address: &Address) -> Command {
    let short = info.task.task_id.short();
    let Some(open) = open.filter(|_| address.tab.has_panel()) else {
        return Command::new(format!("lp task info {short}"));
    };
    let action = shell_word(&open.action);
    Command::new(match address.show {
        Show::Log => format!("lp logs {short} {action} -f"),
        Show::Input => format!("lp workspace download {short} {action} input.data"),
        Show::Output => format!("lp task info {short} -o json"),
        Show::Workspace => format!("lp workspace download {short} {action}"),
        Show::Why => format!("lp why {short}"),
    })
}
