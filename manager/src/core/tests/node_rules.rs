//! Rules of placement and of nodes that come and go.

use chrono::TimeDelta;
use lp_protocol::frames::AttemptEvent;
use lp_protocol::plan::{Resources, TargetEnv};
use lp_protocol::{AttemptKey, Exit, Stage};

use super::bench::{Bench, node_id};
use super::plans::{plan, with_retry};

const FAILED: Exit = Exit::Code { code: 1 };

#[test]
fn a_silent_node_loses_its_attempts_and_its_late_reports_are_ignored() {
    let mut bench = Bench::new();
    let first = bench.connect(1, 1);
    let task = bench.create("a");
    bench.turn();

    bench.pass(59.0);
    assert_eq!(bench.turn(), [] as [&str; 0]);
    bench.pass(2.0);
    assert_eq!(bench.turn(), ["close n1"]);
    let second = bench.connect(2, 1);
    assert_eq!(bench.turn(), ["welcome n2, go on: 0", "1/a/2 -> n2"]);
    bench.succeed(first, task, "a", 1);
    assert_eq!(bench.turn(), [] as [&str; 0]);
    bench.succeed(second, task, "a", 2);

    assert_eq!(bench.turn(), ["finished 1"]);
}

#[test]
fn a_node_that_returns_is_told_which_attempts_are_still_its_own() {
    let mut bench = Bench::new();
    bench.connect(1, 1);
    let task = bench.create("a");
    bench.turn();
    let key = AttemptKey { task_id: task, action: "a".to_owned(), attempt: 1 };

    bench.connect_with(1, 7, Resources::default(), vec![key.clone()]);
    assert_eq!(bench.turn(), ["close n1", "welcome n7, go on: 1"]);
    bench.connect_with(1, 8, Resources::default(), vec![]);
    assert_eq!(
        bench.turn(),
        ["close n7", "welcome n8, go on: 0", "1/a/1 -> n8"],
        "what it lacks is sent again"
    );
    bench.connect_with(2, 9, Resources::default(), vec![key]);
    assert_eq!(bench.turn(), ["welcome n9, go on: 0"], "another node's attempt is not its own");
}

#[test]
fn reports_of_another_nodes_attempt_or_of_an_earlier_one_change_nothing() {
    let mut bench = Bench::new();
    let owner = bench.connect(1, 1);
    let other = bench.connect(2, 1);
    let task = bench.create_plan(with_retry(3), 0);
    bench.turn();
    bench.finish(other, task, "a", 1, Exit::Code { code: 0 });
    assert_eq!(bench.turn(), [] as [&str; 0]);

    bench.finish(owner, task, "a", 1, FAILED);
    bench.pass(11.0);
    bench.turn();
    bench.succeed(owner, task, "a", 1);

    assert_eq!(bench.turn(), [] as [&str; 0]);
    assert_eq!(bench.core.counters.reports_ignored, 2);
    assert_eq!(bench.record(task).stage, Stage::Running);
}

#[test]
fn equal_actions_spread_over_equal_nodes() {
    let mut bench = Bench::new();
    bench.connect(1, 2);
    bench.connect(2, 2);
    for _ in 0..4 {
        bench.create("a");
    }

    let placed = bench.turn();

    for node in ["n1", "n2"] {
        assert_eq!(
            placed.iter().filter(|text| text.ends_with(&format!("-> {node}"))).count(),
            2,
            "{placed:?}"
        );
    }
}

#[test]
fn resources_bound_what_runs_and_one_line_does_not_hold_up_another() {
    let mut bench = Bench::new();
    let capacity = Resources { slots: 4, memory_bytes: 100, ..Resources::default() };
    bench.connect_with(1, 1, capacity, vec![]);
    let hungry = || {
        let mut plan = plan("big");
        plan.actions[0].resources.memory_bytes = 60;
        plan
    };
    bench.create_plan(hungry(), 0);
    bench.create_plan(hungry(), 0);
    bench.create("small");

    assert_eq!(bench.turn(), ["welcome n1, go on: 0", "1/big/1 -> n1", "3/small/1 -> n1"]);
}

#[test]
fn a_big_action_is_not_passed_by_small_ones_for_ever_and_other_nodes_go_on() {
    let mut bench = Bench::new();
    let capacity = || Resources { slots: 4, memory_bytes: 100, ..Resources::default() };
    let first = bench.connect_with(1, 1, capacity(), vec![]);
    let second = bench.connect_with(2, 2, capacity(), vec![]);
    let with_memory = |bytes: u64| {
        let mut plan = plan("a");
        plan.actions[0].resources.memory_bytes = bytes;
        plan
    };
    let small: Vec<_> = (0..4).map(|_| bench.create_plan(with_memory(50), 0)).collect();
    bench.turn();
    let big = bench.create_plan(with_memory(100), 0);
    let late = [bench.create_plan(with_memory(50), 0), bench.create_plan(with_memory(50), 0)];
    assert_eq!(bench.turn(), [] as [&str; 0]);

    // 1 and 3 run on n1, 2 and 4 on n2: the node that first has something free is kept for the big one
    bench.succeed(first, small[0], "a", 1);
    assert_eq!(bench.turn(), ["finished 1"]);
    let why = |bench: &Bench, task| bench.core.why(bench.now, task).unwrap()[0].reason.clone();
    assert_eq!(
        why(&bench, big),
        "every suitable node is full (n1: 1 of 4 slots in use, lacks memory; n2: 2 of 4 slots in use, lacks memory); it is next"
    );
    assert_eq!(
        why(&bench, late[0]),
        "the room on node n1 is kept for an action before it that needs more than is free there; it is next"
    );
    bench.create("plain");
    assert_eq!(bench.turn(), ["8/plain/1 -> n1"], "what wants nothing of it goes ahead");
    bench.succeed(second, small[1], "a", 1);
    assert_eq!(bench.turn(), ["finished 2", "6/a/1 -> n2"], "the other node goes on");
    bench.succeed(first, small[2], "a", 1);
    assert_eq!(bench.turn(), ["finished 3", "5/a/1 -> n1"], "and the big one gets its node");
}

#[test]
fn only_so_many_nodes_are_kept_at_a_time() {
    let mut bench = Bench::new();
    for number in 1..=10 {
        let capacity = Resources { slots: 4, memory_bytes: 100, ..Resources::default() };
        bench.connect_with(number, number, capacity, vec![]);
    }
    let with_memory = |bytes: u64| {
        let mut plan = plan("a");
        plan.actions[0].resources.memory_bytes = bytes;
        plan
    };
    for _ in 0..10 {
        bench.create_plan(with_memory(60), 0);
    }
    bench.turn();
    for more in 0..10 {
        bench.create_plan(with_memory(90 + more), 0);
    }
    assert_eq!(bench.turn(), [] as [&str; 0]);

    for _ in 0..10 {
        bench.create_plan(with_memory(40), 0);
    }

    assert_eq!(bench.turn().len(), 2, "8 of 10 nodes are kept");
}

#[test]
fn only_a_suitable_node_gets_the_action_and_why_says_what_the_others_lack() {
    let mut bench = Bench::new();
    bench.connect(1, 1);
    let mut picky = plan("a");
    picky.actions[0].target = TargetEnv { platform: Some("aarch64".to_owned()), ..TargetEnv::default() };
    let task = bench.create_plan(picky, 0);
    assert_eq!(bench.turn(), ["welcome n1, go on: 0"]);

    let why = bench.core.why(bench.now, task).unwrap();

    assert_eq!(why[0].reason, "no connected node suits it: node n1 has platform x86_64, aarch64 wanted");
}

#[test]
fn why_tells_each_kind_of_waiting() {
    let mut bench = Bench::new();
    let task = bench.create("a; b < a");
    let reason = |bench: &Bench, index: usize| bench.core.why(bench.now, task).unwrap()[index].reason.clone();
    assert_eq!(reason(&bench, 0), "no node is connected");
    assert_eq!(reason(&bench, 1), "waits for `a` to succeed");

    let node = bench.connect(1, 1);
    bench.turn();
    assert_eq!(reason(&bench, 0), "is about to start on node n1");
    bench.report(
        node,
        task,
        "a",
        1,
        AttemptEvent::Started { start_at: bench.now.wall, preparing: Vec::new() },
    );
    assert_eq!(reason(&bench, 0), "runs on node n1 (attempt 1)");
    let second = bench.create("c");
    bench.turn();
    assert_eq!(
        bench.core.why(bench.now, second).unwrap()[0].reason,
        "every suitable node is full (n1: 1 of 1 slots in use); it is next"
    );
}

#[test]
fn short_actions_are_sent_ahead_and_asked_back_when_another_node_has_room() {
    let mut bench = Bench::new();
    bench.run = TimeDelta::milliseconds(1);
    let node = bench.connect(1, 1);
    for _ in 0..6 {
        bench.create("a");
    }
    bench.turn();
    bench.succeed(node, super::bench::task(1), "a", 1);
    let sent = bench.turn();
    assert_eq!(sent.len(), 1 + 5, "a node of short actions gets more than it can run at once: {sent:?}");
    let why = bench.core.why(bench.now, super::bench::task(6)).unwrap();
    assert_eq!(why[0].reason, "was sent ahead to node n1 and waits there for a free slot");

    bench.connect(2, 1);
    assert_eq!(bench.turn(), ["welcome n2, go on: 0"]);
    bench.pass(0.2);
    assert_eq!(bench.turn(), ["recall 6/a/1 from n1"]);
    bench.report(node, super::bench::task(6), "a", 1, AttemptEvent::Returned);

    assert_eq!(bench.turn(), ["6/a/2 -> n2"]);
}

#[test]
fn long_actions_are_not_sent_ahead() {
    let mut bench = Bench::new();
    let node = bench.connect(1, 1);
    for _ in 0..6 {
        bench.create("a");
    }
    bench.turn();
    bench.report(
        node,
        super::bench::task(1),
        "a",
        1,
        AttemptEvent::Started { start_at: bench.now.wall, preparing: Vec::new() },
    );
    bench.pass(1.0);

    bench.succeed(node, super::bench::task(1), "a", 1);

    assert_eq!(bench.turn(), ["finished 1", "2/a/1 -> n1"]);
}

#[test]
fn a_node_that_held_attempts_has_its_time_from_the_managers_start() {
    let mut bench = Bench::new();
    bench.connect(1, 1);
    bench.create("a");
    bench.turn();
    bench.pass(1000.0);
    bench.core = crate::core::Core::load(bench.now, Default::default(), bench.model.load());
    bench.core.check_sanity();

    bench.pass(59.0);
    assert_eq!(bench.turn(), [] as [&str; 0]);
    bench.pass(2.0);
    bench.turn();

    assert!(bench.core.overview(bench.now).nodes.iter().all(|node| node.node_id != node_id(1)));
}
