//! The rules of running again, and of actions made at run time, one by one.

use std::sync::Arc;

use lp_protocol::{Exit, Stage, Status, TaskId};

use super::bench::Bench;
use super::plans;
use crate::core::{ConnectionId, TaskRefusal};

const FAILED: Exit = Exit::Code { code: 1 };

/// A task of `plan` on one node with many slots, in its first turn.
fn begun(plan: &str) -> (Bench, ConnectionId, TaskId) {
    let mut bench = Bench::new();
    let node = bench.connect(1, 100);
    let task = bench.create(plan);
    bench.turn();
    (bench, node, task)
}

fn rerun(bench: &mut Bench, task: TaskId) -> Result<(), TaskRefusal> {
    let task = bench.model.finished(bench.record(task).clone());
    bench.core.rerun_task(bench.now, task, None, "test").map(drop)
}

fn recover(bench: &mut Bench, task: TaskId, from: &[&str]) -> Result<(), TaskRefusal> {
    let task = bench.model.finished(bench.record(task).clone());
    let from = from.iter().map(|name| (*name).to_owned()).collect();
    bench.core.recover_task(bench.now, task, from, "test").map(drop)
}

#[test]
fn a_rerun_goes_on_with_the_attempt_numbers() {
    let (mut bench, node, task) = begun("a");
    bench.finish(node, task, "a", 1, FAILED);
    bench.turn();

    rerun(&mut bench, task).unwrap();
    assert_eq!(bench.turn(), ["1/a/2 -> n1"]);
    let twice = rerun(&mut bench, task);
    assert_eq!(twice, Err(TaskRefusal::StillOpen(Stage::Pending)));
    bench.succeed(node, task, "a", 2);
    bench.turn();

    assert_eq!(bench.record(task).status, Some(Status::Success));
    assert_eq!(bench.record(task).reason, None);
}

#[test]
fn a_rerun_with_another_version_counts_attempts_of_a_name_on() {
    let (mut bench, node, task) = begun("a; b < a");
    bench.succeed(node, task, "a", 1);
    bench.turn();
    bench.finish(node, task, "b", 1, FAILED);
    bench.turn();
    let plan = Arc::new(plans::plan("c; b < c"));
    bench.model.plans.insert(77, plan.clone());

    let finished = bench.model.finished(bench.record(task).clone());
    bench.core.rerun_task(bench.now, finished, Some((77, plan)), "test").unwrap();

    // c stands where a stood: its attempts have numbers that no attempt of a has
    assert_eq!(bench.turn(), ["1/c/2 -> n1"]);
    bench.succeed(node, task, "c", 2);
    assert_eq!(bench.turn(), ["1/b/2 -> n1"]);
    bench.succeed(node, task, "b", 2);
    assert_eq!(bench.turn(), ["finished 1"]);
    let seq = bench.record(task).seq;
    let names: Vec<_> = bench.model.attempts_of(seq).into_iter().map(|attempt| attempt.name).collect();
    assert_eq!(names, [Some("a".into()), None, Some("b".into()), None]);
}

#[test]
fn a_recovered_task_keeps_what_has_succeeded() {
    let (mut bench, node, task) = begun("a; b < a; c < b");
    bench.succeed(node, task, "a", 1);
    bench.turn();
    bench.finish(node, task, "b", 1, FAILED);
    bench.turn();

    recover(&mut bench, task, &[]).unwrap();

    assert_eq!(bench.turn(), ["1/b/2 -> n1"]);
    bench.succeed(node, task, "b", 2);
    assert_eq!(bench.turn(), ["1/c/1 -> n1"]);
    bench.succeed(node, task, "c", 1);
    assert_eq!(bench.turn(), ["finished 1"]);
    assert_eq!(bench.record(task).status, Some(Status::Success));
    assert_eq!(recover(&mut bench, task, &[]), Err(TaskRefusal::Succeeded));
}

#[test]
fn a_task_is_recovered_from_an_action_with_all_that_follows_from_it() {
    let (mut bench, node, task) = begun("a; b < a; c < b; d");
    for action in ["a", "d", "b", "c"] {
        bench.succeed(node, task, action, 1);
        bench.turn();
    }

    assert_eq!(recover(&mut bench, task, &["x"]), Err(TaskRefusal::NoSuchAction("x".into())));
    recover(&mut bench, task, &["b"]).unwrap();

    assert_eq!(bench.turn(), ["1/b/2 -> n1"]);
    bench.succeed(node, task, "b", 2);
    assert_eq!(bench.turn(), ["1/c/2 -> n1"]);
}

#[test]
fn actions_made_at_run_time_are_waited_for_by_the_one_they_are_made_for() {
    let (mut bench, node, task) = begun("first; third < first");
    let output = r#"{"data": {}, "actions": [
        {"name": "second_0", "main": "x", "to_action": "third"},
        {"name": "second_1", "main": "x", "to_action": "third"},
        {"name": "aside", "main": "x"}]}"#;

    bench.finish_with(node, task, "first", 1, output);

    assert_eq!(bench.turn(), ["1/second_0/1 -> n1", "1/second_1/1 -> n1", "1/aside/1 -> n1"]);
    bench.succeed(node, task, "second_0", 1);
    assert_eq!(bench.turn(), [""; 0]);
    bench.succeed(node, task, "second_1", 1);
    assert_eq!(bench.turn(), ["1/third/1 -> n1"]);
    bench.succeed(node, task, "third", 1);
    assert_eq!(bench.turn(), [""; 0], "what nobody waits for counts for the end all the same");
    bench.succeed(node, task, "aside", 1);
    assert_eq!(bench.turn(), ["finished 1"]);
}

#[test]
fn what_was_made_may_make_more_and_wait_for_what_is_made_with_it() {
    let (mut bench, node, task) = begun("a");
    bench.finish_with(
        node,
        task,
        "a",
        1,
        r#"{"actions": [{"name": "b", "main": "x"}, {"name": "c", "main": "x", "condition": ["b", "a"]}]}"#,
    );
    assert_eq!(bench.turn(), ["1/b/1 -> n1"]);

    bench.finish_with(node, task, "b", 1, r#"{"actions": [{"name": "d", "main": "x", "to_action": "c"}]}"#);

    assert_eq!(bench.turn(), ["1/d/1 -> n1"]);
    bench.succeed(node, task, "d", 1);
    assert_eq!(bench.turn(), ["1/c/1 -> n1"]);
}

#[test]
fn a_bad_list_fails_its_maker_with_the_reason_and_makes_nothing() {
    for (actions, reason) in [
        (r#"[{"name": "a", "main": "x"}]"#, "action `a`: the task has an action of that name"),
        (
            r#"[{"name": "n", "main": "x"}, {"name": "n", "main": "x"}]"#,
            "action `n`: the name stands twice in the list",
        ),
        (
            r#"[{"name": "n", "main": "x", "condition": ["q"]}]"#,
            "action `n`: `condition` names the unknown action `q`",
        ),
        (
            r#"[{"name": "n", "main": "x", "to_action": "q"}]"#,
            "action `n`: `to_action` names the unknown action `q`",
        ),
        (
            r#"[{"name": "n", "main": "x", "to_action": "side"}]"#,
            "action `n`: `to_action` names `side`, which does not wait any more",
        ),
        (
            r#"[{"name": "n", "main": "x", "condition": ["m"]}, {"name": "m", "main": "x", "condition": ["n"]}]"#,
            "waits for itself: n -> m -> n",
        ),
        (
            r#"[{"name": "n", "main": "x", "condition": ["end"], "to_action": "end"}]"#,
            "waits for itself: end -> n -> end",
        ),
        (r#"[{"name": "n"}]"#, "action `n`: `main` is missing"),
        (r#"{"name": "n"}"#, "`actions` must be a list of actions"),
    ] {
        let (mut bench, node, task) = begun("a; side; end < a");

        bench.finish_with(node, task, "a", 1, &format!("{{\"actions\": {actions}}}"));
        bench.turn();
        bench.succeed(node, task, "side", 1);
        bench.turn();

        let record = bench.record(task);
        assert_eq!((record.stage, record.status), (Stage::Finished, Some(Status::Fail)), "{actions}");
        let told = record.reason.as_deref().unwrap_or_default();
        assert!(told.contains(reason), "{told}");
        assert!(bench.model.actions.is_empty());
    }
}

#[test]
fn a_recovered_task_keeps_what_was_made_and_a_rerun_makes_it_anew() {
    let (mut bench, node, task) = begun("a; end < a");
    let output = r#"{"actions": [{"name": "n", "main": "x", "to_action": "end"}, {"name": "m", "main": "x", "to_action": "end"}]}"#;
    bench.finish_with(node, task, "a", 1, output);
    bench.turn();
    bench.succeed(node, task, "n", 1);
    bench.turn();
    bench.finish(node, task, "m", 1, FAILED);
    bench.turn();

    recover(&mut bench, task, &[]).unwrap();
    assert_eq!(bench.turn(), ["1/m/2 -> n1"]);
    bench.succeed(node, task, "m", 2);
    assert_eq!(bench.turn(), ["1/end/1 -> n1"]);
    bench.succeed(node, task, "end", 1);
    assert_eq!(bench.turn(), ["finished 1"]);

    rerun(&mut bench, task).unwrap();
    assert_eq!(bench.turn(), ["1/a/2 -> n1"]);
    bench.finish_with(node, task, "a", 2, r#"{"actions": [{"name": "n", "main": "x", "to_action": "end"}]}"#);
    assert_eq!(bench.turn(), ["1/n/2 -> n1"]);
    bench.succeed(node, task, "n", 2);
    assert_eq!(bench.turn(), ["1/end/2 -> n1"]);
}

#[test]
fn what_waits_for_an_action_that_is_not_made_again_waits_for_its_maker_only() {
    let (mut bench, node, task) = begun("a; b");
    bench.finish_with(node, task, "a", 1, r#"{"actions": [{"name": "n", "main": "x"}]}"#);
    bench.turn();
    bench.finish_with(
        node,
        task,
        "b",
        1,
        r#"{"actions": [{"name": "after_n", "main": "x", "condition": ["n"]}]}"#,
    );
    bench.turn();
    bench.finish(node, task, "n", 1, FAILED);
    bench.turn();

    recover(&mut bench, task, &["a"]).unwrap();
    assert_eq!(bench.turn(), ["1/a/2 -> n1"]);
    bench.succeed(node, task, "a", 2);

    assert_eq!(bench.turn(), ["1/after_n/1 -> n1"]);
}

#[test]
fn an_event_action_cannot_make_actions() {
    let mut bench = Bench::new();
    let node = bench.connect(1, 1);
    let mut plan = plans::plan("a");
    plan.on_success = Some(plans::action("success"));
    let task = bench.create_plan(plan, 0);
    bench.turn();
    bench.succeed(node, task, "a", 1);
    bench.turn();

    bench.finish_with(node, task, "success", 1, r#"{"actions": [{"name": "n", "main": "x"}]}"#);

    assert_eq!(bench.turn(), ["finished 1"]);
    assert_eq!(bench.record(task).status, Some(Status::Success), "and never changes the status");
}

#[test]
fn ten_thousand_actions_of_one_report_and_a_long_line_of_generations_are_taken() {
    let (mut bench, node, task) = begun("a; end < a");
    let actions: Vec<String> =
        (0..10_000).map(|n| format!(r#"{{"name": "n{n}", "main": "x", "to_action": "end"}}"#)).collect();
    bench.finish_with(node, task, "a", 1, &format!("{{\"actions\": [{}]}}", actions.join(",")));
    bench.turn();
    for n in 0..10_000 {
        bench.succeed(node, task, &format!("n{n}"), 1);
        if n % 100 == 99 {
            bench.core.place(bench.now);
            let outcome = bench.core.take_outcome();
            bench.model.commit(&outcome.changes);
        }
    }
    bench.succeed(node, task, "end", 1);
    assert_eq!(bench.turn(), ["finished 1"]);

    let (mut bench, node, task) = begun("g0");
    for n in 0..1000 {
        let next = n + 1;
        let output = format!(r#"{{"actions": [{{"name": "g{next}", "main": "x"}}]}}"#);
        bench.finish_with(node, task, &format!("g{n}"), 1, &output);
        bench.core.place(bench.now);
        let outcome = bench.core.take_outcome();
        bench.model.commit(&outcome.changes);
    }
    bench.succeed(node, task, "g1000", 1);
    assert_eq!(bench.turn(), ["finished 1"]);
}
