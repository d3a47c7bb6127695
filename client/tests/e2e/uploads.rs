//! Large packages over connections and managers that do not last.

use std::fs;
use std::thread;

use lp_package::Digest;
use serde_json::json;

use crate::common::gate::Gate;
use crate::common::{Cluster, large_archive, run};

const SIZE: usize = 30 << 20;

#[test]
fn an_upload_goes_on_after_its_connection_was_cut_and_its_manager_killed() {
    let mut cluster = Cluster::empty();
    cluster.start_manager();
    let archive = large_archive(&cluster.path("."), "large", SIZE);
    let gate = Gate::before(port_of(&cluster));
    let mut create = cluster.command(&["app", "create", "-f", archive.to_str().unwrap(), "-r"]);
    create.env("LP_CONTEXT", context(&cluster, &gate));

    gate.allow(12 << 20);
    let creating = thread::spawn(move || run(&mut create, ""));
    gate.wait_for(12 << 20);
    let mut passed = gate.passed();
    cluster.kill_manager();
    cluster.start_manager();
    gate.allow(8 << 20);
    gate.wait_for(8 << 20);
    passed += gate.passed();
    gate.shut();
    gate.allow(u64::MAX);
    gate.open();
    let created = creating.join().unwrap().ok().says("interrupted");
    passed += gate.passed();

    let app: serde_json::Value = serde_json::from_str(&created.stdout).unwrap();
    let bytes = fs::read(&archive).unwrap();
    assert_eq!(app["version"]["digest"], Digest::of(&bytes).to_string());
    // what was on its way when it broke is sent twice, and nothing else
    let size = bytes.len() as u64;
    assert!(passed < size + (8 << 20), "{passed} bytes were sent for {size}");
    let unfinished = fs::read_dir(cluster.path("manager/blobs/uploads")).unwrap();
    let unfinished = unfinished.filter(|file| {
        file.as_ref().is_ok_and(|file| file.path().extension().is_some_and(|ending| ending == "part"))
    });
    assert_eq!(unfinished.count(), 0);
}

fn port_of(cluster: &Cluster) -> u16 {
    let context: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(cluster.context()).unwrap()).unwrap();
    context["manager"].as_str().unwrap().rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap()
}

/// What leads `lp` through the gate.
fn context(cluster: &Cluster, gate: &Gate) -> std::path::PathBuf {
    let mut context: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(cluster.context()).unwrap()).unwrap();
    context["manager"] = json!(gate.url());
    let path = cluster.path("through-the-gate.json");
    fs::write(&path, context.to_string()).unwrap();
    path
}
