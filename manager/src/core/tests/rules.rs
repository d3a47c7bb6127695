//! Rules of the core, one by one.

use lp_protocol::plan::Resources;
use lp_protocol::{AttemptKey, Exit, Stage, Status};

use super::bench::Bench;
use super::plans::{action, plan, with_retry};
use crate::core::TaskRefusal;
use crate::core::record::StopRequest;
use crate::core::retry::MAX_LOSSES;

const FAILED: Exit = Exit::Code { code: 1 };

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
    let again = bench.core.stop_task(bench.now, task, StopRequest { signal: 9, grace: None }, "test");
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
