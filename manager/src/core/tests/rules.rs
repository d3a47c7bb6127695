//! Rules of the core, one by one.

use std::time::Duration;

use chrono::TimeDelta;
use lp_protocol::frames::AttemptEvent;
use lp_protocol::plan::{Plan, Resources, Retry, TargetEnv};
use lp_protocol::{AttemptKey, Exit, Stage, Status};

use super::bench::{Bench, node_id};
use super::plans::{action, plan};
use crate::core::TaskRefusal;
use crate::core::record::StopRequest;
use crate::core::retry::MAX_LOSSES;

const FAILED: Exit = Exit::Code { code: 1 };

fn with_retry(attempts: u32) -> Plan {
    let mut plan = plan("a");
    plan.actions[0].retry =
        Retry { attempts, delay: Duration::from_secs(10), jitter: 0.0, ..Retry::default() };
    plan
}

#[test]
fn an_action_starts_when_all_its_conditions_have_succeeded() {
    let mut bench = Bench::new();
    let node = bench.connect(1, 8);
    let task = bench.create("a; b; c < a b");
    assert_eq!(bench.turn(), ["welcome n1, go on: 0", "1/a/1 -> n1", "1/b/1 -> n1"]);

    bench.succeed(node, task, "a", 1);
    assert_eq!(bench.turn(), [] as [&str; 0]);
    bench.succeed(node, task, "b", 1);
    assert_eq!(bench.turn(), ["1/c/1 -> n1"]);
    bench.succeed(node, task, "c", 1);

    assert_eq!(bench.turn(), ["finished 1"]);
    assert_eq!(bench.record(task).status, Some(Status::Success));
}

#[test]
fn higher_priority_goes_first_then_what_belongs_to_a_begun_task_then_the_older() {
    let mut bench = Bench::new();
    let begun = bench.create("a; b");
    bench.create("x");
    bench.create_plan(plan("y"), 5);
    let node = bench.connect(1, 1);

    assert_eq!(bench.turn(), ["welcome n1, go on: 0", "3/y/1 -> n1"]);
    bench.pass(60.0);
    bench.succeed(node, super::bench::task(3), "y", 1);
    assert_eq!(bench.turn(), ["finished 3", "1/a/1 -> n1"]);
    bench.create_plan(plan("z"), 0);
    bench.pass(60.0);
    bench.succeed(node, begun, "a", 1);
    assert_eq!(bench.turn(), ["1/b/1 -> n1"]);
}

#[test]
fn after_a_failure_nothing_of_the_task_starts_and_what_runs_ends_by_itself() {
    let mut bench = Bench::new();
    let node = bench.connect(1, 2);
    let task = bench.create("a; b; c < a; d");
    bench.turn();

    bench.finish(node, task, "a", 1, FAILED);
    assert_eq!(bench.turn(), [] as [&str; 0]);
    bench.succeed(node, task, "b", 1);

    assert_eq!(bench.turn(), ["finished 1"]);
    let record = bench.record(task);
    assert_eq!(record.status, Some(Status::Fail));
    assert_eq!(record.reason.as_deref(), Some("action `a` failed: exit code 1"));
}

#[test]
fn a_failed_action_is_tried_again_after_its_wait_and_not_before() {
    let mut bench = Bench::new();
    let node = bench.connect(1, 1);
    let task = bench.create_plan(with_retry(2), 0);
    bench.turn();

    bench.finish(node, task, "a", 1, FAILED);
    assert_eq!(bench.turn(), [] as [&str; 0]);
    bench.pass(9.9);
    assert_eq!(bench.turn(), [] as [&str; 0]);
    bench.pass(0.2);
    assert_eq!(bench.turn(), ["1/a/2 -> n1"]);
    bench.finish(node, task, "a", 2, FAILED);

    assert_eq!(bench.turn(), ["finished 1"]);
    assert_eq!(
        bench.record(task).reason.as_deref(),
        Some("action `a` failed on attempt 2 of 2: exit code 1")
    );
}

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
fn an_action_that_is_lost_too_often_fails() {
    let mut bench = Bench::new();
    let node = bench.connect(1, 1);
    let task = bench.create("a");
    bench.turn();
    for attempt in 1..=MAX_LOSSES {
        bench.finish(node, task, "a", attempt, Exit::Lost { reason: "gone".to_owned() });
        assert_eq!(bench.turn(), [format!("1/a/{} -> n1", attempt + 1)]);
    }

    bench.finish(node, task, "a", MAX_LOSSES + 1, Exit::Lost { reason: "gone".to_owned() });

    assert_eq!(bench.turn(), ["finished 1"]);
    assert_eq!(bench.record(task).reason.as_deref(), Some("action `a` failed: lost: gone"));
}

#[test]
fn a_stop_ends_what_waits_at_once_and_what_runs_by_its_node() {
    let mut bench = Bench::new();
    let node = bench.connect(1, 1);
    let task = bench.create("a; b < a");
    bench.turn();

    bench.stop(task);
    assert_eq!(bench.turn(), ["stop 1/a/1 on n1"]);
    assert_eq!(bench.record(task).stage, Stage::Stopping);
    bench.finish(node, task, "a", 1, Exit::Stopped { returncode: -15 });

    assert_eq!(bench.turn(), ["finished 1"]);
    assert_eq!(bench.record(task).status, Some(Status::Kill));
}

#[test]
fn a_task_of_which_nothing_runs_is_finished_by_its_stop() {
    let mut bench = Bench::new();
    let task = bench.create("a");

    bench.stop(task);

    assert_eq!(bench.turn(), ["finished 1"]);
    let again = bench.core.stop_task(bench.now, task, StopRequest { signal: 9, grace: None });
    assert_eq!(again, Err(TaskRefusal::NotOpen));
}

#[test]
fn a_stop_reaches_a_node_that_was_away() {
    let mut bench = Bench::new();
    let node = bench.connect(1, 1);
    let task = bench.create("a");
    bench.turn();
    bench.core.disconnect_node(bench.now, node);
    bench.stop(task);
    assert_eq!(bench.turn(), [] as [&str; 0]);
    let key = AttemptKey { task_id: task, action: "a".to_owned(), attempt: 1 };

    bench.connect_with(1, 2, Resources::default(), vec![key]);

    assert_eq!(bench.turn(), ["welcome n2, go on: 1", "stop 1/a/1 on n2"]);
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
    bench.report(node, task, "a", 1, AttemptEvent::Started { start_at: bench.now.wall });
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
    bench.report(node, super::bench::task(1), "a", 1, AttemptEvent::Started { start_at: bench.now.wall });
    bench.pass(1.0);

    bench.succeed(node, super::bench::task(1), "a", 1);

    assert_eq!(bench.turn(), ["finished 1", "2/a/1 -> n1"]);
}

#[test]
fn the_event_action_runs_once_after_the_task_and_cannot_change_its_status() {
    for (exit, event, status) in
        [(Exit::Code { code: 0 }, "success", Status::Success), (Exit::Code { code: 3 }, "fail", Status::Fail)]
    {
        let mut bench = Bench::new();
        let node = bench.connect(1, 1);
        let mut with_events = plan("a");
        with_events.on_success = Some(action("success"));
        with_events.on_fail = Some(action("fail"));
        let task = bench.create_plan(with_events, 0);
        bench.turn();

        bench.finish(node, task, "a", 1, exit);
        assert_eq!(bench.turn(), [format!("1/{event}/1 -> n1")]);
        bench.finish(node, task, event, 1, FAILED);

        assert_eq!(bench.turn(), ["finished 1"]);
        assert_eq!(bench.record(task).status, Some(status));
    }
}

#[test]
fn an_action_that_asks_for_dynamic_actions_fails_rather_than_lose_them() {
    for (output, status) in [
        (r#"{"data": {}, "actions": []}"#, Status::Success),
        (r#"{"data": {}, "actions": [{"name": "b", "main": "true"}]}"#, Status::Fail),
    ] {
        let mut bench = Bench::new();
        let node = bench.connect(1, 1);
        let task = bench.create("a");
        bench.turn();

        bench.finish_with(node, task, "a", 1, output);
        bench.turn();

        assert_eq!(bench.record(task).status, Some(status));
    }
}

#[test]
fn a_rerun_goes_on_with_the_attempt_numbers() {
    let mut bench = Bench::new();
    let node = bench.connect(1, 1);
    let task = bench.create("a");
    bench.turn();
    bench.finish(node, task, "a", 1, FAILED);
    bench.turn();

    let record = bench.record(task).clone();
    let attempts = bench.model.attempts_of(record.seq);
    let plan = bench.model.plans[&record.version_id].clone();
    bench.core.rerun_task(bench.now, record.clone(), &attempts, &plan).unwrap();
    assert_eq!(bench.turn(), ["1/a/2 -> n1"]);
    let twice = bench.core.rerun_task(bench.now, record, &attempts, &plan);
    assert_eq!(twice, Err(TaskRefusal::StillOpen(Stage::Pending)));
    bench.succeed(node, task, "a", 2);
    bench.turn();

    assert_eq!(bench.record(task).status, Some(Status::Success));
    assert_eq!(bench.record(task).reason, None);
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
