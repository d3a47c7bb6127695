//! Fifty nodes that need the same environment at the same time, under faults: it is built once, and each fetches it once.
//!
//! A node here is what matters of one: it wishes, builds for a while, uploads, and fetches when it is told. Nodes are killed in the middle of a
//! build, lose connections and words, and the manager restarts; still no two builds end well, no node fetches twice, and all get there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use chrono::DateTime;
use lp_protocol::env::{BuildOutcome, EnvAnswer, key};
use lp_protocol::frames::{Hello, LINK_VERSION, ManagerFrame, NodeFacts, NodeFrame, NodeLoad, PackageRef};
use lp_protocol::plan::Resources;
use lp_protocol::{AppId, AttemptKey, NodeId, TaskId};
use uuid::Uuid;

use super::build_rules::{plan, wish_of};
use super::model::Model;
use super::random::Random;
use crate::core::{ConnectionId, Core, Effect, NewTaskRequest, Now, Settings};

const NODES: usize = 50;
const STEPS: usize = 1500;

#[derive(Default)]
struct Node {
    connection: Option<ConnectionId>,
    attempts: BTreeSet<AttemptKey>,
    incoming: VecDeque<ManagerFrame>,
    outgoing: Vec<NodeFrame>,
    /// The lease and how many steps the build still takes.
    building: Option<(u32, u32)>,
    /// It has the environment on its disk, which outlives a crash.
    fetched: bool,
    fetches: u32,
}

struct World {
    random: Random,
    core: Core,
    model: Model,
    nodes: Vec<Node>,
    now: Now,
    connections: u64,
    key: String,
    /// Packs that were uploaded: a crash of their builder leaves them for the sweep.
    uploads: u32,
    accepted: u32,
    half_made: u32,
}

#[test]
fn fifty_cold_starts_build_once_and_fetch_once_each() {
    let first = std::env::var("LP_SIM_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let base = first.unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0 >> 1);
    for seed in base..base + if first.is_some() { 1 } else { 12 } {
        let run = std::panic::catch_unwind(|| run(seed));
        if let Err(panic) = run {
            eprintln!("the schedule that failed: LP_SIM_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

fn run(seed: u64) {
    let mut world = World::new(seed);
    for step in 0..STEPS {
        world.step(step < STEPS / 2);
    }
    for _ in 0..20_000 {
        if world.nodes.iter().all(|node| node.fetched) {
            break;
        }
        world.step(false);
    }
    let missing = world.nodes.iter().filter(|node| !node.fetched).count();
    assert_eq!(missing, 0, "every node gets there: {:?}", world.model.builds);
    assert_eq!(world.accepted, 1, "one build ends well, whatever became of the others");
    assert!(world.nodes.iter().all(|node| node.fetches == 1), "each node fetches it once");
    assert_eq!(world.core.counters.builds_failed, 0);
}

impl World {
    fn new(seed: u64) -> Self {
        let now = Now { wall: DateTime::from_timestamp(1_800_000_000, 0).unwrap(), mono: Duration::ZERO };
        let mut model = Model::default();
        let names: Vec<String> = (0..NODES).map(|number| format!("a{number}")).collect();
        let plan = std::sync::Arc::new(plan(&names.join(";")));
        model.plans.insert(1, plan.clone());
        let mut core = Core::load(now, Settings::default(), model.load());
        core.create_task(
            now,
            NewTaskRequest {
                task_id: TaskId(Uuid::from_u128(1)),
                name: "cold".to_owned(),
                app_id: AppId(Uuid::nil()),
                version_id: 1,
                plan,
                origin: None,
                priority: 0,
                input: None,
                key: None,
                fingerprint: None,
            },
        );
        let key = key(&"c".repeat(64), "x86_64-linux-gnu", "3.12");
        let nodes = (0..NODES).map(|_| Node::default()).collect();
        let (random, connections) = (Random::new(seed), 0);
        Self { random, core, model, nodes, now, connections, key, uploads: 0, accepted: 0, half_made: 0 }
    }

    fn step(&mut self, faults: bool) {
        let time = Duration::from_millis(self.random.below(200) as u64);
        self.now = Now { wall: self.now.wall + time, mono: self.now.mono + time };
        let index = self.random.below(NODES);
        match self.random.below(100) {
            0 if faults => self.crash(index),
            1 if faults => self.disconnect(index),
            2 if faults && self.random.one_in(10) => self.restart_manager(),
            3 if faults => self.crash_builder(),
            _ => {
                for index in 0..NODES {
                    self.live(index);
                }
                self.turn();
            }
        }
        self.core.check_sanity();
    }

    fn live(&mut self, index: usize) {
        if self.nodes[index].connection.is_none() {
            if self.random.one_in(3) {
                self.connect(index);
            }
            return;
        }
        while let Some(frame) = self.nodes[index].incoming.pop_front() {
            self.receive(index, frame);
        }
        if let Some((number, left)) = self.nodes[index].building {
            self.nodes[index].building = (left > 0).then(|| (number, left.saturating_sub(1)));
            if left == 0 {
                self.finish_build(index, number);
            }
        }
        let node = &mut self.nodes[index];
        node.outgoing.push(NodeFrame::Heartbeat { load: NodeLoad::default() });
        let (frames, connection) = (std::mem::take(&mut node.outgoing), node.connection.unwrap());
        for key in self.core.wished_builds(connection, &frames) {
            if let Some(record) = self.model.builds.get(&key).cloned() {
                self.core.offer_build(record);
            }
        }
        self.core.take_frames(self.now, connection, frames);
    }

    fn receive(&mut self, index: usize, frame: ManagerFrame) {
        let (steps, node) = (3 + self.random.below(20) as u32, &mut self.nodes[index]);
        match frame {
            ManagerFrame::Welcome(welcome) => {
                node.attempts.retain(|attempt| welcome.go_on.contains(attempt));
                self.wish(index);
            }
            ManagerFrame::Envs { answers } => match &answers[&self.key] {
                EnvAnswer::Build { number } if !node.fetched => {
                    let left = node.building.map_or(steps, |(_, left)| left);
                    node.building = Some((*number, left));
                }
                EnvAnswer::Ready(_) => {
                    node.building = None;
                    if !node.fetched {
                        node.fetches += 1;
                        node.fetched = true;
                    }
                }
                EnvAnswer::Wait { .. } => node.building = None,
                EnvAnswer::Build { .. } | EnvAnswer::Later { .. } => {}
                EnvAnswer::Failed { error } => panic!("it never fails here: {error}"),
            },
            _ => {}
        }
    }

    fn wish(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let attempt = node.attempts.first().cloned();
        if let Some(attempt) = attempt.filter(|_| !node.fetched) {
            let wish = wish_of(attempt, node.building.map(|(number, _)| number));
            node.outgoing.push(NodeFrame::Envs { wishes: vec![wish] });
        }
    }

    /// The pack is there; the word of it may come too late.
    fn finish_build(&mut self, index: usize, number: u32) {
        self.uploads += 1;
        self.nodes[index].building = None;
        let package = PackageRef { digest: "d".to_owned(), size_bytes: 1 };
        let outcome = (BuildOutcome::Done(package.clone()), 1.0, String::new());
        let ended = self.core.build_ended(self.now, node_id(index), (&self.key, number), outcome);
        match ended {
            Ok(answer) => {
                assert_eq!(answer, EnvAnswer::Ready(package));
                self.accepted += 1;
                self.turn();
                let node = &mut self.nodes[index];
                (node.fetched, node.fetches) = (true, node.fetches + 1);
            }
            // another one has the lease by now
            Err(_) => self.wish(index),
        }
    }

    fn turn(&mut self) {
        let sources = self.model.standing.sources(&self.core.wanted_sources(self.now));
        self.core.fire_timers(self.now, &sources);
        self.core.withdraw_builds();
        self.core.place(self.now);
        let outcome = self.core.take_outcome();
        self.model.commit(&outcome.changes);
        for effect in outcome.effects {
            match effect {
                Effect::Send { connection, frame } => {
                    if let Some(node) = self.on(connection) {
                        node.incoming.push_back(frame);
                    }
                }
                Effect::Assign { connection, order } => {
                    let Some(index) = self.nodes.iter().position(|node| node.connection == Some(connection))
                    else {
                        continue;
                    };
                    self.nodes[index].attempts.insert(order.key);
                    self.wish(index);
                }
                Effect::Close { connection, .. } => {
                    if let Some(index) =
                        self.nodes.iter().position(|node| node.connection == Some(connection))
                    {
                        self.nodes[index].connection = None;
                        self.nodes[index].incoming.clear();
                    }
                }
                Effect::Finished { .. } | Effect::Publish(_) => {}
            }
        }
        let building = self.model.builds.values().filter(|build| build.state.as_str() == "building").count();
        assert!(building <= 1, "one lease for one key");
    }

    fn on(&mut self, connection: ConnectionId) -> Option<&mut Node> {
        self.nodes.iter_mut().find(|node| node.connection == Some(connection))
    }

    fn connect(&mut self, index: usize) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let node = &mut self.nodes[index];
        node.connection = Some(connection);
        let facts = NodeFacts {
            name: format!("n{index}"),
            capacity: Resources { slots: 1, ..Resources::default() },
            ..NodeFacts::default()
        };
        let building: BTreeMap<String, u32> =
            node.building.iter().map(|(number, _)| (self.key.clone(), *number)).collect();
        let hello = Hello {
            link_version: LINK_VERSION,
            node: facts,
            held: node.attempts.iter().cloned().collect(),
            building,
        };
        self.core.connect_node(self.now, node_id(index), connection, hello);
    }

    fn disconnect(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.incoming.clear();
        node.outgoing.clear();
        if let Some(connection) = node.connection.take() {
            self.core.disconnect_node(self.now, connection);
        }
    }

    /// Killed: what it was building is gone, what it has fetched is not.
    fn crash(&mut self, index: usize) {
        if self.nodes[index].building.take().is_some() {
            self.half_made += 1;
        }
        self.disconnect(index);
    }

    fn crash_builder(&mut self) {
        if let Some(index) = self.nodes.iter().position(|node| node.building.is_some())
            // few enough that it is not given up as a build that takes its nodes down
            && self.half_made < 3
        {
            self.crash(index);
        }
    }

    /// What was not committed has not happened, and the words under way are lost.
    fn restart_manager(&mut self) {
        for node in &mut self.nodes {
            node.connection = None;
            node.incoming.clear();
            node.outgoing.clear();
        }
        let mut core = Core::load(self.now, Settings::default(), self.model.load());
        core.counters = self.core.counters;
        self.core = core;
    }
}

fn node_id(index: usize) -> NodeId {
    NodeId(Uuid::from_u64_pair(1, index as u64))
}
