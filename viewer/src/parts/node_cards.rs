//! A card for each node: its state, its slots as squares, and what is left of the machine.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};
use lp_protocol::views::{NodeState, NodeView};

use super::{Badge, Empty, Moment, bytes, url_part, visible};

/// Squares drawn; of more slots only the numbers are shown.
const MAX_SQUARES: u32 = 64;

#[derive(Clone, Debug, Template)]
#[template(path = "parts/node_cards.html")]
pub(crate) struct NodeCards {
    cards: Vec<Card>,
    /// Nodes that are not shown here.
    more: usize,
    /// What can be done to each stands on its card.
    has_deeds: bool,
    empty: Empty,
}

impl HtmlSafe for NodeCards {}

#[derive(Clone, Debug)]
struct Card {
    node_id: String,
    short: String,
    name: String,
    badge: Badge,
    is_away: bool,
    is_draining: bool,
    /// When it stops what still runs.
    deadline: Option<Moment>,
    since: Moment,
    squares: Vec<Square>,
    slots_in_use: u32,
    slots: u32,
    waiting: u32,
    load: String,
    memory: Option<Gauge>,
    disk: Option<Gauge>,
    platform: String,
    version: String,
    labels: Vec<String>,
    seen: Option<Moment>,
}

/// A slot.
#[derive(Clone, Debug, Default)]
struct Square {
    is_busy: bool,
    /// What fills it, where that is known: its page and a sentence.
    attempt: Option<(String, String)>,
}

/// How much of something is taken.
#[derive(Clone, Debug)]
struct Gauge {
    used: u64,
    total: u64,
    free: String,
    is_low: bool,
}

impl Gauge {
    fn new(free_bytes: u64, total_bytes: u64) -> Option<Self> {
        if total_bytes == 0 {
            return None;
        }
        let used = total_bytes.saturating_sub(free_bytes);
        let is_low = is_low(free_bytes, total_bytes);
        Some(Self { used, total: total_bytes, free: bytes(free_bytes), is_low })
    }
}

/// Below a tenth somebody should look.
pub(crate) fn is_low(free_bytes: u64, total_bytes: u64) -> bool {
    total_bytes > 0 && free_bytes < total_bytes / 10
}

impl NodeCards {
    /// Shows `most` of them, those that are away first: they are what a person looks for.
    pub(crate) fn new(nodes: &[NodeView], most: usize, now: DateTime<Utc>) -> Self {
        let mut nodes: Vec<&NodeView> = nodes.iter().collect();
        nodes.sort_by(|a, b| (is_up(a), &a.name, a.node_id).cmp(&(is_up(b), &b.name, b.node_id)));
        Self {
            more: nodes.len().saturating_sub(most),
            has_deeds: false,
            cards: nodes.into_iter().take(most).map(|node| Card::new(node, now)).collect(),
            empty: Empty {
                text: "No node has joined yet. Nodes run the actions; a machine becomes one with:",
                commands: &["lp node token", "LP_JOIN_TOKEN=TOKEN lp node --manager URL"],
            },
        }
    }
}

impl NodeCards {
    /// Puts what can be done to a node on its card.
    pub(crate) fn with_deeds(mut self) -> Self {
        self.has_deeds = true;
        self
    }
}

fn is_up(node: &NodeView) -> bool {
    node.state == NodeState::Connected
}

impl Card {
    fn new(node: &NodeView, now: DateTime<Utc>) -> Self {
        // what was sent ahead waits there
        let slots = node.facts.capacity.slots;
        let slots_in_use = node.in_use.slots.min(slots);
        Self {
            node_id: node.node_id.to_string(),
            short: node.node_id.short(),
            name: visible(&node.name),
            badge: Badge::of_node(node),
            is_away: !is_up(node),
            is_draining: node.drain.is_some(),
            deadline: node.drain.as_ref().and_then(|drain| drain.deadline).map(|at| Moment::new(at, now)),
            since: Moment::new(node.create_at, now),
            squares: squares(node),
            slots_in_use,
            slots,
            waiting: node.load.waiting,
            load: load(node),
            memory: Gauge::new(node.load.memory_available_bytes, node.facts.capacity.memory_bytes),
            disk: Gauge::new(node.load.disk_free_bytes, node.load.disk_total_bytes),
            platform: visible(&node.facts.platform),
            version: visible(&node.facts.version),
            labels: node.facts.labels.iter().map(|(key, value)| visible(&format!("{key}={value}"))).collect(),
            seen: node.seen_at.map(|seen| Moment::new(seen, now)),
        }
    }
}

/// Each attempt fills one, in the order in which they came; what asks for several slots fills the rest of them without a name.
fn squares(node: &NodeView) -> Vec<Square> {
    let (slots, in_use) = (node.facts.capacity.slots, node.in_use.slots);
    let attempts = node.attempts.iter().map(|held| {
        let key = &held.attempt;
        let url = format!("/tasks/{}?action={}&attempt={}", key.task_id, url_part(&key.action), key.attempt);
        let title =
            format!("{} of task {}, {}", visible(&key.action), key.task_id.short(), held.stage.as_str());
        Square { is_busy: true, attempt: Some((url, title)) }
    });
    let named: Vec<Square> = attempts.take(slots.min(MAX_SQUARES) as usize).collect();
    let from = named.len() as u32;
    let rest = (from..slots.min(MAX_SQUARES)).map(|slot| Square { is_busy: slot < in_use, attempt: None });
    named.iter().cloned().chain(rest).collect()
}

/// `0.8 of 16 cores`.
fn load(node: &NodeView) -> String {
    match node.facts.capacity.cpu_millis {
        0 => format!("{:.1}", node.load.load1),
        millis => format!("{:.1} of {} cores", node.load.load1, millis.div_ceil(1000)),
    }
}
