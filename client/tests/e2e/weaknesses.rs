//! What LitePipeline was measured to lose or double, done right by real processes. What others of these tests show is listed in
//! `docs/from-litepipeline.md`.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::{Cluster, PATIENCE, example, write_app};

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Writes its pid and attempt; the first attempt never ends by itself.
const FIRST_HANGS: &str = "#!/bin/sh\necho \"begin $LP_ATTEMPT $$\" >> \"$EFFECTS\"\n[ $LP_ATTEMPT != 1 ] || exec sleep 1000\necho \"end $LP_ATTEMPT\" >> \"$EFFECTS\"\n";

fn create_hanging_app(cluster: &Cluster) {
    let manifest = format!(
        r#"{{"actions": [{{"name": "a", "main": "./a.sh", "environ": {{"EFFECTS": "{}"}}}}]}}"#,
        cluster.path("effects").display()
    );
    let files = [("configuration.json", manifest.as_str()), ("a.sh", FIRST_HANGS)];
    cluster.create_app(&write_app(&cluster.path("hangs"), &files));
}

fn effects(cluster: &Cluster) -> Vec<String> {
    let text = fs::read_to_string(cluster.path("effects")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn an_action_of_a_frozen_node_moves_and_its_first_copy_is_stopped_on_return() {
    let mut cluster = Cluster::empty();
    cluster.set("LP_HEARTBEAT", "0.5");
    cluster.set("LP_LOST_AFTER", "1.5");
    cluster.start_apart(1);
    create_hanging_app(&cluster);
    let task = cluster.lp(&["task", "create", "-a", "hangs", "-o", "name"]).ok().text().to_owned();
    until("the first attempt runs", || effects(&cluster).len() == 1);
    let first: i32 = effects(&cluster)[0].rsplit(' ').next().unwrap().parse().unwrap();
    let node = Pid::from_raw(cluster.node_pid());

    kill(node, Signal::SIGSTOP).unwrap();
    let other = cluster.another_node("other");
    cluster.lp(&["task", "wait", &task]).ok();
    kill(node, Signal::SIGCONT).unwrap();

    until("the first copy is stopped", || {
        let status = fs::read_to_string(format!("/proc/{first}/status")).unwrap_or_default();
        status.is_empty() || status.contains("State:\tZ")
    });
    let said = effects(&cluster);
    assert!(said[1].starts_with("begin 2") && said[2] == "end 2" && said.len() == 3, "{said:?}");
    let info = cluster.lp(&["task", "info", &task, "-r"]).ok().json();
    let attempts = info["actions"][0]["attempts"].as_array().unwrap();
    assert_eq!(attempts[0]["exit"]["kind"], "lost");
    assert_ne!(attempts[0]["node_id"], attempts[1]["node_id"]);
    other.kill();
}

#[test]
fn a_node_that_is_killed_goes_on_with_the_same_attempt_when_it_is_back() {
    let mut cluster = Cluster::apart(1);
    create_hanging_app(&cluster);
    let task = cluster.lp(&["task", "create", "-a", "hangs", "-o", "name"]).ok().text().to_owned();
    until("it runs", || effects(&cluster).len() == 1);
    let program: i32 = effects(&cluster)[0].rsplit(' ').next().unwrap().parse().unwrap();

    cluster.kill_node();
    cluster.start_node();
    kill(Pid::from_raw(program), Signal::SIGTERM).unwrap();

    // the end the program came to is seen, and no second one was started beside it
    cluster.lp(&["task", "wait", &task]).ends_with(1);
    assert_eq!(effects(&cluster).len(), 1);
    let info = cluster.lp(&["task", "info", &task, "-r"]).ok().json();
    assert_eq!(info["actions"][0]["attempts"][0]["exit"]["signal"], 15);
}

#[test]
fn an_output_of_an_earlier_run_is_never_taken_for_a_new_one() {
    let cluster = Cluster::up();
    let script = "[ $LP_ATTEMPT != 1 ] || echo '{\"data\": {\"n\": 1}}' > $1/output.data\n[ ! -e $1/mark ] || exit 9\ntouch $1/mark\n";
    let files =
        [("configuration.json", r#"{"actions": [{"name": "a", "main": "sh a.sh"}]}"#), ("a.sh", script)];
    cluster.create_app(&write_app(&cluster.path("once"), &files));
    let first = cluster.succeed("once", "{}");
    assert_eq!(first["result"]["a"]["result"]["data"]["n"], 1);

    cluster.lp(&["task", "rerun", "@last", "--wait"]).ok();

    let second = cluster.lp(&["task", "info", "@last", "-r"]).ok().json();
    assert_eq!(second["result"]["a"]["result"], serde_json::json!({}), "each attempt has a clean workspace");
}

#[test]
fn four_uploads_of_one_file_name_at_the_same_time_are_all_right() {
    let cluster = Cluster::up();
    let uploads: Vec<_> = (0..4)
        .map(|number| {
            let directory = cluster.path(&number.to_string());
            fs::create_dir(&directory).unwrap();
            let script = format!("echo {}\n", number.to_string().repeat(100_000 + number * 7));
            let manifest = r#"{"actions": [{"name": "a", "main": "sh a.sh"}]}"#;
            let app =
                write_app(&directory.join("app"), &[("configuration.json", manifest), ("a.sh", &script)]);
            let name = format!("app{number}");
            cluster.watch(&["app", "create", "-f", app.to_str().unwrap(), "-n", &name])
        })
        .collect();
    for upload in uploads {
        assert_eq!(upload.code(), 0);
    }
    for number in 0..4 {
        cluster.succeed(&format!("app{number}"), "{}");
        let log = cluster.lp(&["logs", "@last"]).ok();
        assert_eq!(log.text(), number.to_string().repeat(100_000 + number * 7));
    }
}

#[test]
fn a_description_of_many_lines_stays_whole() {
    let cluster = Cluster::up();
    let description = "one\ntwo\n\nfour";
    let hello = example("hello");

    cluster.lp(&["app", "create", "-f", hello.to_str().unwrap(), "-d", description]).ok();

    assert_eq!(cluster.lp(&["app", "info", "hello", "-r"]).ok().json()["description"], description);
}

#[test]
fn fail_events_run_after_a_stop_and_after_a_timeout() {
    let cluster = Cluster::up();
    let manifest = r#"{"actions": [{"name": "a", "main": "sleep 1000 #", "timeout": 0.3}],
        "event_actions": {"fail": {"main": "true"}}}"#;
    cluster.create_app(&write_app(&cluster.path("slow"), &[("configuration.json", manifest)]));

    cluster.lp(&["task", "create", "-a", "slow", "--wait"]).ends_with(1);
    let timed_out = cluster.lp(&["task", "info", "@last", "-r"]).ok().json();
    cluster.lp(&["task", "create", "-a", "slow"]).ok();
    cluster.lp(&["task", "stop", "@last", "--wait"]).ok();
    let stopped = cluster.lp(&["task", "info", "@last", "-r"]).ok().json();

    for (task, status) in [(timed_out, "fail"), (stopped, "kill")] {
        assert_eq!(task["status"], status);
        let events = task["actions"].as_array().unwrap();
        let event = events.iter().find(|action| action["name"] == "fail").unwrap();
        assert_eq!(event["status"], "success", "{status}");
    }
}
