//! Versions and retention: a bad upload is rolled back, a venv is named by version, and what need not be kept goes.

use serde_json::Value;

use crate::common::{Cluster, write_app};

fn app(cluster: &Cluster, says: &str) -> String {
    let files = [
        ("configuration.json", r#"{"actions": [{"name": "say", "main": "./say.sh"}]}"#),
        ("say.sh", &format!("#!/bin/sh\necho {says}\n")),
    ];
    write_app(&cluster.path("app"), &files).display().to_string()
}

fn said(cluster: &Cluster) -> String {
    cluster.succeed("app", "{}");
    cluster.lp(&["logs", "@last"]).ok().stdout
}

#[test]
fn a_bad_upload_is_rolled_back_in_one_command() {
    let cluster = Cluster::up();
    cluster.lp(&["app", "create", "-f", &app(&cluster, "good")]).ok();
    cluster.lp(&["app", "update", "app", "-f", &app(&cluster, "bad"), "-d", "does not work"]).ok();
    assert!(said(&cluster).contains("bad"));
    let task = cluster.lp(&["task", "list", "-o", "name"]).ok().text().to_owned();

    let diff = cluster.lp(&["app", "diff", "app"]).ok();
    assert!(diff.stdout.contains("~ say.sh"), "{}", diff.stdout);
    let back = cluster.lp(&["app", "rollback", "app"]).ok();
    assert_eq!(back.stderr, "the app `app` went from version 2 to version 1\n");
    assert!(said(&cluster).contains("good"));

    let history = cluster.lp(&["app", "history", "list", "app", "-r"]).ok().json();
    let facts = |version: &Value| (version["number"].as_u64().unwrap(), version["active"].as_bool().unwrap());
    assert_eq!(history.as_array().unwrap().iter().map(facts).collect::<Vec<_>>(), [(2, false), (1, true)]);
    assert_eq!(history[0]["description"], "does not work");
    let active = cluster.lp(&["app", "history", "delete", "app", "1", "-y"]).ends_with(5);
    assert!(active.stderr.contains("is the active one"), "{}", active.stderr);
    cluster.lp(&["app", "history", "delete", "app", "2", "-y"]).ok();
    // what it has run can still be told
    assert!(cluster.lp(&["task", "info", &task]).ok().stdout.contains("say"));
    assert!(cluster.lp(&["logs", &task]).ok().stdout.contains("bad"));
    let gone = cluster.lp(&["task", "rerun", &task, "--same-version"]).ends_with(3);
    assert!(gone.stderr.contains("was deleted") && gone.stderr.contains("hint: "), "{}", gone.stderr);
}

#[test]
fn an_action_runs_in_the_version_of_the_venv_it_names() {
    let cluster = Cluster::up();
    let activate = |says: &str| {
        let tool = format!("#!/bin/sh\necho {says}\n");
        let files = [("activate", "# nothing to do\n"), ("tool", tool.as_str())];
        write_app(&cluster.path("libs/bin"), &files);
        cluster.path("libs").display().to_string()
    };
    cluster.lp(&["venv", "create", "-f", &activate("one")]).ok();
    cluster.lp(&["venv", "update", "libs", "-f", &activate("two")]).ok();
    let with_env = |env: &str| {
        let manifest = format!(r#"{{"actions": [{{"name": "a", "main": "tool", "env": "{env}"}}]}}"#);
        write_app(&cluster.path("app"), &[("configuration.json", &manifest)]).display().to_string()
    };

    cluster.lp(&["app", "create", "-f", &with_env("libs@1"), "--strict"]).ok();
    assert!(said(&cluster).contains("one"));
    cluster.lp(&["app", "update", "app", "-f", &with_env("libs")]).ok();
    assert!(said(&cluster).contains("two"));
    cluster.lp(&["venv", "rollback", "libs"]).ok();
    assert!(said(&cluster).contains("one"));

    let update = cluster.lp(&["app", "update", "app", "-f", &with_env("libs@7")]).ok();
    assert!(update.stderr.contains("the venv `libs` has no version 7"), "{}", update.stderr);
    cluster.lp(&["task", "create", "-a", "app", "--wait"]).ends_with(1);
    let why = cluster.lp(&["why", "@last"]).ok();
    assert!(why.stdout.contains("the venv `libs` has no version 7"), "{}", why.stdout);
}

#[test]
fn what_need_not_be_kept_is_previewed_and_goes() {
    let mut cluster = Cluster::empty();
    cluster.set("LP_KEEP_TASKS_COUNT", "1");
    cluster.set("LP_KEEP_VERSIONS", "0");
    cluster.start_apart(1);
    cluster.lp(&["app", "create", "-f", &app(&cluster, "1")]).ok();
    for says in ["2", "3"] {
        cluster.lp(&["app", "update", "app", "-f", &app(&cluster, says)]).ok();
        said(&cluster);
    }

    let preview = cluster.lp(&["gc", "--dry-run", "-r"]).ok().json();
    let counts = |garbage: &Value| -> Vec<u64> {
        garbage["kinds"].as_array().unwrap().iter().map(|kind| kind["count"].as_u64().unwrap()).collect()
    };
    assert_eq!(counts(&preview), [1, 0, 0, 0, 1, 0]);
    let refused = cluster.lp(&["gc"]).ends_with(2);
    assert!(refused.stderr.contains("1 task (") && refused.stderr.contains("--yes"), "{}", refused.stderr);
    assert_eq!(counts(&cluster.lp(&["gc", "-y", "-r"]).ok().json()), counts(&preview));
    assert_eq!(counts(&cluster.lp(&["gc", "-y", "-r"]).ok().json()), [0, 0, 0, 0, 0, 0]);

    assert_eq!(cluster.lp(&["task", "list", "-o", "name"]).ok().text().lines().count(), 1);
    assert_eq!(cluster.lp(&["app", "history", "list", "app", "-o", "name"]).ok().stdout, "3\n2\n");
}
