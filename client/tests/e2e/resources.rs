//! What an action asks for is what it gets and no more, as people see it.

use serde_json::Value;

use crate::common::{Cluster, write_app};

fn manifest_app(cluster: &Cluster, name: &str, manifest: &str) {
    cluster.create_app(&write_app(&cluster.path(name), &[("configuration.json", manifest)]));
}

fn info(cluster: &Cluster, task: &str) -> Value {
    cluster.lp(&["task", "info", task, "-r"]).ok().json()
}

fn create(cluster: &Cluster, app: &str) -> String {
    cluster.lp(&["task", "create", "-a", app, "-o", "name"]).ok().text().to_owned()
}

#[test]
fn an_action_beyond_its_memory_is_killed_and_every_report_says_so() {
    let cluster = Cluster::as_installed();
    manifest_app(
        &cluster,
        "greedy",
        r#"{"actions": [{"name": "a", "main": ["python3", "-c", "x = []\nwhile True: x.append(bytearray(1 << 20))"],
            "resources": {"memory": "48MiB"}, "retry": {"attempts": 2, "delay": 0, "on_exit": ["oom"]}}]}"#,
    );
    let task = create(&cluster, "greedy");

    cluster.lp(&["task", "wait", &task]).ends_with(1);

    let found = info(&cluster, &task);
    let attempts = found["actions"][0]["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 2, "`oom` is an end that is tried again");
    for attempt in attempts {
        assert_eq!((&attempt["exit"]["kind"], &attempt["status"]), (&"out_of_memory".into(), &"fail".into()));
        assert_eq!(attempt["exit"]["limit_bytes"], 48 << 20);
        assert!(attempt["exit"]["peak_bytes"].as_u64().unwrap() > 40 << 20, "{attempt}");
        assert!(attempt["usage"]["max_rss_bytes"].as_u64().unwrap() > 40 << 20, "{attempt}");
    }
    cluster.lp(&["task", "info", &task]).ok().prints("out of memory: killed at its limit of 48 MiB (peak ");
    cluster.lp(&["why", &task]).prints("out of memory");
}

#[test]
fn four_actions_of_one_processor_run_two_at_a_time_on_two() {
    let mut cluster = Cluster::empty();
    cluster.set("LP_CPUS", "2");
    cluster.set("LP_GPUS", "1");
    cluster.start_up_with(&["--slots", "8"]);
    let action =
        |name: &str| format!(r#"{{"name": "{name}", "main": "sleep 0.3 #", "resources": {{"cpus": 1}}}}"#);
    let actions: Vec<String> = ["a", "b", "c", "d"].map(action).to_vec();
    manifest_app(&cluster, "four", &format!(r#"{{"actions": [{}]}}"#, actions.join(", ")));
    let task = create(&cluster, "four");

    cluster.lp(&["task", "wait", &task]).ok();

    let found = info(&cluster, &task);
    let mut moments = Vec::new();
    for action in found["actions"].as_array().unwrap() {
        let attempt = &action["attempts"][0];
        moments.push((attempt["start_at"].as_str().unwrap().to_owned(), 1));
        moments.push((attempt["end_at"].as_str().unwrap().to_owned(), -1));
    }
    // an end before a start at the same moment
    moments.sort();
    let mut running = 0;
    let most = moments.iter().map(|(_, change)| {
        running += change;
        running
    });
    assert_eq!(most.max(), Some(2), "{moments:?}");
    let node = cluster.lp(&["node", "list", "-o", "name"]).ok().text().to_owned();
    cluster
        .lp(&["node", "info", &node])
        .ok()
        .prints("gpus")
        .prints("0 of 1 in use: 0")
        .prints("programs")
        .prints("limits");
}

#[test]
fn a_thousand_detached_children_are_gone_after_a_stop() {
    let cluster = Cluster::as_installed();
    manifest_app(
        &cluster,
        "forks",
        r#"{"actions": [{"name": "a", "grace": 1, "main": ["python3", "-c",
            "import os, time\nfor i in range(1000):\n  if os.fork() == 0:\n    os.setsid()\n    if os.fork(): os._exit(0)\n    time.sleep(600)\nprint('forked', flush=True)\ntime.sleep(600)"]}]}"#,
    );
    let task = create(&cluster, "forks");
    let mut log = cluster.watch(&["logs", &task, "-f"]);
    assert!(log.line().is_some_and(|line| line.contains("forked")));
    let count = || {
        let mark = format!("LP_TASK_ID={task}");
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let is_its = |entry: &std::fs::DirEntry| {
            let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            environ.split(|byte| *byte == 0).any(|pair| pair == mark.as_bytes())
        };
        entries.filter(is_its).count()
    };
    until(|| count() > 1000);

    cluster.lp(&["task", "stop", &task, "--wait"]).ok();

    until(|| count() == 0);
}

/// Looks again and again: nobody announces the death of a process.
fn until(mut is_so: impl FnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < crate::common::PATIENCE, "waited in vain");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
