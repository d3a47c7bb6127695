//! A stop is final and reaches everything a program has started; a rerun starts from the beginning.

use std::fs;
use std::time::{Duration, Instant};

use crate::common::{Cluster, PATIENCE, write_app};

/// Starts a grandchild, says so through the gate, and waits.
const FAMILY: &str = "#!/bin/sh\nsh -c 'sleep 1000 & echo $! > \"$GATE\"; wait' &\nwait\n";

#[test]
fn a_stop_ends_grandchildren_and_nothing_starts_later() {
    let cluster = Cluster::up();
    let gate = cluster.path("gate");
    nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let manifest = format!(
        r#"{{"actions": [{{"name": "family", "main": "./family.sh", "environ": {{"GATE": "{}"}}}},
            {{"name": "after", "main": "true", "condition": ["family"]}}]}}"#,
        gate.display()
    );
    cluster.create_app(&write_app(
        &cluster.path("app"),
        &[("configuration.json", &manifest), ("family.sh", FAMILY)],
    ));
    let task = cluster.lp(&["task", "create", "-a", "app", "-o", "name"]).ok().text().to_owned();
    let grandchild = fs::read_to_string(&gate).unwrap().trim().to_owned();

    cluster.lp(&["task", "stop", &task, "--wait"]).ok();

    let task = cluster.lp(&["task", "info", &task, "-r"]).ok().json();
    assert_eq!(task["status"], "kill");
    assert_eq!(task["actions"][0]["attempts"][0]["exit"]["kind"], "stopped");
    assert_eq!(task["actions"][1]["attempts"], serde_json::json!([]));
    assert!(is_gone(&grandchild), "process {grandchild} lives on");
}

/// A process that was killed may still stand in the table until its new parent has looked.
fn is_gone(pid: &str) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        if status.is_empty() || status.contains("State:\tZ") {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

#[test]
fn a_rerun_does_everything_again_under_the_same_id() {
    let cluster = Cluster::up();
    let effects = cluster.path("effects");
    let script = "#!/bin/sh\necho \"$LP_ACTION $LP_ATTEMPT\" >> \"$EFFECTS\"\n";
    let manifest = format!(
        r#"{{"actions": [{{"name": "a", "main": "./a.sh", "environ": {{"EFFECTS": "{}"}}}}]}}"#,
        effects.display()
    );
    cluster
        .create_app(&write_app(&cluster.path("app"), &[("configuration.json", &manifest), ("a.sh", script)]));
    let first = cluster.succeed("app", "{}");
    let id = first["task_id"].as_str().unwrap();

    cluster.lp(&["task", "rerun", id, "--wait"]).ok();

    let second = cluster.lp(&["task", "info", id, "-r"]).ok().json();
    let runs: Vec<_> =
        second["actions"][0]["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["run"]).collect();
    assert_eq!(runs, [1, 2]);
    assert_eq!(fs::read_to_string(effects).unwrap(), "a 1\na 2\n");
}
