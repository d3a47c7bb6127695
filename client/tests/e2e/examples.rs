//! Every example of the repository runs as its README says.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::{Cluster, example, repository};
use crate::venv;

/// The examples with a test here.
const TESTED: &[&str] = &["fanout", "hello", "multiple_actions", "resources", "retry"];

#[test]
fn every_example_has_a_test() {
    let found: BTreeSet<_> = std::fs::read_dir(repository().join("examples"))
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
    let cluster = Cluster::up();
    cluster.create_app(&example("hello"));

    let task = cluster.succeed("hello", r#"{"name": "you"}"#);

    assert_eq!(output(&task, "hello")["greeting"], "Hello, you!");
    let log = cluster.lp(&["logs", "@last"]).ok();
    assert!(log.text().contains("Hello, you! This is attempt 1 of the action hello."), "{log:?}");
}

#[test]
fn retry_succeeds_at_the_third_attempt_and_keeps_all_three() {
    let cluster = Cluster::up();
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
fn resources_waits_for_a_node_that_has_them_and_says_so() {
    let cluster = Cluster::up();
    cluster.create_app(&example("resources"));

    let task = cluster.succeed("resources", "{}");

    assert_eq!(output(&task, "report")["title"], "all done");
}

#[test]
fn fanout_counts_the_primes_in_a_hundred_parts() {
    let cluster = Cluster::up();
    cluster.create_app(&example("fanout"));

    let task = cluster.succeed("fanout", r#"{"limit": 100000}"#);

    assert_eq!(*output(&task, "join"), serde_json::json!({"primes": 9592, "parts": 100}));
    assert_eq!(task["actions"].as_array().unwrap().len(), 102);
}

#[test]
fn the_manifest_of_fanout_is_what_its_generator_writes() {
    let copy = tempfile::tempdir().unwrap();
    let generator = copy.path().join("generate.py");
    std::fs::copy(example("fanout").join("generate.py"), &generator).unwrap();

    let status = std::process::Command::new("python3").arg(&generator).status().unwrap();

    assert!(status.success());
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path.join("configuration.json")).unwrap();
    assert_eq!(read(copy.path().to_owned()), read(example("fanout")));
}

#[test]
fn multiple_actions_joins_what_two_python_actions_found() {
    let cluster = Cluster::up();
    let app = venv::multiple_actions(&cluster.path("multiple_actions"));
    cluster.create_app(&app);

    let task = cluster.succeed("multiple_actions", r#"{"text": "what goes up must come down"}"#);

    assert_eq!(output(&task, "third")["message"], "6 words, the longest of them is 'what'");
    // first and second waited for nothing
    assert_eq!(action(&task, "second")["condition"], serde_json::json!([]));
}
