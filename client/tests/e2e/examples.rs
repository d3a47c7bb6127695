//! Every example of the repository runs as its README says.

use std::collections::BTreeSet;
use std::fs;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::{Cluster, copy, example, repository};
use crate::venv;

/// The examples with a test here.
const TESTED: &[&str] = &[
    "container",
    "dynamic_actions",
    "environments",
    "event_actions",
    "fanout",
    "hello",
    "multiple_actions",
    "programs",
    "resources",
    "retry",
    "schedule",
    "separate_venv",
    "service",
    "workflow",
];

#[test]
fn every_example_has_a_test() {
    let found: BTreeSet<_> = fs::read_dir(repository().join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();

    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), TESTED);
}

/// What an action left, as other actions see it.
fn output<'a>(task: &'a Value, action: &str) -> &'a Value {
    &task["result"][action]["result"]["data"]
}

fn action<'a>(task: &'a Value, name: &str) -> &'a Value {
    let actions = task["actions"].as_array().unwrap();
    actions.iter().find(|action| action["name"] == name).unwrap()
}

#[test]
fn hello_greets_whom_its_input_names() {
    let cluster = Cluster::as_installed();
    cluster.create_app(&example("hello"));

    let task = cluster.succeed("hello", r#"{"name": "you"}"#);

    assert_eq!(output(&task, "hello")["greeting"], "Hello, you!");
    let log = cluster.lp(&["logs", "@last"]).ok();
    assert!(log.text().contains("Hello, you! This is attempt 1 of the action hello."), "{log:?}");
}

#[test]
fn dynamic_actions_are_made_while_the_task_runs() {
    let cluster = Cluster::as_installed();
    cluster.create_app(&example("dynamic_actions"));

    let task = cluster.succeed("dynamic_actions", r#"{"text": "what goes up must come down"}"#);

    assert_eq!(*output(&task, "sum"), serde_json::json!({"letters": 22, "parts": 3}));
    assert_eq!(action(&task, "count_002")["generated_by"], "split");
    let log = cluster.lp(&["logs", "@last", "count_002"]).ok();
    assert!(log.text().contains("come down: 8 letters"), "{log:?}");
}

#[test]
fn separate_venv_runs_in_the_environment_that_was_uploaded_apart() {
    let cluster = Cluster::as_installed();
    cluster.lp(&["venv", "create", "-f", venv::packed().to_str().unwrap(), "-n", "words"]).ok();
    cluster.create_app(&example("separate_venv"));

    let task = cluster.succeed("separate_venv", r#"{"text": "all for one"}"#);

    assert_eq!(output(&task, "count")["words"], 3);
    let log = cluster.lp(&["logs", "@last"]).ok();
    assert!(log.text().contains("3 words, counted by"), "{log:?}");
    // with a version that is pinned, and after a rollback
    let second = cluster.lp(&["venv", "update", "words", "-f", venv::packed().to_str().unwrap()]).ok();
    drop(second);
    cluster.lp(&["venv", "rollback", "words"]).ok();
    cluster.succeed("separate_venv", "{}");
}

#[test]
fn event_actions_run_after_either_end_and_change_nothing() {
    let cluster = Cluster::as_installed();
    cluster.create_app(&example("event_actions"));

    let fine = cluster.succeed("event_actions", "{}");
    assert_eq!(action(&fine, "success")["status"], "success");
    let log = cluster.lp(&["logs", "@last", "success"]).ok();
    assert!(log.text().contains("has ended: success"), "{log:?}");

    cluster
        .lp(&["task", "create", "-a", "event_actions", "-i", r#"{"broken": true}"#, "--wait"])
        .ends_with(1);
    let failed = cluster.lp(&["task", "info", "@last", "-r"]).ok().json();
    assert_eq!((&failed["status"], &action(&failed, "fail")["status"]), (&"fail".into(), &"success".into()));
    let told = ["workspace", "download", "@last", "fail", "--file", "told.json", "--output", "-"];
    let told: Value = cluster.lp(&told).ok().json();
    assert_eq!(told["result"]["check"]["returncode"], 3);
}

#[test]
fn retry_succeeds_at_the_third_attempt_and_keeps_all_three() {
    let cluster = Cluster::as_installed();
    cluster.create_app(&example("retry"));

    let task = cluster.succeed("retry", "{}");

    let attempts = action(&task, "fetch")["attempts"].as_array().unwrap();
    let codes: Vec<_> = attempts.iter().map(|attempt| attempt["exit"]["code"].as_i64()).collect();
    assert_eq!(codes, [Some(75), Some(75), Some(0)]);
    assert_eq!(output(&task, "use")["message"], "fetched after 3 attempts");
    let log = cluster.lp(&["logs", "@last", "fetch", "--attempt", "1"]).ok();
    assert!(log.text().contains("the service is not there yet"), "{log:?}");
}

#[test]
fn resources_runs_and_with_a_licence_it_waits_for_a_node_that_has_one() {
    let mut cluster = Cluster::as_installed();
    cluster.create_app(&example("resources"));
    let task = cluster.succeed("resources", "{}");
    assert_eq!(output(&task, "report")["title"], "all done");

    // as its README says
    let licensed = cluster.path("licensed");
    copy(&example("resources"), &licensed);
    let manifest = licensed.join("configuration.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace(r#""slots": 0"#, r#""slots": 0, "licence": 1"#)).unwrap();
    cluster.create_app(&licensed);
    let id = cluster.lp(&["task", "create", "-a", "licensed", "-o", "name"]).ok().text().to_owned();
    cluster.lp(&["task", "wait", &id, "--timeout", "1s"]).ends_with(6);
    let why = cluster.lp(&["why", &id]).ok();
    assert!(why.stdout.contains("licence"), "{}", why.stdout);

    assert_eq!(cluster.stop_up(Signal::SIGINT), Some(0));
    cluster.set("LP_RESOURCES", "{licence: 1}");
    cluster.start_up();
    cluster.lp(&["task", "wait", &id]).ok();
}

#[test]
fn fanout_counts_the_primes_in_a_hundred_parts() {
    let cluster = Cluster::as_installed();
    cluster.create_app(&example("fanout"));

    let task = cluster.succeed("fanout", r#"{"limit": 100000}"#);

    assert_eq!(*output(&task, "join"), serde_json::json!({"primes": 9592, "parts": 100}));
    assert_eq!(task["actions"].as_array().unwrap().len(), 102);
}

#[test]
fn the_manifest_of_fanout_is_what_its_generator_writes() {
    let copy = tempfile::tempdir().unwrap();
    let generator = copy.path().join("generate.py");
    fs::copy(example("fanout").join("generate.py"), &generator).unwrap();

    let status = std::process::Command::new("python3").arg(&generator).status().unwrap();

    assert!(status.success());
    let read = |path: std::path::PathBuf| fs::read_to_string(path.join("configuration.json")).unwrap();
    assert_eq!(read(copy.path().to_owned()), read(example("fanout")));
}

#[test]
fn multiple_actions_joins_what_two_python_actions_found() {
    let cluster = Cluster::as_installed();
    let app = venv::multiple_actions(&cluster.path("multiple_actions"));
    cluster.create_app(&app);

    let task = cluster.succeed("multiple_actions", r#"{"text": "what goes up must come down"}"#);

    assert_eq!(output(&task, "third")["message"], "6 words, the longest of them is 'what'");
    // first and second waited for nothing
    assert_eq!(action(&task, "second")["condition"], serde_json::json!([]));
}
