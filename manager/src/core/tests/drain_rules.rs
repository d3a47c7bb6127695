//! Rules of drained and removed nodes, of labels, and of tasks that say themselves where they run.

use std::sync::Arc;
use std::time::Duration;

use lp_protocol::frames::AttemptEvent;
use lp_protocol::plan::{LabelRule, Resources};
use lp_protocol::{AttemptKey, Exit, Stage, Status};

use super::bench::{Bench, node_id};
use super::plans::{plan, with_retry};
use crate::core::shape::Shape;
use crate::core::targets::Targets;
use crate::core::{Core, NodeRefusal, Settings};

const STOPPED: Exit = Exit::Stopped { returncode: -15 };
const NOTHING: [&str; 0] = [];

fn started(bench: &Bench) -> AttemptEvent {
    AttemptEvent::Started { start_at: bench.now.wall, preparing: Vec::new() }
}

#[test]
fn a_drained_node_gets_nothing_new_and_what_runs_there_may_end() {
    let mut bench = Bench::new();
    let one = bench.connect(1, 2);
    let first = bench.create("a; b < a");
    bench.turn();
    bench.report(one, first, "a", 1, started(&bench));

    bench.core.drain_node(bench.now, node_id(1), None);
    bench.create("a");
    assert_eq!(bench.turn(), NOTHING, "it runs on, and nothing comes");
    bench.succeed(one, first, "a", 1);
    assert_eq!(bench.turn(), NOTHING);
    bench.core.undrain_node(node_id(1));

    assert_eq!(bench.turn(), ["1/b/1 -> n1", "2/a/1 -> n1"]);
}

#[test]
fn what_a_drained_node_has_not_started_is_taken_back() {
    let mut bench = Bench::new();
    let one = bench.connect(1, 1);
    let task = bench.create("a");
    bench.turn();

    bench.core.drain_node(bench.now, node_id(1), None);
    assert_eq!(bench.turn(), ["recall 1/a/1 from n1"]);
    bench.report(one, task, "a", 1, AttemptEvent::Returned);
    assert_eq!(bench.turn(), NOTHING);

    bench.connect(2, 1);
    assert_eq!(bench.turn(), ["welcome n2, go on: 0", "1/a/2 -> n2"]);
}

#[test]
fn a_drained_node_that_returns_is_asked_again_and_is_sent_nothing_it_lacks() {
    let mut bench = Bench::new();
    bench.connect(1, 2);
    let held = bench.create("a");
    let lacking = bench.create("b");
    bench.turn();
    bench.core.drain_node(bench.now, node_id(1), None);
    bench.turn();

    let key = AttemptKey { task_id: held, action: "a".to_owned(), attempt: 1 };
    bench.connect_with(1, 7, Resources { slots: 2, ..Resources::default() }, vec![key]);

    assert_eq!(bench.turn(), ["close n1", "welcome n7, go on: 1", "recall 1/a/1 from n7"]);
    assert_eq!(bench.record(lacking).stage, Stage::Pending, "it waits for another node");
}

#[test]
fn after_the_deadline_what_runs_is_stopped_and_tried_again_for_nothing() {
    let mut bench = Bench::new();
    let one = bench.connect(1, 1);
    // one attempt in all: a drain that counted as a try would fail it
    let task = bench.create_plan(with_retry(1), 0);
    for number in 1..=5 {
        bench.turn();
        bench.report(one, task, "a", number, started(&bench));
        bench.core.drain_node(bench.now, node_id(1), Some(Duration::from_secs(30)));
        assert_eq!(bench.turn(), NOTHING);

        bench.pass(31.0);
        assert_eq!(bench.core.next_due().map(|due| due <= bench.now.mono), Some(true));
        beat(&mut bench, one);
        assert_eq!(bench.turn(), [format!("stop 1/a/{number} on n1")]);
        bench.finish(one, task, "a", number, STOPPED);
        assert_eq!(bench.turn(), NOTHING);
        bench.core.undrain_node(node_id(1));
    }

    assert_eq!(bench.turn(), ["1/a/6 -> n1"]);
    assert_eq!(
        bench.model.attempts.values().filter(|attempt| attempt.exit == Some(Exit::Drained)).count(),
        5
    );
}

fn beat(bench: &mut Bench, connection: crate::core::ConnectionId) {
    let beat = lp_protocol::frames::NodeFrame::Heartbeat { load: Default::default() };
    bench.core.take_frames(bench.now, connection, vec![beat]);
}

#[test]
fn a_drain_and_its_deadline_outlive_the_manager() {
    let mut bench = Bench::new();
    let one = bench.connect(1, 1);
    let task = bench.create("a");
    bench.turn();
    bench.report(one, task, "a", 1, started(&bench));
    bench.core.drain_node(bench.now, node_id(1), Some(Duration::from_secs(30)));
    bench.turn();

    bench.pass(10.0);
    bench.core = Core::load(bench.now, Settings::default(), bench.model.load());
    let key = AttemptKey { task_id: task, action: "a".to_owned(), attempt: 1 };
    bench.connect_with(1, 5, Resources::default(), vec![key]);
    assert_eq!(bench.turn(), ["welcome n5, go on: 1"]);
    bench.pass(19.0);
    assert_eq!(bench.turn(), NOTHING);
    bench.pass(2.0);

    assert_eq!(bench.turn(), ["stop 1/a/1 on n5"]);
}

#[test]
fn a_stopped_task_on_a_drained_node_is_killed_and_not_run_again() {
    let mut bench = Bench::new();
    let one = bench.connect(1, 1);
    let task = bench.create("a");
    bench.turn();
    bench.report(one, task, "a", 1, started(&bench));
    bench.core.drain_node(bench.now, node_id(1), Some(Duration::ZERO));
    bench.turn();
    bench.turn();

    bench.stop(task);
    bench.finish(one, task, "a", 1, STOPPED);
    bench.turn();

    assert_eq!(bench.record(task).status, Some(Status::Kill));
}

#[test]
fn a_node_that_works_is_removed_only_by_force() {
    let mut bench = Bench::new();
    let one = bench.connect(1, 1);
    let task = bench.create("a");
    bench.turn();
    let remove = |bench: &mut Bench, force| bench.core.expel_node(bench.now, node_id(1), force);
    assert_eq!(remove(&mut bench, false), Err(NodeRefusal::Connected));
    bench.core.drain_node(bench.now, node_id(1), None);
    assert_eq!(remove(&mut bench, false), Err(NodeRefusal::Holds { attempts: 1 }));
    bench.core.disconnect_node(bench.now, one);
    assert_eq!(remove(&mut bench, false), Err(NodeRefusal::Holds { attempts: 1 }), "away, but not lost");
    bench.turn();

    bench.connect(2, 1);
    bench.turn();
    assert_eq!(remove(&mut bench, true), Ok(()));

    assert_eq!(bench.turn(), ["1/a/2 -> n2"], "what it ran is given to another");
    assert!(bench.model.drains.is_empty());
    assert_eq!(bench.record(task).status, None);
}

#[test]
fn a_drained_node_with_nothing_is_removed_and_told() {
    let mut bench = Bench::new();
    bench.connect(1, 1);
    bench.core.drain_node(bench.now, node_id(1), None);
    bench.turn();

    assert_eq!(bench.core.expel_node(bench.now, node_id(1), false), Ok(()));
    assert_eq!(bench.turn(), ["close n1"]);
    assert_eq!(bench.core.expel_node(bench.now, node_id(9), false), Ok(()), "one that never connected");
}

#[test]
fn labels_decide_where_an_action_runs_and_why_not() {
    let mut bench = Bench::new();
    bench.labels = [("gpu".to_owned(), "v100".to_owned())].into();
    bench.connect(1, 4);
    let mut picky = plan("a");
    let rule = LabelRule::parse(["a100", "h100"]).unwrap();
    picky.actions[0].target.labels.insert("gpu".to_owned(), rule);
    let task = bench.create_plan(picky, 0);
    bench.turn();

    let why = |bench: &Bench| bench.core.why(bench.now, task).unwrap().remove(0).reason;
    assert_eq!(
        why(&bench),
        "no connected node suits it: node n1 has the label gpu=v100, `a100, h100` wanted"
    );
    bench.labels.clear();
    bench.connect(2, 4);
    bench.turn();
    assert!(why(&bench).ends_with("node n2 has no label gpu, `a100, h100` wanted"), "{}", why(&bench));
    bench.labels = [("gpu".to_owned(), "h100".to_owned())].into();
    bench.connect(3, 4);

    assert_eq!(bench.turn(), ["welcome n3, go on: 0", "1/a/1 -> n3"]);
}

#[test]
fn why_names_the_drained_nodes_that_would_suit() {
    let mut bench = Bench::new();
    bench.connect(1, 1);
    bench.core.drain_node(bench.now, node_id(1), None);
    let task = bench.create("a");
    bench.turn();

    let why = bench.core.why(bench.now, task).unwrap().remove(0);

    assert_eq!(why.reason, "the nodes that suit it are drained: n1");
    assert_eq!(why.hint.as_deref(), Some("`lp node undrain n1`, or add such a node"));
}

#[test]
fn a_task_says_where_its_actions_run_and_that_outlives_the_manager_and_a_rerun() {
    let mut bench = Bench::new();
    let task = bench.create_with(plan("a; b"), r#"{"target_env": {"b": {"labels": {"gpu": "a100"}}}}"#);
    bench.turn();
    bench.core = Core::load(bench.now, Settings::default(), bench.model.load());
    let plain = bench.connect(1, 4);
    assert_eq!(bench.turn(), ["welcome n1, go on: 0", "1/a/1 -> n1"]);
    bench.succeed(plain, task, "a", 1);
    assert_eq!(bench.turn(), NOTHING, "`b` waits for the other node");
    bench.stop(task);
    assert_eq!(bench.turn(), ["finished 1"]);

    let record = bench.record(task).clone();
    bench.core.offer_targets(record.seq, bench.model.targets[&record.seq].clone());
    let finished = bench.model.finished(record);
    bench.core.rerun_task(bench.now, finished, None, "test").unwrap();
    assert_eq!(bench.turn(), ["1/a/2 -> n1"]);
    bench.labels = [("gpu".to_owned(), "a100".to_owned())].into();
    bench.connect(2, 4);

    assert_eq!(bench.turn(), ["welcome n2, go on: 0", "1/b/1 -> n2"]);
}

#[test]
fn a_task_that_cannot_be_obeyed_and_that_nobody_could_correct_fails_with_the_reason() {
    let mut bench = Bench::new();
    bench.connect(1, 4);
    let mut with_event = plan("a");
    with_event.on_fail = Some(super::plans::action("fail"));
    let task = bench.create_with(with_event, r#"{"target_env": {"a": {"platform": 1}}}"#);
    let one = crate::core::ConnectionId(1);

    bench.turn();
    bench.turn();
    bench.succeed(one, task, "fail", 1);
    bench.turn();

    let record = bench.record(task);
    assert_eq!((record.stage, record.status), (Stage::Finished, Some(Status::Fail)));
    let reason = record.reason.as_deref().unwrap_or_default();
    assert!(reason.contains("action `a`: `target_env.platform` must be a string"), "{reason}");
    assert_eq!(bench.model.attempts.len(), 1, "only its event action ran");
}

#[test]
fn a_hundred_equal_actions_on_two_equal_nodes_spread_evenly() {
    let mut bench = Bench::new();
    bench.run = chrono::TimeDelta::milliseconds(300);
    let nodes = [bench.connect(1, 4), bench.connect(2, 4)];
    let tasks: Vec<_> = (0..100).map(|_| bench.create("a")).collect();
    bench.turn();

    // equal actions take equal time; which node is heard first is chance
    let mut random = super::random::Random::new(7);
    while bench.model.tasks.values().any(|task| task.stage.is_open()) {
        bench.pass(0.3);
        let mut order = [0, 1];
        if random.one_in(2) {
            order.reverse();
        }
        for index in order {
            let node = node_id(index as u64 + 1);
            let attempts = bench.model.attempts.values();
            let running = attempts.filter(|attempt| attempt.node_id == node && attempt.stage.is_open());
            for id in running.map(|attempt| attempt.id).collect::<Vec<_>>() {
                bench.succeed(nodes[index], tasks[id.task as usize], "a", id.number);
            }
            bench.turn();
        }
    }

    let on_first = bench.model.attempts.values().filter(|attempt| attempt.node_id == node_id(1)).count();
    assert!((45..=55).contains(&on_first), "{on_first} of 100 on the first node");
}

#[test]
fn only_actions_that_are_named_get_a_class_of_their_own() {
    let shape = Shape::new(Arc::new(plan("a; b")));
    let read = |text: &str| Targets::read(text, &shape);

    let targets = read(r#"{"b": {"labels": {"gpu": "a100"}}, "gone": {}}"#).unwrap().unwrap();

    assert!(targets.class(0).is_none());
    assert!(targets.class(1).unwrap().target.labels.contains_key("gpu"));
    assert!(read(r#"{"gone": {}}"#).unwrap().is_none());
    assert!(read(r#"{"a": {"gpu": 1}}"#).is_err());
}
