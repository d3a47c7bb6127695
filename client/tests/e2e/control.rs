//! Tasks that have ended and go on: recovered, run again, and many at once.

use std::fs;

use crate::common::{Cluster, write_app};

/// Appends its name and attempt to a file outside; fails while there is no file `ok`.
const SCRIPT: &str = "#!/bin/sh\necho \"$LP_ACTION $LP_ATTEMPT\" >> \"$EFFECTS\"\n";

fn app(cluster: &Cluster, version: &str) -> std::path::PathBuf {
    let environ = format!(
        r#"{{"EFFECTS": "{}", "OK": "{}"}}"#,
        cluster.path("effects").display(),
        cluster.path("ok").display()
    );
    let manifest = format!(
        r#"{{"actions": [
            {{"name": "first", "main": "./step.sh", "environ": {environ}}},
            {{"name": "second", "main": "./step.sh", "condition": ["first"], "environ": {environ}}},
            {{"name": "third", "main": "./step.sh", "condition": ["second"], "environ": {environ}}}]}}"#
    );
    let script = format!("{SCRIPT}echo version {version}\n[ $LP_ACTION != second ] || [ -e \"$OK\" ]\n");
    write_app(&cluster.path("app"), &[("configuration.json", &manifest), ("step.sh", &script)])
}

fn effects(cluster: &Cluster) -> String {
    fs::read_to_string(cluster.path("effects")).unwrap().replace('\n', ", ")
}

#[test]
fn a_recovered_task_goes_on_where_it_failed_after_the_cause_is_gone() {
    let cluster = Cluster::up();
    cluster.create_app(&app(&cluster, "1"));
    cluster.lp(&["task", "create", "-a", "app", "--wait"]).ends_with(1);
    cluster.lp(&["task", "recover", "@last", "--wait"]).ends_with(1);
    fs::write(cluster.path("ok"), "").unwrap();

    cluster.lp(&["task", "recover", "@last", "--wait"]).ok();

    assert_eq!(effects(&cluster), "first 1, second 1, second 2, second 3, third 1, ");
    cluster.lp(&["task", "recover", "@last"]).ends_with(5).says("nothing to recover");
    cluster.lp(&["task", "recover", "@last", "--from", "nope"]).ends_with(3).says("nope");
    cluster.lp(&["task", "recover", "@last", "--from", "second", "--wait"]).ok();
    assert!(effects(&cluster).ends_with("third 1, second 4, third 2, "), "{}", effects(&cluster));
    let info = cluster.lp(&["task", "info", "@last", "-r"]).ok().json();
    let deeds: Vec<_> = info["history"].as_array().unwrap().iter().map(|deed| &deed["deed"]).collect();
    assert_eq!(deeds, ["recover", "recover", "recover"]);
    assert_eq!(info["history"][2]["from"], serde_json::json!(["second"]));
    assert!(!info["history"][0]["by"].as_str().unwrap().is_empty());
    cluster.lp(&["logs", "@last", "second", "--attempt", "1"]).ok().prints("version 1");
}

#[test]
fn a_rerun_takes_the_active_version_or_the_one_it_had() {
    let cluster = Cluster::up();
    fs::write(cluster.path("ok"), "").unwrap();
    cluster.create_app(&app(&cluster, "1"));
    cluster.succeed("app", "{}");
    cluster.lp(&["app", "update", "app", "-f", app(&cluster, "2").to_str().unwrap()]).ok();

    cluster.lp(&["task", "rerun", "@last", "--same-version", "--wait"]).ok();
    cluster.lp(&["logs", "@last", "first"]).ok().prints("version 1");
    cluster.lp(&["task", "rerun", "@last", "--wait"]).ok();

    cluster.lp(&["logs", "@last", "first"]).ok().prints("version 2");
    cluster.lp(&["logs", "@last", "first", "--attempt", "1"]).ok().prints("version 1");
}

#[test]
fn many_tasks_are_recovered_and_deleted_by_a_filter_after_a_confirmation() {
    let cluster = Cluster::up();
    cluster.create_app(&app(&cluster, "1"));
    cluster
        .lp_with_input(&["task", "create", "-a", "app", "--each", "-", "--wait"], "{}\n{}\n{}\n")
        .ends_with(1);
    fs::write(cluster.path("ok"), "").unwrap();

    cluster.lp(&["task", "recover"]).ends_with(2).says("no task is named");
    cluster.lp(&["task", "recover", "-S", "fail"]).ends_with(2).says("recover 3 tasks").says("--yes");
    cluster.lp(&["task", "recover", "-S", "fail", "--since", "1d", "--yes"]).ok().prints("recovered 3 tasks");
    let ids = cluster.lp(&["task", "list", "-o", "name"]).ok().text().to_owned();
    let mut wait = vec!["task", "wait"];
    wait.extend(ids.lines());
    cluster.lp(&wait).ok();
    cluster.lp(&["task", "recover", "-S", "fail", "--yes"]).ok().says("no task to recover passes the filter");

    cluster.lp(&["task", "delete", "-a", "app", "--yes"]).ok().prints("deleted 3 tasks");
    assert_eq!(cluster.lp(&["task", "list", "-r"]).ok().json(), serde_json::json!([]));
}

#[test]
fn a_running_task_is_deleted_only_with_force_and_takes_its_programs_along() {
    let cluster = Cluster::up();
    let gate = cluster.path("gate");
    nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let manifest = format!(
        r#"{{"actions": [{{"name": "long", "main": "./long.sh", "environ": {{"GATE": "{}"}}}}]}}"#,
        gate.display()
    );
    let script = "#!/bin/sh\necho started > \"$GATE\"\nexec sleep 1000\n";
    cluster.create_app(&write_app(
        &cluster.path("long"),
        &[("configuration.json", &manifest), ("long.sh", script)],
    ));
    let id = cluster.lp(&["task", "create", "-a", "long", "-o", "name"]).ok().text().to_owned();
    assert_eq!(fs::read_to_string(&gate).unwrap(), "started\n");

    cluster.lp(&["task", "delete", &id, "--yes"]).ends_with(5);
    cluster.lp(&["task", "delete", &id, "--force", "--yes"]).ok();

    cluster.lp(&["task", "info", &id]).ends_with(3);
    let status = cluster.lp(&["status", "-r"]).ok().json();
    assert_eq!(status["actions_running"], 0);
}
