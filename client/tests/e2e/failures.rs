//! What goes wrong is told in one clear sentence, with the right exit code, and `lp why` tells what a task waits for.

use std::fs;
use std::path::PathBuf;

use crate::common::{Cluster, example, write_app};

fn app(cluster: &Cluster, name: &str, manifest: &str) -> PathBuf {
    write_app(&cluster.path(name), &[("configuration.json", manifest)])
}

#[test]
fn a_bad_package_is_refused_with_the_reason() {
    let cluster = Cluster::up();
    let file = |name: &str, bytes: &[u8]| {
        let path = cluster.path(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let cyclic = r#"{"actions": [{"name": "pack", "main": "x", "condition": ["sign"]}, {"name": "sign", "main": "x", "condition": ["pack"]}]}"#;
    let unknown = r#"{"actions": [{"name": "a", "main": "x", "condition": ["b"]}]}"#;

    for (path, sentence) in [
        (file("text.zip", b"hello"), "text.zip: cannot recognise the archive"),
        (file("cut.tar.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2]), "the archive ends too early"),
        (write_app(&cluster.path("none"), &[("a.sh", "true")]), "configuration.json"),
        (app(&cluster, "broken", r#"{"actions": ["#), "configuration.json: line 1"),
        (app(&cluster, "cyclic", cyclic), "the action `pack` waits for itself: pack -> sign -> pack"),
        (app(&cluster, "unknown", unknown), "action `a`: `condition` names the unknown action `b`"),
    ] {
        let ran = cluster.lp(&["app", "create", "-f", path.to_str().unwrap()]).ends_with(5);
        let error = ran.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        assert!(error.contains(sentence), "{}: {}", path.display(), ran.stderr);
    }
    assert_eq!(cluster.lp(&["app", "list", "-r"]).ok().json(), serde_json::json!([]));
}

#[test]
fn what_does_not_exist_is_not_found() {
    let cluster = Cluster::up();

    for arguments in [
        &["task", "info", "00000000-0000-4000-8000-000000000000"][..],
        &["task", "info", "abcd1234"],
        &["task", "info", "@last"],
        &["logs", "abcd1234"],
        &["why", "abcd1234"],
        &["app", "info", "nothing"],
        &["task", "create", "-a", "nothing"],
        &["venv", "delete", "nothing", "--yes"],
        &["node", "info", "nothing"],
    ] {
        let ran = cluster.lp(arguments).ends_with(3);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        assert!(ran.stderr.starts_with("error: there is no "), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn a_dead_manager_is_unreachable_and_named() {
    let mut cluster = Cluster::up();
    cluster.kill_up();

    let ran = cluster.lp(&["task", "list"]).ends_with(7);

    assert!(ran.stderr.starts_with("error: cannot reach the manager at http://127.0.0.1:"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
}

#[test]
fn a_wrong_token_is_not_allowed() {
    let cluster = Cluster::up();

    cluster.lp(&["--token", "lpt_wrong", "status"]).ends_with(4);
}

#[test]
fn inputs_that_are_no_objects_and_conflicts_are_five() {
    let cluster = Cluster::up();
    cluster.create_app(&example("hello"));

    for arguments in [
        &["task", "create", "-a", "hello", "-i", "{bad"][..],
        &["task", "create", "-a", "hello", "-i", "[1]"],
        &["app", "create", "-f", example("hello").to_str().unwrap()],
    ] {
        cluster.lp(arguments).ends_with(5).says("error: ");
    }
    cluster.succeed("hello", "{}");
    cluster.lp(&["task", "stop", "@last"]).ends_with(5);
}

#[test]
fn a_failed_task_tells_why_and_its_wait_is_one() {
    let cluster = Cluster::up();
    let manifest = r#"{"actions": [{"name": "a", "main": "sh -c 'echo sorry; exit 3' #"}, {"name": "b", "main": "true", "condition": ["a"]}]}"#;
    cluster.create_app(&app(&cluster, "sad", manifest));

    cluster.lp(&["task", "create", "-a", "sad", "--wait"]).ends_with(1);
    cluster.lp(&["task", "wait", "@last"]).ends_with(1);

    let task = cluster.lp(&["task", "info", "@last", "-r"]).ok().json();
    assert_eq!((&task["status"], &task["actions"][1]["status"]), (&"fail".into(), &"skipped".into()));
    let why = cluster.lp(&["why", "@last"]).ok();
    assert!(why.text().contains("exit code 3"), "{}", why.stdout);
}

#[test]
fn a_program_that_cannot_be_started_is_told_from_one_that_failed() {
    let cluster = Cluster::up();
    let manifest = r#"{"actions": [{"name": "a", "main": "./missing.sh"}]}"#;
    cluster.create_app(&app(&cluster, "gone", manifest));

    cluster.lp(&["task", "create", "-a", "gone", "--wait"]).ends_with(1);

    let task = cluster.lp(&["task", "info", "@last", "-r"]).ok().json();
    assert_eq!(task["actions"][0]["attempts"][0]["exit"]["kind"], "not_started", "{task:#}");
    let why = cluster.lp(&["why", "@last"]).ok();
    assert!(why.text().contains("missing.sh"), "{}", why.stdout);
}

#[test]
fn why_names_the_full_node_the_missing_one_and_the_dependency() {
    let cluster = Cluster::up_with(&["--slots", "1"]);
    let fifo = cluster.path("gate");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let holds = format!(
        r#"{{"actions": [{{"name": "hold", "main": ["cat", "{}"]}}, {{"name": "after", "main": "true", "condition": ["hold"]}}]}}"#,
        fifo.display()
    );
    cluster.create_app(&app(&cluster, "holds", &holds));
    let large = r#"{"actions": [{"name": "a", "main": "true", "resources": {"memory": "4000TiB"}}]}"#;
    cluster.create_app(&app(&cluster, "large", large));
    let foreign = r#"{"actions": [{"name": "a", "main": "true", "target_env": {"platform": "vax"}}]}"#;
    cluster.create_app(&app(&cluster, "foreign", foreign));
    cluster.create_app(&example("hello"));
    let create = |app: &str| cluster.lp(&["task", "create", "-a", app, "-o", "name"]).ok().text().to_owned();

    let running = create("holds");
    // opening it for writing returns when the program has opened it for reading
    let gate = fs::OpenOptions::new().write(true).open(&fifo).unwrap();
    let waiting = create("hello");
    let why = |task: &str| cluster.lp(&["why", task]).ok().stdout;

    assert!(why(&running).contains("hold"), "{}", why(&running));
    assert!(why(&waiting).contains("slot"), "{}", why(&waiting));
    assert!(why(&create("large")).contains("memory"), "{}", why("@last"));
    assert!(why(&create("foreign")).contains("vax"), "{}", why("@last"));
    cluster.lp(&["task", "wait", &waiting, "--timeout", "100ms"]).ends_with(6);
    drop(gate);
    cluster.lp(&["task", "wait", &running, &waiting]).ok();
}
