//! One node: what it is, how it is, what it runs.

use actix_web::{HttpResponse, web};
use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{NodeAttempt, NodeView};

use super::LIST;
use crate::failure::Failure;
use crate::frame::{Frame, Section, tab_title};
use crate::pages::{Visit, html, text};
use crate::parts::{
    Badge, Command, Facts, IdChip, Moment, NodeCards, Prose, Value, bytes, clip, shell_word, url_part,
    visible,
};

/// Attempts listed.
const MAX_ROWS: usize = 500;

#[derive(Template)]
#[template(path = "nodes/one.html")]
struct Page {
    frame: Frame,
    base: String,
    name: String,
    is_draining: bool,
    facts: Facts,
    content: Node,
    command: Command,
}

/// What moves.
pub(crate) struct Node {
    card: NodeCards,
    held: Held,
}

#[derive(Template)]
#[template(path = "nodes/held.html")]
struct Held {
    rows: Vec<Row>,
    more: usize,
}

impl HtmlSafe for Held {}

struct Row {
    badge: Badge,
    action: String,
    attempt: u32,
    task: IdChip,
    url: String,
}

pub(crate) async fn show(visit: Visit, node: web::Path<String>) -> Result<HttpResponse, Failure> {
    let view = visit.client().fetch_node(&node).await?;
    let now = Utc::now();
    let frame = visit
        .frame_below(Section::Nodes, &tab_title(Badge::of_node(&view).look, &view.name))
        .live(format!("/live?view=node&app={}", view.node_id));
    html(&Page {
        frame,
        base: format!("{LIST}/{}", view.node_id),
        name: visible(&view.name),
        is_draining: view.drain.is_some(),
        facts: facts(&view, now),
        command: Command::new(format!("lp node info {}", shell_word(&view.name))),
        content: Node::new(&view, now),
    })
}

impl Node {
    pub(crate) async fn load(client: &ManagerClient, id: &str, now: DateTime<Utc>) -> Result<Self, Failure> {
        Ok(Self::new(&client.fetch_node(id).await?, now))
    }

    fn new(view: &NodeView, now: DateTime<Utc>) -> Self {
        let rows = view.attempts.iter().take(MAX_ROWS).map(Row::new).collect();
        let held = Held { rows, more: view.attempts.len().saturating_sub(MAX_ROWS) };
        Self { card: NodeCards::new(std::slice::from_ref(view), 1, now), held }
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(vec![("card", text(&self.card)?), ("held", text(&self.held)?)])
    }
}

impl Row {
    fn new(held: &NodeAttempt) -> Self {
        let key = &held.attempt;
        Self {
            badge: Badge::of(held.stage, None),
            action: visible(&key.action),
            attempt: key.attempt,
            task: IdChip::new(key.task_id, key.task_id.short()),
            url: format!("/tasks/{}?action={}&attempt={}", key.task_id, url_part(&key.action), key.attempt),
        }
    }
}

fn facts(view: &NodeView, now: DateTime<Utc>) -> Facts {
    let (facts, room) = (&view.facts, &view.facts.capacity);
    let cores =
        (room.cpu_millis > 0).then(|| Value::Text(format!("{} cores", room.cpu_millis as f64 / 1000.0)));
    let memory = (room.memory_bytes > 0).then(|| Value::Text(bytes(room.memory_bytes)));
    let gpus = (room.gpus > 0).then(|| {
        let names =
            if facts.gpus.is_empty() { String::new() } else { format!(": {}", facts.gpus.join(", ")) };
        Value::Text(clip(&format!("{}{names}", room.gpus), 300))
    });
    let isolation = &facts.isolation;
    let said = |text: &str| (!text.is_empty()).then(|| Value::Prose(Prose::new(text, 600)));
    let named: Vec<String> = room.named.iter().map(|(name, count)| format!("{count} {name}")).collect();
    Facts::default()
        .row("Host", Value::Text(visible(&facts.hostname)))
        .row("Address", Value::Code(visible(&facts.ip)))
        .row("Platform", Value::Text(visible(&facts.platform)))
        .row("Slots", Value::Text(room.slots.to_string()))
        .maybe("Processors", cores)
        .maybe("Memory", memory)
        .maybe("GPUs", gpus)
        .maybe("Also has", (!named.is_empty()).then(|| Value::Text(clip(&named.join(", "), 300))))
        .row("Docker", Value::Text(if facts.docker_support { "yes" } else { "no" }.to_owned()))
        .maybe("Programs run as", said(&isolation.user))
        .maybe("They see", said(&isolation.files))
        .maybe("Kept from them", said(&isolation.kernel))
        .maybe("Limits", said(&isolation.limits))
        .row("Version", Value::Text(visible(&facts.version)))
        .row("Data", Value::Code(visible(&facts.data_path)))
        .maybe(
            "Package cache",
            view.cache.as_ref().map(|cache| {
                Value::Text(format!(
                    "{} packages, {} of {}",
                    cache.packages,
                    bytes(cache.used_bytes),
                    bytes(cache.limit_bytes)
                ))
            }),
        )
        .row("Joined", Value::Moment(Moment::new(view.create_at, now)))
        .row("Id", Value::Id(IdChip::new(view.node_id, view.node_id.short())))
}
