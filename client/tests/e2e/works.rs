//! Works of real applications: the example, failures and their recovery, stops, and a manager that dies in the middle.

use std::fs::{self, OpenOptions};

use nix::sys::stat::Mode;
use serde_json::Value;

use crate::common::{Cluster, example, write_app};

/// An application of one shell script, which has the path of the cluster's home in `$CASE`.
fn create_app(cluster: &Cluster, name: &str, script: &str) {
    let manifest = format!(
        r#"{{"actions": [{{"name": "x", "main": "./x.sh", "environ": {{"CASE": "{}"}}}}]}}"#,
        cluster.path("").display()
    );
    let script = format!("#!/bin/sh\nset -e\n{script}\n");
    cluster
        .create_app(&write_app(&cluster.path(name), &[("configuration.json", &manifest), ("x.sh", &script)]));
}

fn create_workflow(cluster: &Cluster, name: &str, text: &str) {
    let path = cluster.path(&format!("{name}.yaml"));
    fs::write(&path, text).unwrap();
    cluster.lp(&["workflow", "create", "-c", path.to_str().unwrap(), "--strict"]).ok();
}

fn info(cluster: &Cluster, work: &str) -> Value {
    cluster.lp(&["work", "info", work, "-r"]).ok().json()
}

/// `name status` of each application.
fn applications(work: &Value) -> Vec<String> {
    let applications = work["applications"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    applications.iter().map(|one| format!("{} {}", text(&one["name"]), text(&one["status"]))).collect()
}

fn effects(cluster: &Cluster) -> Vec<String> {
    let text = fs::read_to_string(cluster.path("effects")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_example_counts_words_and_letters_at_the_same_time() {
    let cluster = Cluster::up();
    for app in ["fetch", "count", "report"] {
        cluster.create_app(&example("workflow").join(app));
    }
    let file = example("workflow").join("workflow.yaml");
    let file = file.to_str().unwrap();

    cluster.lp(&["workflow", "create", "-n", "counts", "-c", file, "--strict"]).ok();
    let input = r#"{"title": "The rhyme"}"#;
    cluster.lp(&["work", "create", "-w", "counts", "-i", input, "--wait"]).ok();

    let work = info(&cluster, "@last");
    assert_eq!(applications(&work), ["fetch success", "words success", "letters success", "report success"]);
    assert_eq!(work["result"]["report"]["result"]["message"], "The rhyme has 8 words and 29 letters.");
    let shown = cluster.lp(&["work", "info", "@last"]).ok();
    assert!(shown.stdout.contains("words, letters"), "{}", shown.stdout);
    let tasks = cluster.lp(&["task", "list", "-w", "@last", "-o", "name"]).ok();
    assert_eq!(tasks.text().lines().count(), 4);
    let log = cluster.lp(&["logs", work["applications"][3]["task_id"].as_str().unwrap()]).ok();
    assert!(log.stdout.contains("The rhyme has 8 words"), "{}", log.stdout);
}

#[test]
fn a_failed_work_is_recovered_after_its_cause_is_mended_and_runs_only_the_rest() {
    let cluster = Cluster::up();
    create_app(&cluster, "good", r#"echo good >> "$CASE/effects""#);
    create_app(&cluster, "needy", r#"echo needy >> "$CASE/effects"; test -f "$CASE/input""#);
    create_app(&cluster, "alarm", r#"echo alarm >> "$CASE/effects""#);
    create_workflow(
        &cluster,
        "chain",
        "applications:\n- {name: a, app: good}\n- {name: b, app: needy, condition: [a]}\n- {name: c, app: good, condition: [b]}\n\
         - {name: beside, app: good}\nevent_applications: {fail: {app: alarm}}\n",
    );

    let id =
        cluster.lp(&["work", "create", "-w", "chain", "-o", "name", "--wait"]).ends_with(1).text().to_owned();

    let failed = info(&cluster, &id);
    assert_eq!(applications(&failed), ["a success", "b fail", "c skipped", "beside success", "fail success"]);
    assert_eq!(failed["reason"], "application `b` failed: action `x` failed: exit code 1");
    let why = cluster.lp(&["work", "why", &id]).ok();
    assert!(why.stdout.contains("what it waits for did not succeed"), "{}", why.stdout);
    let task = failed["applications"][1]["task_id"].as_str().unwrap();
    assert!(why.stdout.contains(&format!("lp why {}", &task[..8])), "{}", why.stdout);
    fs::write(cluster.path("input"), "").unwrap();
    cluster.lp(&["work", "recover", &id, "--wait"]).ok();

    let mut ran = effects(&cluster);
    ran.sort();
    assert_eq!(ran, ["alarm", "good", "good", "good", "needy", "needy"]);
    let recovered = info(&cluster, &id);
    assert_eq!(applications(&recovered), ["a success", "b success", "c success", "beside success"]);
    assert_eq!(recovered["applications"][1]["task_id"], task);
    cluster.lp(&["work", "recover", &id]).ends_with(5).says("nothing to recover");
}

#[test]
fn a_work_whose_manager_is_killed_goes_on_and_runs_everything_once() {
    let mut cluster = Cluster::up();
    nix::unistd::mkfifo(&cluster.path("gate"), Mode::S_IRWXU).unwrap();
    create_app(&cluster, "gated", r#"echo gated >> "$CASE/effects"; cat "$CASE/gate""#);
    create_app(&cluster, "quick", r#"echo quick >> "$CASE/effects""#);
    create_workflow(
        &cluster,
        "two",
        "applications:\n- {name: a, app: gated}\n- {name: b, app: quick}\n- {name: c, app: quick, condition: [a, b]}\n",
    );
    let id = cluster.lp(&["work", "create", "-w", "two", "-o", "name"]).ok().text().to_owned();
    // opening it for writing returns when the program has opened it for reading
    let gate = OpenOptions::new().write(true).open(cluster.path("gate")).unwrap();
    cluster.lp(&["work", "wait", &id, "--timeout", "0"]).ends_with(6).says("lp work why");

    cluster.kill_up();
    // `a` ends while nobody is there
    drop(gate);
    cluster.start_up();
    cluster.lp(&["work", "wait", &id]).ok();

    let mut ran = effects(&cluster);
    ran.sort();
    assert_eq!(ran, ["gated", "quick", "quick"]);
    assert_eq!(applications(&info(&cluster, &id)), ["a success", "b success", "c success"]);
    assert_eq!(cluster.lp(&["task", "list", "-r"]).ok().json().as_array().unwrap().len(), 3);
}

#[test]
fn a_stopped_work_starts_nothing_more_and_goes_with_all_it_has_made() {
    let cluster = Cluster::up();
    nix::unistd::mkfifo(&cluster.path("gate"), Mode::S_IRWXU).unwrap();
    create_app(&cluster, "gated", r#"echo gated >> "$CASE/effects"; cat "$CASE/gate""#);
    create_workflow(
        &cluster,
        "stops",
        "applications:\n- {name: a, app: gated}\n- {name: b, app: gated, condition: [a]}\n",
    );
    let create = || cluster.lp(&["work", "create", "-w", "stops", "-o", "name"]).ok().text().to_owned();
    let id = create();
    let gate = OpenOptions::new().write(true).open(cluster.path("gate")).unwrap();

    cluster.lp(&["work", "delete", &id, "-y"]).ends_with(5).says("stop it first");
    cluster.lp(&["work", "stop", "-w", &id, "--wait"]).ok();
    drop(gate);
    let stopped = info(&cluster, &id);
    assert_eq!(
        (&stopped["status"], applications(&stopped)),
        (&"kill".into(), vec!["a kill".to_owned(), "b cancel".to_owned()])
    );
    assert_eq!(effects(&cluster), ["gated"]);
    cluster.lp(&["work", "delete", &id, "-y"]).ok();

    let running = create();
    let _gate = OpenOptions::new().write(true).open(cluster.path("gate")).unwrap();
    cluster.lp(&["work", "delete", &running, "--force", "--yes"]).ok();
    cluster.lp(&["work", "info", &running]).ends_with(3);
    assert_eq!(cluster.lp(&["task", "list", "-r"]).ok().json(), serde_json::json!([]));
}

#[test]
fn what_cannot_be_a_workflow_or_a_work_is_told_with_the_way_out() {
    let cluster = Cluster::up();
    create_app(&cluster, "good", "true");
    let write = |text: &str| fs::write(cluster.path("w.yaml"), text).unwrap();
    let create = || cluster.lp(&["workflow", "create", "-c", "w.yaml"]);

    write("applications:\n- {name: a, app: good, condition: [b]}\n- {name: b, app: good, condition: [a]}\n");
    create().ends_with(5).says("the application `a` waits for itself: a -> b -> a");
    write("applications: [{name: a, app: god}]");
    create().ends_with(5).says("the application `god` of `a` does not exist").says("lp app list");
    write("applications: [{name: a, app: good, conditoin: []}]");
    cluster
        .lp(&["workflow", "create", "-c", "w.yaml", "--strict"])
        .ends_with(5)
        .says("did you mean `condition`?");
    create().ok().says("warning").says("did you mean `condition`?");
    create().ends_with(5).says("lp workflow update w -c w.yaml");
    cluster.lp(&["workflow", "update", "w", "-d", "text"]).ok();
    assert_eq!(cluster.lp(&["workflow", "info", "w", "-r"]).ok().json()["enable"], true);
    cluster.lp(&["workflow", "disable", "w"]).ok();
    cluster.lp(&["work", "create", "-w", "w"]).ends_with(5).says("lp workflow enable");
    cluster.lp(&["workflow", "enable", "w"]).ok();
    cluster.lp(&["work", "create", "-w", "none"]).ends_with(3);
    cluster.lp(&["work", "create", "-w", "w", "-i", "[1]"]).ends_with(5);
    cluster.lp(&["work", "create", "-w", "w", "--wait"]).ok();
    cluster.lp(&["workflow", "delete", "w", "-y"]).ok();
    // its works stay
    assert_eq!(cluster.lp(&["work", "list", "-S", "success", "-r"]).ok().json().as_array().unwrap().len(), 1);
}
