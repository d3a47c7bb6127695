//! A node of the simulation: keeps its promises (DESIGN 4) through kills, and notes every program it starts.

use std::collections::{BTreeMap, VecDeque};

use lp_protocol::frames::{
    AttemptEvent, Finish, Hello, LINK_VERSION, ManagerFrame, NodeFacts, NodeFrame, NodeLoad, Report, Usage,
};
use lp_protocol::plan::Resources;
use lp_protocol::{AttemptKey, Exit, NodeId};
use serde_json::value::RawValue;

use super::random::Random;
use crate::core::{AssignOrder, ConnectionId, Now};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Waiting,
    Running,
    /// Its end is in the outbox.
    Ended,
}

struct Held {
    order: AssignOrder,
    phase: Phase,
    stop: bool,
}

/// What travels to a node.
pub(super) enum ToNode {
    Frame(ManagerFrame),
    Assign(AssignOrder),
}

pub(super) struct FakeNode {
    pub(super) id: NodeId,
    pub(super) capacity: Resources,
    pub(super) connection: Option<ConnectionId>,
    pub(super) to_node: VecDeque<ToNode>,
    pub(super) to_manager: VecDeque<NodeFrame>,
    held: BTreeMap<AttemptKey, Held>,
    outbox: VecDeque<Report>,
    next_report: u64,
    welcomed: bool,
}

impl FakeNode {
    pub(super) fn new(id: NodeId, slots: u32) -> Self {
        Self {
            id,
            capacity: Resources { slots, cpu_millis: 1000, ..Resources::default() },
            connection: None,
            to_node: VecDeque::new(),
            to_manager: VecDeque::new(),
            held: BTreeMap::new(),
            outbox: VecDeque::new(),
            next_report: 1,
            welcomed: false,
        }
    }

    pub(super) fn hello(&self) -> Hello {
        let node =
            NodeFacts { name: self.id.short(), capacity: self.capacity.clone(), ..NodeFacts::default() };
        Hello {
            link_version: LINK_VERSION,
            node,
            held: self.held.keys().cloned().collect(),
            building: Default::default(),
        }
    }

    /// Shows that it lives.
    pub(super) fn beat(&mut self) {
        if self.connection.is_some() {
            self.to_manager.push_back(NodeFrame::Heartbeat { load: NodeLoad::default() });
        }
    }

    /// The connection breaks: frames under way are lost, in both directions.
    pub(super) fn disconnect(&mut self) -> Option<ConnectionId> {
        self.to_node.clear();
        self.to_manager.clear();
        self.welcomed = false;
        self.connection.take()
    }

    /// Its supervisor dies: nobody knows how what ran has ended.
    pub(super) fn lose_programs(&mut self, now: Now) {
        let running: Vec<AttemptKey> = self.keys(Phase::Running);
        for key in running {
            self.end(now, &key, Exit::Lost { reason: "the supervisor was killed".to_owned() }, None);
        }
    }

    pub(super) fn running(&self) -> impl Iterator<Item = &AssignOrder> {
        self.held.values().filter(|held| held.phase == Phase::Running).map(|held| &held.order)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.held.is_empty() && self.outbox.is_empty()
    }

    /// Everything the manager has to say to it has arrived.
    pub(super) fn has_heard_all(&self) -> bool {
        self.welcomed && self.to_node.is_empty()
    }

    /// Takes the next frame, if there is one. Returns the reports an acknowledgement covers, for the model to check.
    pub(super) fn receive(&mut self, now: Now) -> Vec<Report> {
        match self.to_node.pop_front() {
            None => Vec::new(),
            Some(ToNode::Assign(order)) => {
                let held = Held { order: order.clone(), phase: Phase::Waiting, stop: false };
                self.held.entry(order.key).or_insert(held);
                Vec::new()
            }
            Some(ToNode::Frame(frame)) => self.take(now, frame),
        }
    }

    fn take(&mut self, now: Now, frame: ManagerFrame) -> Vec<Report> {
        match frame {
            ManagerFrame::Welcome(welcome) => {
                self.held.retain(|key, _| welcome.go_on.contains(key));
                self.outbox.retain(|report| self.held.contains_key(&report.attempt));
                self.welcomed = true;
                // everything unacknowledged is said again
                self.send(self.outbox.iter().cloned().collect());
            }
            ManagerFrame::Stop { stops } => {
                for stop in stops {
                    if let Some(held) = self.held.get_mut(&stop.attempt) {
                        held.stop = true;
                    }
                }
            }
            ManagerFrame::Recall { attempts } => {
                for key in attempts {
                    if self.held.get(&key).is_some_and(|held| held.phase == Phase::Waiting) {
                        self.report(&key, AttemptEvent::Returned);
                    }
                }
            }
            ManagerFrame::Ack { through } => return self.acknowledged(through),
            _ => {}
        }
        let _unused_clock = now;
        Vec::new()
    }

    fn acknowledged(&mut self, through: u64) -> Vec<Report> {
        let (acked, kept) =
            std::mem::take(&mut self.outbox).into_iter().partition(|report| report.seq <= through);
        self.outbox = kept;
        for report in &acked {
            if !matches!(report.event, AttemptEvent::Started { .. }) {
                self.held.remove(&report.attempt);
            }
        }
        Vec::from(acked)
    }

    /// Starts, runs or stops something. Returns the order of a program it has started.
    pub(super) fn act(&mut self, now: Now, random: &mut Random) -> Option<AssignOrder> {
        let stopped: Option<AttemptKey> = self
            .held
            .iter()
            .find(|(_, held)| held.stop && held.phase != Phase::Ended)
            .map(|(key, _)| key.clone());
        if let Some(key) = stopped {
            self.end(now, &key, Exit::Stopped { returncode: -15 }, None);
            return None;
        }
        let running = self.keys(Phase::Running);
        if !running.is_empty() && random.one_in(2) {
            let key = running[random.below(running.len())].clone();
            let exit = match random.below(8) {
                0 => Exit::Code { code: 1 },
                1 => Exit::Signal { signal: 11 },
                _ => Exit::Code { code: 0 },
            };
            let output = random.one_in(4).then(|| generate(&self.held[&key].order, random));
            self.end(now, &key, exit, output);
            return None;
        }
        self.start_next(now)
    }

    fn start_next(&mut self, now: Now) -> Option<AssignOrder> {
        let mut in_use = Resources { slots: 0, ..Resources::default() };
        for order in self.running() {
            in_use.add(&order.shape.action(order.action)?.resources);
        }
        let fits = |held: &&mut Held| {
            let wants = held.order.shape.action(held.order.action).map(|action| &action.resources);
            held.phase == Phase::Waiting
                && wants.is_some_and(|wants| wants.fits_beside(&in_use, &self.capacity))
        };
        let order = {
            let held = self.held.values_mut().find(fits)?;
            held.phase = Phase::Running;
            held.order.clone()
        };
        self.report(&order.key, AttemptEvent::Started { start_at: now.wall, preparing: Vec::new() });
        Some(order)
    }

    fn end(&mut self, now: Now, key: &AttemptKey, exit: Exit, output: Option<Box<RawValue>>) {
        let finish = Finish {
            exit,
            start_at: Some(now.wall),
            end_at: now.wall,
            output,
            log_bytes: 0,
            log: None,
            log_times: None,
            usage: Usage::default(),
            preparing: Vec::new(),
        };
        self.report(key, AttemptEvent::Finished(Box::new(finish)));
    }

    fn report(&mut self, key: &AttemptKey, event: AttemptEvent) {
        if let Some(held) = self.held.get_mut(key).filter(|_| !matches!(event, AttemptEvent::Started { .. }))
        {
            held.phase = Phase::Ended;
        }
        let report = Report { seq: self.next_report, attempt: key.clone(), event };
        self.next_report += 1;
        self.outbox.push_back(report.clone());
        if self.welcomed {
            self.send(vec![report]);
        }
    }

    fn send(&mut self, reports: Vec<Report>) {
        if !reports.is_empty() {
            self.to_manager.push_back(NodeFrame::Reports { reports });
        }
    }

    fn keys(&self, phase: Phase) -> Vec<AttemptKey> {
        self.held.iter().filter(|(_, held)| held.phase == phase).map(|(key, _)| key.clone()).collect()
    }
}

/// An output that asks for some actions: mostly good ones, with names that come again in later runs, and some that the manager refuses.
fn generate(order: &AssignOrder, random: &mut Random) -> Box<RawValue> {
    let plan = &order.shape.plan;
    let any = |random: &mut Random| plan.actions[random.below(plan.actions.len())].name.clone();
    let mut actions = Vec::new();
    for number in 0..1 + random.below(3) {
        let name = if random.one_in(10) { any(random) } else { format!("{}.{number}", order.key.action) };
        let mut action = serde_json::json!({ "name": name, "main": "x", "input_data": {"n": number} });
        if random.one_in(3) {
            action["condition"] = serde_json::json!([any(random)]);
        }
        if random.one_in(3) {
            action["to_action"] = serde_json::json!(any(random));
        }
        actions.push(action);
    }
    // generations end at some depth
    let deep = order.key.action.matches('.').count() > 2;
    let output = serde_json::json!({ "data": {}, "actions": if deep { Vec::new() } else { actions } });
    serde_json::value::to_raw_value(&output).unwrap()
}
