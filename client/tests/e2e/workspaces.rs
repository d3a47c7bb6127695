//! Workspaces can be listed, downloaded and deleted.

use std::process::Command;

use crate::common::{Cluster, example, run};

#[test]
fn a_workspace_is_listed_downloaded_and_deleted() {
    let cluster = Cluster::as_installed();
    cluster.create_app(&example("hello"));
    let task = cluster.succeed("hello", r#"{"name": "you"}"#);
    let id = task["task_id"].as_str().unwrap();

    let listed = cluster.lp(&["workspace", "list", id, "hello", "-r"]).ok();
    let file =
        cluster.lp(&["workspace", "download", id, "hello", "--file", "output.data", "--output", "-"]).ok();
    cluster.lp(&["workspace", "download", id, "hello"]).ok();
    let mut list = Command::new("tar");
    let archive = run(list.arg("-tzf").arg(cluster.path(&format!("{id}.hello.tar.gz"))), "").ok();
    cluster.lp(&["workspace", "delete", id, "--yes"]).ok();

    for name in ["input.data", "output.data", "stdout.data"] {
        assert!(listed.stdout.contains(name), "{}", listed.stdout);
        assert!(archive.stdout.contains(&format!("{id}.hello/{name}\n")), "{}", archive.stdout);
    }
    assert_eq!(file.text(), r#"{"data": {"greeting": "Hello, you!"}}"#);
    // the log was kept apart from it
    assert!(cluster.lp(&["logs", id]).ok().stdout.contains("Hello, you!"));
}
