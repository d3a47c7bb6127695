//! A card for each node: its state, its slots as squares, and what is left of the machine.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};
use lp_protocol::views::{NodeState, NodeView};

use super::{Badge, Empty, Moment, bytes, visible};

/// Squares drawn; of more slots only the numbers are shown.
const MAX_SQUARES: u32 = 64;

#[derive(Clone, Debug, Template)]
#[template(path = "parts/node_cards.html")]
pub(crate) struct NodeCards {
    cards: Vec<Card>,
    /// Nodes that are not shown here.
    more: usize,
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
    squares: Vec<bool>,
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
            cards: nodes.into_iter().take(most).map(|node| Card::new(node, now)).collect(),
            empty: Empty {
                text: "No node has joined yet. Nodes run the actions; a machine becomes one with:",
                commands: &["lp node --manager URL --join-token TOKEN"],
            },
        }
    }
}

fn is_up(node: &NodeView) -> bool {
    node.state == NodeState::Connected
}

impl Card {
    fn new(node: &NodeView, now: DateTime<Utc>) -> Self {
        let (slots, slots_in_use) = (node.facts.capacity.slots, node.in_use.slots);
        Self {
            node_id: node.node_id.to_string(),
            short: node.node_id.short(),
            name: visible(&node.name),
            badge: Badge::of_node(node),
            is_away: !is_up(node),
            squares: (0..slots.min(MAX_SQUARES)).map(|slot| slot < slots_in_use).collect(),
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

/// `0.8 of 16 cores`.
fn load(node: &NodeView) -> String {
    match node.facts.capacity.cpu_millis {
        0 => format!("{:.1}", node.load.load1),
        millis => format!("{:.1} of {} cores", node.load.load1, millis.div_ceil(1000)),
    }
}
