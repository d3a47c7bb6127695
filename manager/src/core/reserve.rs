//! Room kept for what is too big for any node as they are, so that small ones do not pass it for ever.
//!
//! Where the first of a line finds no room on any node that suits it, the node nearest to having room is kept for it: those that come
//! after it in the order get nothing there of the kinds it lacks; all else they get. What runs there ends and is not replaced, so
//! this node comes nearer and stays the nearest: the choice needs no memory and is the same after a start. One node is kept for one action
//! and [`MAX_KEPT`] in all, so that a crowd of big ones idles a few nodes and not all.

use lp_protocol::NodeId;
use lp_protocol::plan::Resources;

use super::Core;
use super::node::Node;
use super::shape::Class;

/// 8 nodes at most are kept at a time: the next is kept when one of these has got what it waited for.
const MAX_KEPT: usize = 8;

/// The nodes that are kept in one pass, and what of them.
#[derive(Debug, Default)]
pub(super) struct Kept(Vec<(NodeId, Resources)>);

impl Kept {
    /// True where the class wants something of the node that is kept for another.
    pub(super) fn keeps(&self, node_id: NodeId, class: &Class) -> bool {
        self.0.iter().any(|(kept, lacking)| *kept == node_id && overlap(lacking, &class.resources))
    }

    fn has(&self, node_id: NodeId) -> bool {
        self.0.iter().any(|(kept, _)| *kept == node_id)
    }
}

impl Core {
    /// Keeps a node for a class that has just found no room.
    pub(super) fn keep_for(&self, class: &Class, kept: &mut Kept) {
        // a plain one waits for a slot and any will do: those after it in the order cannot pass it
        if class.is_plain() || kept.0.len() >= MAX_KEPT {
            return;
        }
        let mut best: Option<(f64, NodeId, Resources)> = None;
        for (node_id, node) in &self.nodes {
            let open = node.connection.is_some() && !self.is_draining(*node_id);
            if !open || kept.has(*node_id) || !node.suits(class, *node_id) {
                continue;
            }
            let (short, lacking) = shortage(node, class);
            if best.as_ref().is_none_or(|(least, ..)| short < *least) {
                best = Some((short, *node_id, lacking));
            }
        }
        if let Some((_, node_id, lacking)) = best {
            kept.0.push((node_id, lacking));
        }
    }
}

/// How far the node is from having room, as the greatest share of its capacity that must become free, and the wants it cannot meet now.
fn shortage(node: &Node, class: &Class) -> (f64, Resources) {
    let (wants, used, has) = (&class.resources, &node.in_use, &node.facts.capacity);
    let mut most = 0.0f64;
    let mut lack = |want: u64, used: u64, has: u64| {
        let short = want.saturating_add(used).saturating_sub(has);
        if want == 0 || short == 0 {
            return 0;
        }
        most = most.max(short as f64 / has.max(1) as f64);
        want
    };
    let mut lacking = Resources {
        slots: lack(wants.slots.into(), used.slots.into(), has.slots.into()) as u32,
        cpu_millis: lack(wants.cpu_millis, used.cpu_millis, has.cpu_millis),
        memory_bytes: lack(wants.memory_bytes, used.memory_bytes, has.memory_bytes),
        gpus: lack(wants.gpus, used.gpus, has.gpus),
        named: Default::default(),
    };
    for (name, want) in &wants.named {
        let of = |resources: &Resources| resources.named.get(name).copied().unwrap_or(0);
        if lack(*want, of(used), of(has)) > 0 {
            lacking.named.insert(name.clone(), *want);
        }
    }
    (most, lacking)
}

/// The kinds but slots of which the node has too little left for the class, in words.
pub(super) fn lacks(node: &Node, class: &Class) -> String {
    let (_, lacking) = shortage(node, class);
    let own = [("cpus", lacking.cpu_millis), ("memory", lacking.memory_bytes), ("gpus", lacking.gpus)];
    let own = own.into_iter().filter(|(_, amount)| *amount > 0).map(|(name, _)| name);
    own.chain(lacking.named.keys().map(String::as_str)).collect::<Vec<_>>().join(", ")
}

fn overlap(lacking: &Resources, wants: &Resources) -> bool {
    let both = |one: u64, other: u64| one > 0 && other > 0;
    both(lacking.slots.into(), wants.slots.into())
        || both(lacking.cpu_millis, wants.cpu_millis)
        || both(lacking.memory_bytes, wants.memory_bytes)
        || both(lacking.gpus, wants.gpus)
        || wants.named.iter().any(|(name, want)| both(*want, lacking.named.get(name).copied().unwrap_or(0)))
}
