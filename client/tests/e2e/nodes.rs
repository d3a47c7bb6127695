//! Nodes with labels, drained and removed, with real processes.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};

use nix::sys::stat::Mode;
use serde_json::Value;

use crate::common::{Cluster, Part, write_app};

/// Begins, waits for its gate, and says where it has run.
const GATED: &str = "#!/bin/sh\ncat \"$GATE\"\necho $LP_NODE_ID >> \"$RAN\"\n";

/// A manager and two nodes, the second with labels.
struct Two {
    cluster: Cluster,
    second: Option<Part>,
}

impl Two {
    fn start(slots: u32) -> Self {
        let cluster = Cluster::apart(slots);
        let mut two = Self { cluster, second: None };
        two.wait_for(1);
        let token = two.cluster.lp(&["node", "token", "-q"]).ok().text().to_owned();
        two.start_second(&token, slots);
        two.wait_for(2);
        two
    }

    fn start_second(&mut self, token: &str, slots: u32) {
        let slots = slots.to_string();
        let address = self.address();
        let mut command = self.cluster.command(&["node", "--name", "second", "--log-level", "warn"]);
        command.args([
            "--manager",
            &address,
            "--slots",
            &slots,
            "--label",
            "gpu=a100",
            "--label",
            "note=a,b=c",
        ]);
        command.arg("--data").arg(self.cluster.path("second")).env("LP_JOIN_TOKEN", token);
        self.second = Some(Part::start(&mut command));
    }

    fn address(&self) -> String {
        let text = fs::read_to_string(self.cluster.context()).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["manager"].as_str().unwrap().to_owned()
    }

    /// Waits until so many nodes are connected; a task that waits for its end is no way here, for nothing might run it.
    fn wait_for(&self, nodes: u64) {
        let begin = std::time::Instant::now();
        while self.cluster.lp(&["status", "-r"]).ok().json()["nodes_connected"] != nodes {
            assert!(begin.elapsed() < crate::common::PATIENCE, "the nodes do not come");
        }
    }

    fn node(&self, name: &str) -> Value {
        self.cluster.lp(&["node", "info", name, "-r"]).ok().json()
    }

    fn gated(&self) {
        nix::unistd::mkfifo(&self.cluster.path("gate"), Mode::S_IRWXU).unwrap();
        let manifest = format!(
            r#"{{"actions": [{{"name": "a", "main": "./a.sh", "environ": {{"GATE": "{}", "RAN": "{}"}},
                "target_env": {{"labels": {{"gpu": ["a100", "h100"]}}}}}}]}}"#,
            self.cluster.path("gate").display(),
            self.cluster.path("ran").display()
        );
        let files = [("configuration.json", manifest.as_str()), ("a.sh", GATED)];
        self.cluster.create_app(&write_app(&self.cluster.path("gated"), &files));
    }
}

#[test]
fn a_labelled_node_gets_what_asks_for_it_is_drained_and_removed() {
    let mut two = Two::start(2);
    two.gated();
    assert_eq!(two.node("second")["facts"]["labels"], serde_json::json!({"gpu": "a100", "note": "a,b=c"}));
    let listed = two.cluster.lp(&["node", "list"]).ok();
    assert!(listed.stdout.contains("gpu=a100"), "{}", listed.stdout);
    let task = two.cluster.lp(&["task", "create", "-a", "gated", "-o", "name"]).ok().text().to_owned();
    // opening it for writing returns when the program has opened it for reading
    let gate = OpenOptions::new().write(true).open(two.cluster.path("gate")).unwrap();

    two.cluster.lp(&["node", "remove", "second", "-y"]).ends_with(5).says("is connected and not drained");
    two.cluster.lp(&["node", "drain", "second"]).ok().says("is draining");
    two.cluster.lp(&["node", "remove", "second", "-y"]).ends_with(5).says("still has an action with it");
    let late = two.cluster.lp(&["task", "create", "-a", "gated", "-o", "name"]).ok().text().to_owned();
    let why = two.cluster.lp(&["why", &late]).ok();
    assert!(why.stdout.contains("the nodes that suit it are drained: second"), "{}", why.stdout);
    drop(gate);
    two.cluster.lp(&["task", "wait", &task]).ok();
    assert_eq!(fs::read_to_string(two.cluster.path("ran")).unwrap().lines().count(), 1);
    assert_eq!(two.node("second")["drain"]["drained"], true);

    two.cluster.lp(&["node", "remove", "second", "-y"]).ok().says("removed the node second");

    let mut second = two.second.take().unwrap();
    assert_eq!(second.wait(), Some(4), "{}", second.said());
    let credential = two.cluster.path("second").join("credential.json");
    for part in [
        "this node was removed from the manager",
        "lp node token",
        "LP_JOIN_TOKEN",
        &credential.display().to_string(),
    ] {
        assert!(second.said().contains(part), "{part} is not in:\n{}", second.said());
    }
    two.start_second("", 2);
    let mut second = two.second.take().unwrap();
    assert_eq!(second.wait(), Some(4), "{}", second.said());
    assert!(second.said().contains("LP_JOIN_TOKEN"), "{}", second.said());
    let task = two.cluster.lp(&["task", "info", &late, "-r"]).ok().json();
    assert_eq!(task["stage"], "pending");
}

#[test]
fn a_deadline_and_a_forced_removal_give_what_runs_to_others() {
    let mut two = Two::start(1);
    nix::unistd::mkfifo(&two.cluster.path("gate"), Mode::S_IRWXU).unwrap();
    let manifest = r#"{"actions": [{"name": "a", "main": ["./a.sh"], "grace": 1}]}"#;
    let program = format!(
        "#!/bin/sh\necho $LP_NODE_ID >> {}\nexec cat {}\n",
        two.cluster.path("ran").display(),
        two.cluster.path("gate").display()
    );
    let files = [("configuration.json", manifest), ("a.sh", program.as_str())];
    two.cluster.create_app(&write_app(&two.cluster.path("app"), &files));
    let input = r#"{"target_env": {"a": {"labels": {"gpu": "a100"}}}}"#;
    two.cluster
        .lp(&["task", "create", "-a", "app", "-i", r#"{"target_env": {"b": {}}}"#])
        .ends_with(5)
        .says("unknown action `b`");
    let picky =
        two.cluster.lp(&["task", "create", "-a", "app", "-i", input, "-o", "name"]).ok().text().to_owned();
    let gate = OpenOptions::new().write(true).open(two.cluster.path("gate")).unwrap();
    drop(OpenOptions::new().write(true).open(two.cluster.path("gate")));

    // it has nowhere else to go, and it goes there again for nothing
    two.cluster.lp(&["node", "drain", "second", "--deadline", "0s"]).ok();
    assert!(two.node("second")["drain"]["deadline"].is_string());
    let begin = std::time::Instant::now();
    while two.node("second")["drain"]["drained"] != true {
        assert!(begin.elapsed() < crate::common::PATIENCE, "{:?}", two.node("second"));
    }
    let attempts = |task: &str| {
        two.cluster.lp(&["task", "info", task, "-r"]).ok().json()["actions"][0]["attempts"].clone()
    };
    assert_eq!(attempts(&picky)[0]["exit"]["kind"], "drained", "{}", attempts(&picky));
    // before the next attempt can open the gate, which would then be at its end
    drop(gate);
    two.cluster.lp(&["node", "undrain", "second"]).ok();
    let gate = OpenOptions::new().write(true).open(two.cluster.path("gate")).unwrap();

    two.cluster.lp(&["node", "remove", "second", "--force", "-y"]).ok();

    let mut second = two.second.take().unwrap();
    assert_eq!(second.wait(), Some(4), "{}", second.said());
    assert_eq!(attempts(&picky)[1]["exit"]["kind"], "lost", "{}", attempts(&picky));
    // its program was stopped: nobody reads the gate any more
    drop(gate);
    let alone = nix::fcntl::open(
        &two.cluster.path("gate"),
        nix::fcntl::OFlag::O_WRONLY | nix::fcntl::OFlag::O_NONBLOCK,
        Mode::empty(),
    );
    assert_eq!(alone.unwrap_err(), nix::errno::Errno::ENXIO);
    let ran = fs::read_to_string(two.cluster.path("ran")).unwrap();
    assert_eq!(ran.lines().count(), 2, "{ran}");
}

#[test]
fn a_hundred_equal_actions_on_two_equal_nodes_end_evenly() {
    let two = Two::start(4);
    let manifest = format!(
        r#"{{"actions": [{{"name": "a", "main": ["sh", "-c", "sleep 0.2; echo $LP_NODE_ID >> {}"]}}]}}"#,
        two.cluster.path("ran").display()
    );
    two.cluster.create_app(&write_app(&two.cluster.path("app"), &[("configuration.json", &manifest)]));
    let lines = "{}\n".repeat(100);

    let created =
        two.cluster.lp_with_input(&["task", "create", "-a", "app", "--each", "-", "-o", "name"], &lines).ok();
    let tasks: Vec<&str> = created.text().lines().collect();
    two.cluster.lp(&[&["task", "wait"], tasks.as_slice()].concat()).ok();

    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for line in fs::read_to_string(two.cluster.path("ran")).unwrap().lines() {
        *counts.entry(line.to_owned()).or_default() += 1;
    }
    assert_eq!(counts.values().sum::<u32>(), 100, "{counts:?}");
    assert!(counts.len() == 2 && counts.values().all(|count| (45..=55).contains(count)), "{counts:?}");
}
