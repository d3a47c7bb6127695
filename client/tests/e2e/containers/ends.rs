//! How containers end, and what each end is called.

use serde_json::json;

use super::engine::{BARE, Contained, IMAGE, engine};

/// Ignores every request to end.
const STUBBORN: &str = "trap '' TERM INT; echo up; while true; do sleep 0.2; done";

#[test]
fn an_exit_code_is_the_programs() {
    let Some(engine) = engine() else { return };
    let contained = Contained::new(&engine);
    contained.app("echo out; echo err >&2; exit 7", "", "");

    assert_eq!(contained.exit(), json!({"kind": "code", "code": 7}));
    let log = contained.log("@last");
    // the engine has two pipes, and their order is anybody's guess
    let mut lines: Vec<&str> = log.lines().collect();
    lines.sort();
    assert_eq!(lines, ["err", "out"]);
    assert_eq!(contained.containers(), []);
}

#[test]
fn a_container_over_its_memory_is_told_so() {
    let Some(engine) = engine() else { return };
    let contained = Contained::new(&engine);
    let greedy = "echo begin; head -c 200000000 /dev/zero | tail -c 190000000 | cat > /dev/null; exit 3";

    for (args, more) in [(r#""mem_limit": "32m""#, ""), ("", r#", "resources": {"memory": "32MiB"}"#)] {
        contained.app(greedy, args, more);
        let exit = contained.exit();
        assert_out_of_memory(&exit, 32 << 20);
    }
    assert_eq!(contained.containers(), []);
}

fn assert_out_of_memory(exit: &serde_json::Value, limit: u64) {
    assert_eq!(*exit, json!({"kind": "out_of_memory", "limit_bytes": limit, "peak_bytes": limit}));
}

#[test]
fn a_missing_image_fails_with_the_engines_words() {
    let Some(engine) = engine() else { return };
    let contained = Contained::new(&engine);

    contained.words(r#""true""#, "127.0.0.1:1/none/such:1", "", "");
    let exit = contained.exit();
    assert_eq!(exit["kind"], "not_started");
    let reason = exit["reason"].as_str().unwrap();
    assert!(
        reason.contains("the image `127.0.0.1:1/none/such:1` cannot be had: ")
            && reason.contains("127.0.0.1:1"),
        "{reason}"
    );

    let manifest = r#"{"actions": [{"name": "a", "main": "true", "docker": {"image": "none/such:1", "pull": "never"}}]}"#;
    let app = crate::common::write_app(&contained.cluster.path("app"), &[("configuration.json", manifest)]);
    contained.cluster.lp(&["app", "update", "app", "-f", app.to_str().unwrap()]).ok();
    let exit = contained.exit();
    assert!(exit["reason"].as_str().unwrap().contains("`docker.pull` is \"never\""), "{exit}");
}

#[test]
fn a_program_that_is_not_in_the_image_is_named() {
    let Some(engine) = engine() else { return };
    let contained = Contained::new(&engine);
    for (main, args, named) in [
        (r#"["no-such-program"]"#, "", "there is no `no-such-program` on the PATH of the image"),
        (r#"["./no/such"]"#, "", "there is no `./no/such` in the container of the image"),
        (r#"["no-such-program"]"#, r#""init": false"#, "no-such-program"),
    ] {
        contained.words(main, IMAGE, args, "");
        let exit = contained.exit();
        assert_eq!(exit["kind"], "not_started", "{exit}");
        assert!(exit["reason"].as_str().unwrap().contains(named), "{exit}");
    }
    // a program's own 127 is not that
    contained.app("exit 127", "", "");
    assert_eq!(contained.exit(), json!({"kind": "code", "code": 127}));
    contained.words(r#"["busybox", "false"]"#, BARE, "", "");
    assert_eq!(contained.exit(), json!({"kind": "code", "code": 1}));
    assert_eq!(contained.containers(), []);
}

#[test]
fn a_stop_is_heard_and_one_that_is_ignored_is_followed_by_a_kill() {
    let Some(engine) = engine() else { return };
    let contained = Contained::new(&engine);

    // no handler of its own: the first process passes the signal on
    contained.words(r#"["sleep", "1000"]"#, IMAGE, "", "");
    let task = contained.start();
    contained.cluster.until(|_| contained.containers().iter().any(is_running).then_some(()));
    contained.cluster.lp(&["task", "stop", &task, "--signal", "15", "--wait"]).ok();
    assert_eq!(contained.exit_of(&task), json!({"kind": "stopped", "returncode": -15}));
    assert_eq!(contained.containers(), []);

    contained.app(STUBBORN, "", r#", "grace": "0.3s""#);
    let task = contained.start();
    contained.wait_for_line(&task, "up");
    contained.cluster.lp(&["task", "stop", &task, "--signal", "15", "--wait"]).ok();
    assert_eq!(contained.exit_of(&task), json!({"kind": "stopped", "returncode": -9}));
    assert_eq!(contained.containers(), []);
}

fn is_running(container: &bollard::models::ContainerSummary) -> bool {
    container.state == Some(bollard::models::ContainerSummaryStateEnum::RUNNING)
}

#[test]
fn a_time_limit_ends_a_container() {
    let Some(engine) = engine() else { return };
    let contained = Contained::new(&engine);
    contained.app(STUBBORN, "", r#", "timeout": "0.5s", "grace": "0.2s""#);

    assert_eq!(contained.exit(), json!({"kind": "timed_out"}));
    assert_eq!(contained.containers(), []);
}

#[test]
fn a_node_that_is_killed_adopts_its_containers() {
    let Some(engine) = engine() else { return };
    let mut contained = Contained::new(&engine);
    contained.app("echo up; until test -e /opt/workspace/go; do sleep 0.05; done; echo over; exit 4", "", "");
    let task = contained.start();
    contained.wait_for_line(&task, "up");
    let before = contained.containers();

    contained.cluster.kill_node();
    contained.cluster.start_node();
    contained.cluster.until(|cluster| {
        let nodes = cluster.lp(&["node", "list", "-r"]).ok().json();
        (nodes[0]["state"] == "connected").then_some(())
    });

    assert_eq!(contained.containers().iter().map(|found| &found.id).collect::<Vec<_>>(), [&before[0].id]);
    let workspaces = contained.cluster.path("node").join("workspaces").join(&task[..2]);
    let workspace = std::fs::read_dir(workspaces).unwrap().next().unwrap().unwrap().path();
    std::fs::write(workspace.join("go"), "").unwrap();
    contained.cluster.lp(&["task", "wait", &task]);
    assert_eq!(contained.exit_of(&task), json!({"kind": "code", "code": 4}));
    assert_eq!(contained.log(&task), "up\nover\n");
    let info = contained.cluster.lp(&["task", "info", &task, "-r"]).ok().json();
    assert_eq!(info["actions"][0]["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(contained.containers(), []);
}

#[test]
fn what_a_killed_shim_leaves_is_removed_before_the_end_is_told() {
    let Some(engine) = engine() else { return };
    let contained = Contained::new(&engine);
    contained.app("echo up; sleep 1000", "", "");
    let task = contained.start();
    contained.wait_for_line(&task, "up");

    let old = contained.containers()[0].id.clone();
    let shims = contained.cluster.processes_with(&["contain", "run"]);
    assert_eq!(shims.len(), 1);
    nix::sys::signal::kill(shims[0], nix::sys::signal::Signal::SIGKILL).unwrap();

    // nobody knows how it ended, so it runs once more
    let first = contained.cluster.until(|cluster| {
        let info = cluster.lp(&["task", "info", &task, "-r"]).ok().json();
        let attempts = info["actions"][0]["attempts"].as_array().unwrap().clone();
        (attempts.len() == 2).then(|| attempts[0]["exit"].clone())
    });
    assert_eq!(first["kind"], "lost", "{first}");
    assert!(contained.containers().iter().all(|found| found.id != old));
    contained.cluster.lp(&["task", "stop", &task, "--wait"]).ok();
    assert_eq!(contained.containers(), []);
}

#[test]
fn what_is_left_of_a_node_that_lost_everything_is_swept_at_its_start() {
    let Some(engine) = engine() else { return };
    let mut contained = Contained::new(&engine);
    contained.app("echo up; sleep 1000", "", "");
    let task = contained.start();
    contained.wait_for_line(&task, "up");
    let old = contained.containers()[0].id.clone();

    contained.cluster.kill_node();
    for part in ["supervise", "contain"] {
        for pid in contained.cluster.processes_with(&[part]) {
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        }
    }
    contained.cluster.start_node();

    contained.cluster.until(|_| contained.containers().iter().all(|found| found.id != old).then_some(()));
    contained.cluster.lp(&["task", "stop", &task, "--wait"]).ok();
}
