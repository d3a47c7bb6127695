//! A cluster with a bit of everything in it: what screenshots and checks of all pages are made of.

use serde_json::json;

use crate::common::{Cluster, example, write_app};

/// Fills a running cluster through its command line, as its users would.
pub fn fill(cluster: &Cluster) {
    for name in ["hello", "fanout", "event_actions"] {
        cluster.create_app(&example(name));
    }
    cluster.succeed("hello", r#"{"name": "world"}"#);
    cluster.succeed("hello", r#"{"name": "you", "list": [1, 2.5, null], "nested": {"deep": true}}"#);
    cluster.succeed("fanout", "{}");
    failing(cluster);
    standing(cluster);
    // a second version, to compare
    let files =
        [("configuration.json", FAILING), ("work.sh", "echo other; exit 1\n"), ("notes.txt", "new\n")];
    let next = write_app(&cluster.path("etl-2"), &files);
    cluster.lp(&["app", "update", "nightly-etl", "-f", next.to_str().unwrap()]).ok();
    std::fs::create_dir_all(cluster.path("env/bin")).unwrap();
    let venv = write_app(&cluster.path("env"), &[("bin/python", "#!/bin/sh\nexec python3 \"$@\"\n")]);
    cluster.lp(&["venv", "create", "-f", venv.to_str().unwrap(), "-n", "science"]).ok();
    // one that stays
    let files = [
        ("configuration.json", r#"{"actions": [{"name": "train", "main": "sh train.sh"}]}"#),
        (
            "train.sh",
            "n=0; while :; do n=$((n+1)); echo \"step $n  loss 0.0$((RANDOM % 90))\"; sleep 1; done\n",
        ),
    ];
    let long = write_app(&cluster.path("train"), &files);
    cluster.create_app(&long);
    for _ in 0..3 {
        cluster.lp(&["task", "create", "-a", "train"]).ok();
    }
}

const FAILING: &str = r#"{"actions": [
    {"name": "extract", "main": "sh -c 'echo reading 18233 rows' #"},
    {"name": "transform", "condition": ["extract"], "main": "sh -c 'echo 18233 rows' #"},
    {"name": "load", "condition": ["transform"], "main": "sh work.sh", "retry": {"attempts": 2, "delay": 0.1}}
]}"#;

fn failing(cluster: &Cluster) {
    let files =
        [("configuration.json", FAILING), ("work.sh", "echo \"ValueError: column 'id' missing\"; exit 1\n")];
    let directory = write_app(&cluster.path("nightly-etl"), &files);
    cluster.create_app(&directory);
    for day in ["2026-11-21", "2026-11-22"] {
        let name = format!("run of {day}");
        cluster.lp(&["task", "create", "-a", "nightly-etl", "-n", &name, "--wait"]);
    }
}

fn standing(cluster: &Cluster) {
    let definition = json!({"applications": [
        {"name": "greet", "app": "hello", "input": {"name": "workflow"}},
        {"name": "count", "app": "fanout", "condition": ["greet"]},
        {"name": "load", "app": "nightly-etl", "condition": ["greet"]},
        {"name": "report", "app": "hello", "condition": ["count", "load"]},
    ]});
    let path = cluster.path("workflow.json");
    std::fs::write(&path, definition.to_string()).unwrap();
    cluster
        .lp(&[
            "workflow",
            "create",
            "-c",
            path.to_str().unwrap(),
            "-n",
            "orders-to-report",
            "-d",
            "Counts and loads",
        ])
        .ok();
    cluster.lp(&["work", "create", "-w", "orders-to-report", "-n", "orders of 2026-11-22", "--wait"]);
    let cron = ["--cron", "40 12 * * 1-5", "--tz", "Europe/Berlin", "-e"];
    cluster.lp(&[&["schedule", "create", "-n", "every-weekday", "-a", "hello"], &cron[..]].concat()).ok();
    cluster.lp(&["schedule", "create", "-n", "orders", "-w", "orders-to-report", "-H", "6"]).ok();
    for _ in 0..2 {
        cluster.lp(&["schedule", "trigger", "every-weekday"]).ok();
    }
    let files = [
        ("configuration.json", r#"{"actions": [{"name": "serve", "main": "sh serve.sh"}]}"#),
        ("serve.sh", "echo listening on 8080; exec sleep 600\n"),
    ];
    let server = write_app(&cluster.path("server"), &files);
    cluster.create_app(&server);
    cluster.lp(&["service", "create", "-n", "web", "-a", "server", "-d", "The shop's front", "-e"]).ok();
    for (name, role) in [("dashboard", "reader"), ("ci", "administrator")] {
        cluster.lp(&["token", "create", name, "--role", role, "--expire-after", "30d"]).ok();
    }
    cluster.lp(&["service", "create", "-n", "broken", "-a", "nightly-etl", "--delay", "60s", "-e"]).ok();
}
