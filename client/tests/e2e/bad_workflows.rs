//! Bad workflows harm nobody: each is refused with one sentence, or its work ends with a reason, and an innocent task that is submitted beside
//! it is finished within seconds. What jammed all works of a LitePipeline cluster is said behind it.

use std::fs;

use crate::common::{Cluster, example, write_app};

const REFUSED: &[(&str, &str, &str)] = &[
    ("no applications", "{}", "`applications` is missing"), // jam of all works
    ("no application", r#"{"applications": []}"#, "at least one application"),
    (
        "unknown application",
        r#"{"applications": [{"name": "a", "app": "nobody", "condition": []}]}"#,
        "nobody",
    ), // ran for ever
    (
        "cycle",
        r#"{"applications": [{"name": "a", "app": "hello", "condition": ["b"]}, {"name": "b", "app": "hello", "condition": ["a"]}]}"#,
        "a -> b -> a",
    ), // ran for ever
    (
        "unknown condition",
        r#"{"applications": [{"name": "a", "app": "hello", "condition": ["b"]}]}"#,
        "unknown application `b`",
    ),
    (
        "a name twice",
        r#"{"applications": [{"name": "a", "app": "hello"}, {"name": "a", "app": "hello"}]}"#,
        "already taken",
    ),
    ("a reserved name", r#"{"applications": [{"name": "fail", "app": "hello"}]}"#, "reserved"),
    (
        "a name that is a path",
        r#"{"applications": [{"name": "../a", "app": "hello"}]}"#,
        "must not contain `/`",
    ),
    ("no name", r#"{"applications": [{"app": "hello"}]}"#, "`name` is missing"),
    ("which application", r#"{"applications": [{"name": "a"}]}"#, "`app`"),
    (
        "input no object",
        r#"{"applications": [{"name": "a", "app": "hello", "input": [1]}]}"#,
        "`input` must be an object",
    ),
    (
        "a version that is not there",
        r#"{"applications": [{"name": "a", "app": "hello", "version": 99}]}"#,
        "99",
    ),
    (
        "an event that is unknown",
        r#"{"applications": [{"name": "a", "app": "hello"}], "event_applications": {"fail": {"app": "nobody"}}}"#,
        "nobody",
    ),
    ("no JSON and no YAML", "{\"applications\": [", "line 1"),
];

#[test]
fn what_is_bad_is_refused_at_creation_and_an_innocent_task_runs() {
    let cluster = Cluster::up();
    cluster.create_app(&example("hello"));
    for (number, (kind, definition, sentence)) in REFUSED.iter().enumerate() {
        let path = cluster.path(&format!("bad{number}.json"));
        fs::write(&path, definition).unwrap();

        let ran = cluster.lp(&["workflow", "create", "-n", "bad", "-c", path.to_str().unwrap()]);

        assert!(ran.code == 5 || ran.code == 3, "{kind}: {}{}", ran.stdout, ran.stderr);
        let error = ran.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        assert!(error.contains(sentence), "{kind}: {error}");
        cluster.succeed("hello", "{}");
    }
    assert_eq!(cluster.lp(&["workflow", "list", "-r"]).ok().json(), serde_json::json!([]));
}

#[test]
fn applications_that_leave_nothing_or_fail_end_their_work_and_an_innocent_task_runs() {
    let cluster = Cluster::up();
    cluster.create_app(&example("hello"));
    let action =
        |main: &str| format!(r#"{{"actions": [{{"name": "a", "main": "{main}"}}], "output_action": "a"}}"#);
    cluster.create_app(&write_app(&cluster.path("silent"), &[("configuration.json", &action("true"))]));
    cluster.create_app(&write_app(&cluster.path("broken"), &[("configuration.json", &action("false"))]));
    for (name, applications, status) in [
        // ran for ever
        (
            "nothing is left",
            r#"[{"name": "a", "app": "silent"}, {"name": "b", "app": "hello", "condition": ["a"]}]"#,
            "success",
        ),
        // finished while the second still ran
        ("two roots", r#"[{"name": "a", "app": "silent"}, {"name": "b", "app": "hello"}]"#, "success"),
        (
            "one fails",
            r#"[{"name": "a", "app": "broken"}, {"name": "b", "app": "hello", "condition": ["a"]}, {"name": "c", "app": "hello"}]"#,
            "fail",
        ),
    ] {
        let path = cluster.path("workflow.json");
        fs::write(&path, format!(r#"{{"applications": {applications}}}"#)).unwrap();
        cluster.lp(&["workflow", "create", "-n", name, "-c", path.to_str().unwrap()]).ok();

        let code = i32::from(status != "success");
        cluster.lp(&["work", "create", "-w", name, "--wait"]).ends_with(code);
        cluster.succeed("hello", "{}");

        let work = cluster.lp(&["work", "info", "@last", "-r"]).ok().json();
        assert_eq!((&work["stage"], &work["status"]), (&"finished".into(), &status.into()), "{name}");
    }
}
