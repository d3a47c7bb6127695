//! `lp up` may end in any way at any moment; the next start goes on where it was.

use std::fs::{self, OpenOptions};

use nix::sys::signal::Signal;

use crate::common::{Cluster, Part, example, write_app};

/// Begins, waits for the gate, ends; a line each.
const GATED: &str = "#!/bin/sh\necho begin $LP_ATTEMPT >> \"$EFFECTS\"\ncat \"$GATE\"\necho end $LP_ATTEMPT >> \"$EFFECTS\"\n";

fn gated(cluster: &Cluster) {
    nix::unistd::mkfifo(&cluster.path("gate"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let manifest = format!(
        r#"{{"actions": [{{"name": "a", "main": "./a.sh", "environ": {{"GATE": "{}", "EFFECTS": "{}"}}}},
            {{"name": "b", "main": "true", "condition": ["a"]}}]}}"#,
        cluster.path("gate").display(),
        cluster.path("effects").display()
    );
    cluster.create_app(&write_app(
        &cluster.path("gated"),
        &[("configuration.json", &manifest), ("a.sh", GATED)],
    ));
}

#[test]
fn a_running_action_survives_a_stop_and_a_kill_of_everything_and_ends_once() {
    let mut cluster = Cluster::up();
    gated(&cluster);
    let task = cluster.lp(&["task", "create", "-a", "gated", "-o", "name"]).ok().text().to_owned();
    // opening it for writing returns when the program has opened it for reading
    let gate = OpenOptions::new().write(true).open(cluster.path("gate")).unwrap();

    assert_eq!(cluster.stop_up(Signal::SIGINT), Some(0));
    cluster.start_up();
    cluster.kill_up();
    // it ends while nobody is there
    drop(gate);
    cluster.start_up();
    cluster.lp(&["task", "wait", &task]).ok();

    assert_eq!(fs::read_to_string(cluster.path("effects")).unwrap(), "begin 1\nend 1\n");
    let task = cluster.lp(&["task", "info", &task, "-r"]).ok().json();
    assert_eq!(task["actions"][0]["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(task["status"], "success");
}

#[test]
fn what_was_there_is_there_after_a_restart() {
    let mut cluster = Cluster::up();
    cluster.create_app(&example("hello"));
    let before = cluster.succeed("hello", r#"{"name": "you"}"#);

    assert_eq!(cluster.stop_up(Signal::SIGTERM), Some(0));
    cluster.start_up();

    let after = cluster.lp(&["task", "info", "@last", "-r"]).ok().json();
    assert_eq!(after, before);
    assert!(cluster.lp(&["logs", "@last"]).ok().stdout.contains("Hello, you!"));
    cluster.succeed("hello", "{}");
}

#[test]
fn a_second_start_in_the_same_directory_is_refused() {
    let cluster = Cluster::up();

    let mut second = Part::start(&mut cluster.up_command());

    let code = second.wait();
    assert_eq!(code, Some(5), "{}", second.said());
    assert!(second.said().contains("in use"), "{}", second.said());
}

#[test]
fn the_latest_start_is_the_default_and_its_file_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let cluster = Cluster::up();

    let mut command = cluster.command(&["status"]);
    crate::common::run(command.env_remove("LP_CONTEXT"), "").ok();

    let mode = fs::metadata(cluster.context()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_first_command_of_the_readme_ends_with_a_task_that_succeeded() {
    let mut cluster = Cluster::empty();
    let mut up = Part::start(cluster.up_command().arg("--demo"));

    let demo = up.find_line(|line| line.starts_with("demo").then(|| line.to_owned()));

    assert!(demo.is_some_and(|line| line.contains("has succeeded")), "{}", up.said());
    assert_eq!(up.stop(Signal::SIGTERM), Some(0));
    cluster.start_up();
    let tasks = cluster.lp(&["task", "list", "-S", "success", "-r"]).ok().json();
    assert_eq!(tasks.as_array().unwrap().len(), 1);
}
