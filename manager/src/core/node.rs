//! A node as the core sees it: what it has, what is with it, when it was last heard.

use std::collections::BTreeSet;
use std::time::Duration;

use lp_protocol::frames::{NodeFacts, NodeLoad};
use lp_protocol::plan::Resources;
use lp_protocol::views::NodeState;

use super::outcome::ConnectionId;
use super::record::AttemptId;
use super::shape::Class;

/// Waiting time on the node that sending attempts ahead may cost, per slot: what is sent ahead cannot go to another node,
/// so it is only done where it is gone again in this time.
const AHEAD: Duration = Duration::from_millis(50);
/// Most attempts sent ahead to one node. Covers the round trip of a report and its answer (2-5 ms) at 2,000 actions a second with room to spare.
const MAX_AHEAD: usize = 48;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) facts: NodeFacts,
    pub(super) load: NodeLoad,
    pub(super) connection: Option<ConnectionId>,
    /// When the last frame came, on the monotonic clock.
    pub(super) heard: Duration,
    /// When it is next looked whether it has been silent for too long.
    pub(super) silence_check: Duration,
    /// Everything it was given and has not reported the end of.
    pub(super) attempts: BTreeSet<AttemptId>,
    /// What those occupy, or will; more than the capacity where some were sent ahead.
    pub(super) in_use: Resources,
    /// Run time of its plain actions: quick to grow, slow to shrink.
    typical_run: Option<Duration>,
}

impl Node {
    pub(super) fn new(heard: Duration, silence_check: Duration) -> Self {
        Self {
            silence_check,
            facts: NodeFacts {
                capacity: Resources { slots: 0, ..Resources::default() },
                ..NodeFacts::default()
            },
            load: NodeLoad::default(),
            connection: None,
            heard,
            attempts: BTreeSet::new(),
            in_use: Resources { slots: 0, ..Resources::default() },
            typical_run: None,
        }
    }

    pub(super) fn state(&self) -> NodeState {
        if self.connection.is_some() { NodeState::Connected } else { NodeState::Disconnected }
    }

    pub(super) fn add(&mut self, id: AttemptId, wants: &Resources) {
        if self.attempts.insert(id) {
            self.in_use.add(wants);
        }
    }

    pub(super) fn remove(&mut self, id: AttemptId, wants: &Resources) {
        if self.attempts.remove(&id) {
            self.in_use.subtract(wants);
        }
    }

    /// Has the platform, the address and the container engine the class names; says nothing about room.
    pub(super) fn suits(&self, class: &Class, node_id: lp_protocol::NodeId) -> bool {
        let target = &class.target;
        target.platform.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(&self.facts.platform))
            && target.docker_support.is_none_or(|wanted| wanted == self.facts.docker_support)
            && target.node_id.is_none_or(|wanted| wanted == node_id)
            && target.node_ip.as_ref().is_none_or(|wanted| *wanted == self.facts.ip)
            && target
                .labels
                .iter()
                .all(|(key, rule)| rule.holds(self.facts.labels.get(key).map(String::as_str)))
            && (!class.docker || self.facts.docker_support)
            && class.resources.fits_in(&self.facts.capacity)
    }

    /// Could start an attempt of the class now.
    pub(super) fn has_room(&self, class: &Class) -> bool {
        class.resources.fits_beside(&self.in_use, &self.facts.capacity)
    }

    /// May be sent a plain attempt to wait there.
    pub(super) fn may_wait(&self, class: &Class) -> bool {
        class.is_plain() && self.attempts.len() < self.facts.capacity.slots as usize + self.ahead()
    }

    /// How many attempts may wait on it beyond its slots.
    pub(super) fn ahead(&self) -> usize {
        let Some(run) = self.typical_run else { return 0 };
        let per_slot = AHEAD.as_secs_f64() / run.as_secs_f64().max(0.0005);
        ((per_slot * f64::from(self.facts.capacity.slots)) as usize).min(MAX_AHEAD)
    }

    /// More was given to it than it can run at once.
    pub(super) fn is_overbooked(&self) -> bool {
        self.in_use.slots > self.facts.capacity.slots
    }

    /// Share of its slots that is taken, as the measure of least-loaded placement.
    pub(super) fn crowding(&self) -> f64 {
        f64::from(self.in_use.slots) / f64::from(self.facts.capacity.slots.max(1))
    }

    pub(super) fn learn_run(&mut self, run: Duration) {
        self.typical_run = Some(match self.typical_run {
            Some(typical) if run <= typical => typical.mul_f64(0.9) + run.mul_f64(0.1),
            Some(typical) => typical.mul_f64(0.5) + run.mul_f64(0.5),
            None => run,
        });
    }
}
