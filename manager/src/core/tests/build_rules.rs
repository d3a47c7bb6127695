//! Who builds an environment, who waits, and what becomes of it.

use lp_protocol::env::{BuildOutcome, EnvAnswer, EnvRecipe, EnvSource, EnvWish, key};
use lp_protocol::frames::{NodeFrame, PackageRef};
use lp_protocol::plan::{EnvRef, Plan};
use lp_protocol::{AttemptKey, TaskId};

use super::bench::{Bench, node_id};
use super::plans;
use crate::core::ConnectionId;
use crate::core::build::record::BuildState;
use crate::core::build::{BuildBusy, BuildRefusal};

const PLATFORM: &str = "x86_64-linux-gnu";

pub(super) fn recipe() -> EnvRecipe {
    let source = EnvSource::Requirements("requirements.txt".to_owned());
    EnvRecipe { source, python: None, content: Some("c".repeat(64)) }
}

/// Actions that all want the same environment.
pub(super) fn plan(text: &str) -> Plan {
    let mut plan = plans::plan(text);
    for action in &mut plan.actions {
        action.env = Some(EnvRef::Built(recipe()));
    }
    plan
}

pub(super) fn spoken(answer: &EnvAnswer) -> String {
    match answer {
        EnvAnswer::Ready(package) => format!("ready {}", package.digest),
        EnvAnswer::Build { number } => format!("build {number}"),
        EnvAnswer::Wait { node, .. } => format!("wait for {node}"),
        EnvAnswer::Later { error, .. } => format!("later: {error}"),
        EnvAnswer::Failed { error } => format!("failed: {error}"),
    }
}

fn the_key() -> String {
    key(&"c".repeat(64), PLATFORM, "3.12")
}

pub(super) fn wish_of(attempt: AttemptKey, building: Option<u32>) -> EnvWish {
    EnvWish { attempt, platform: PLATFORM.to_owned(), python: "3.12".to_owned(), building }
}

/// Nodes 1 to `nodes`, each with an attempt of one task: `a` on n1, `b` on n2, ...
struct Stage {
    bench: Bench,
    task: TaskId,
}

impl Stage {
    fn new(nodes: u64) -> Self {
        let mut bench = Bench::new();
        for node in 1..=nodes {
            bench.connect(node, 1);
        }
        let names = ["a", "b", "c", "d"];
        let task = bench.create_plan(plan(&names[..nodes as usize].join(";")), 0);
        bench.turn();
        Self { bench, task }
    }

    fn attempt(&self, node: u64) -> AttemptKey {
        let held = self.bench.core.live.values().find(|record| record.node_id == node_id(node)).unwrap();
        let action = ["a", "b", "c", "d"][held.id.action as usize].to_owned();
        AttemptKey { task_id: self.task, action, attempt: held.id.number }
    }

    fn wish(&mut self, node: u64, building: Option<u32>) -> Vec<String> {
        let wish = wish_of(self.attempt(node), building);
        self.frames(node, vec![NodeFrame::Envs { wishes: vec![wish] }])
    }

    fn frames(&mut self, node: u64, frames: Vec<NodeFrame>) -> Vec<String> {
        let connection = ConnectionId(node);
        for key in self.bench.core.wished_builds(connection, &frames) {
            if let Some(record) = self.bench.model.builds.get(&key).cloned() {
                self.bench.core.offer_build(record);
            }
        }
        self.bench.core.take_frames(self.bench.now, connection, frames);
        self.bench.turn()
    }

    fn end(
        &mut self,
        node: u64,
        number: u32,
        outcome: BuildOutcome,
    ) -> (Result<String, BuildRefusal>, Vec<String>) {
        let now = self.bench.now;
        let ended = self.bench.core.build_ended(
            now,
            node_id(node),
            (&the_key(), number),
            (outcome, 1.0, "log".to_owned()),
        );
        (ended.map(|answer| spoken(&answer)), self.bench.turn())
    }

    fn fail(&mut self, node: u64, number: u32) -> Vec<String> {
        self.end(node, number, BuildOutcome::Failed { error: "no".to_owned() }).1
    }

    /// So many seconds pass, in which the nodes show that they live.
    fn pass(&mut self, seconds: f64) {
        for _ in 0..20 {
            self.bench.pass(seconds / 20.0);
            for node in [1, 2] {
                let beat = NodeFrame::Heartbeat { load: Default::default() };
                self.bench.core.take_frames(self.bench.now, ConnectionId(node), vec![beat]);
            }
        }
    }

    fn state(&self) -> &BuildState {
        &self.bench.model.builds[&the_key()].state
    }
}

fn done() -> BuildOutcome {
    BuildOutcome::Done(PackageRef { digest: "d".to_owned(), size_bytes: 1 })
}

#[test]
fn one_builds_the_others_wait_and_all_are_told() {
    let mut stage = Stage::new(3);

    assert_eq!(stage.wish(2, None), ["build 1 to n2"]);
    assert_eq!(stage.wish(1, None), ["wait for n2 to n1"]);
    assert_eq!(stage.wish(3, None), ["wait for n2 to n3"]);
    let (answer, told) = stage.end(2, 1, done());

    assert_eq!(answer.unwrap(), "ready d");
    assert_eq!(told, ["ready d to n1", "ready d to n3"]);
    assert_eq!(stage.wish(1, None), ["ready d to n1"], "what is ready is a row that is offered");
    assert_eq!(stage.bench.core.counters.builds_begun, 1);
}

#[test]
fn a_failed_build_is_tried_on_another_node_and_then_given_up_for_a_while() {
    let mut stage = Stage::new(2);
    stage.wish(1, None);
    stage.wish(2, None);

    assert_eq!(stage.fail(1, 1), ["later: no to n1", "later: no to n2"]);
    stage.bench.pass(9.0);
    assert!(stage.bench.turn().is_empty());
    stage.bench.pass(1.1);
    assert_eq!(stage.bench.turn(), ["build 2 to n2", "wait for n2 to n1"]);
    stage.fail(2, 2);
    stage.pass(61.0);
    assert_eq!(stage.bench.turn(), ["build 3 to n1", "wait for n1 to n2"]);
    let (answer, told) = stage.end(1, 3, BuildOutcome::Failed { error: "no".to_owned() });
    assert_eq!((answer.unwrap(), told), ("failed: no".to_owned(), vec!["failed: no to n2".to_owned()]));
    assert_eq!(stage.wish(2, None), ["failed: no to n2"]);
    stage.pass(601.0);
    assert_eq!(stage.wish(1, None), ["build 4 to n1"], "whoever asks later begins anew");
}

#[test]
fn a_lease_goes_on_when_its_node_is_lost_or_does_not_know_of_it() {
    let mut stage = Stage::new(2);
    stage.wish(1, None);
    stage.wish(2, None);
    stage.bench.pass(50.0);
    stage.bench.core.take_frames(
        stage.bench.now,
        ConnectionId(2),
        vec![NodeFrame::Heartbeat { load: Default::default() }],
    );
    stage.bench.pass(11.0);

    let told = stage.bench.turn();

    assert!(told.contains(&"build 2 to n2".to_owned()), "{told:?}");
    assert_eq!(
        stage.end(1, 1, done()).0,
        Err(BuildRefusal::NotLeased),
        "what the lost one made is not taken"
    );
    stage.bench.pass(6.0);
    let held = vec![stage.attempt(2)];
    stage.bench.connect_with(2, 2, Default::default(), held);
    stage.bench.turn();
    assert!(
        matches!(stage.state(), BuildState::Later { .. }),
        "it was restarted and says that it builds nothing"
    );
    assert_eq!(stage.bench.model.builds[&the_key()].losses, 2);
}

#[test]
fn a_node_that_returns_with_its_build_goes_on() {
    let mut stage = Stage::new(1);
    stage.wish(1, None);
    let held = vec![stage.attempt(1)];
    stage.bench.core.disconnect_node(stage.bench.now, ConnectionId(1));
    stage.bench.building.insert(the_key(), 1);

    stage.bench.connect_with(1, 1, Default::default(), held);
    stage.bench.turn();

    assert_eq!(stage.wish(1, Some(1)), ["build 1 to n1"]);
    assert_eq!(stage.end(1, 1, done()).0.unwrap(), "ready d");
}

#[test]
fn a_node_that_missed_the_word_gets_another_lease_and_a_crash_that_repeats_is_given_up() {
    let mut stage = Stage::new(1);
    assert_eq!(stage.wish(1, None), ["build 1 to n1"]);
    assert_eq!(stage.wish(1, None), ["build 2 to n1"], "asked again at once: it has not heard");
    for number in 3..7 {
        stage.bench.pass(10.0);
        assert_eq!(stage.wish(1, None), [format!("build {number} to n1")]);
    }
    stage.bench.pass(10.0);

    let told = stage.wish(1, None);

    assert!(told[0].starts_with("failed: its build was lost 5 times"), "{told:?}");
}

#[test]
fn what_nobody_waits_for_any_more_is_free_for_the_next() {
    let mut stage = Stage::new(2);
    stage.wish(1, None);
    stage.wish(2, None);

    let drop = |key: String| vec![NodeFrame::EnvsDropped { keys: vec![key] }];
    assert_eq!(stage.frames(1, drop(the_key())), ["build 2 to n2"]);
    assert!(stage.frames(2, drop(the_key())).is_empty());
    assert!(matches!(stage.state(), BuildState::Later { .. }));
    assert_eq!(stage.wish(1, None), ["build 3 to n1"], "without a wait: it was no failure");
    assert_eq!(stage.end(1, 3, BuildOutcome::GivenUp).0.unwrap(), "later: nobody builds it");
}

#[test]
fn a_wish_counts_only_for_an_attempt_of_the_node_that_has_such_an_environment() {
    let mut stage = Stage::new(2);
    let others = wish_of(stage.attempt(2), None);
    assert!(stage.frames(1, vec![NodeFrame::Envs { wishes: vec![others] }]).is_empty());
    for (platform, python) in [("x\ny", "3.12"), (PLATFORM, "3.12; rm -rf"), (&*"p".repeat(100), "3.12")] {
        let wish = EnvWish {
            platform: platform.to_owned(),
            python: python.to_owned(),
            ..wish_of(stage.attempt(1), None)
        };
        assert!(stage.frames(1, vec![NodeFrame::Envs { wishes: vec![wish] }]).is_empty());
    }
    let plain = stage.bench.create("z");
    stage.bench.finish(
        ConnectionId(1),
        stage.task,
        &stage.attempt(1).action,
        1,
        lp_protocol::Exit::Code { code: 0 },
    );
    stage.bench.turn();
    let wish = wish_of(AttemptKey { task_id: plain, action: "z".to_owned(), attempt: 1 }, None);
    assert!(stage.frames(1, vec![NodeFrame::Envs { wishes: vec![wish] }]).is_empty());
    assert!(stage.bench.model.builds.is_empty());
}

#[test]
fn people_may_try_again_what_failed_and_forget_what_nobody_waits_for() {
    let mut stage = Stage::new(2);
    stage.wish(1, None);
    let stored = |stage: &Stage| stage.bench.model.builds[&the_key()].clone();
    let now = stage.bench.now;
    assert_eq!(stage.bench.core.retry_build(now, stored(&stage)), Err(BuildBusy::Building));
    assert_eq!(stage.bench.core.delete_build(&stored(&stage)), Err(BuildBusy::Building));

    stage.fail(1, 1);
    assert_eq!(stage.bench.core.delete_build(&stored(&stage)), Err(BuildBusy::Wanted));
    stage.bench.core.retry_build(now, stored(&stage)).unwrap();
    assert_eq!(stage.bench.turn(), ["build 2 to n1"], "a node waits for it");
    stage.end(1, 2, done()).0.unwrap();
    assert_eq!(stage.bench.core.retry_build(now, stored(&stage)), Err(BuildBusy::Ready));
    stage.bench.turn();
    stage.bench.core.delete_build(&stored(&stage)).unwrap();
    stage.bench.turn();
    assert!(stage.bench.model.builds.is_empty());
}

#[test]
fn a_manager_that_restarts_keeps_the_leases() {
    let mut stage = Stage::new(2);
    stage.wish(1, None);
    stage.wish(2, None);
    stage.bench.core = crate::core::Core::load(stage.bench.now, Default::default(), stage.bench.model.load());
    let held = vec![stage.attempt(2)];
    stage.bench.connect_with(2, 2, Default::default(), held);
    stage.bench.turn();

    assert_eq!(stage.wish(2, None), [format!("wait for {} to n2", node_id(1).short())]);
    stage.bench.pass(30.0);
    stage.bench.core.take_frames(
        stage.bench.now,
        ConnectionId(2),
        vec![NodeFrame::Heartbeat { load: Default::default() }],
    );
    stage.bench.pass(31.0);
    let told = stage.bench.turn();
    assert!(told.contains(&"build 2 to n2".to_owned()), "its node has not come back: {told:?}");
}
