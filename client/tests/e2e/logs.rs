//! Output is seen while it is written, and afterwards.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::common::{Cluster, write_app};

/// Prints a time of the clock for each line that comes through the gate.
const STAMPS: &str = "#!/bin/sh\nwhile read -r line; do date +%s%N; done < \"$GATE\"\n";

#[test]
fn a_follower_sees_each_line_within_a_quarter_of_a_second() {
    let cluster = Cluster::up();
    let gate = cluster.path("gate");
    nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let manifest = format!(
        r#"{{"actions": [{{"name": "a", "main": "./a.sh", "environ": {{"GATE": "{}"}}}}]}}"#,
        gate.display()
    );
    cluster.create_app(&write_app(
        &cluster.path("stamps"),
        &[("configuration.json", &manifest), ("a.sh", STAMPS)],
    ));
    cluster.lp(&["task", "create", "-a", "stamps"]).ok();
    let mut followed = cluster.watch(&["logs", "@last", "a", "-f"]);

    let mut gate = OpenOptions::new().write(true).open(&gate).unwrap();
    let mut delays = Vec::new();
    for _ in 0..20 {
        gate.write_all(b"go\n").unwrap();
        let line = followed.line().expect("the action still runs");
        let written = Duration::from_nanos(line.trim().parse().unwrap());
        delays.push(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().saturating_sub(written));
    }
    drop(gate);

    delays.sort();
    // the median: this machine runs other tests at the same time
    assert!(delays[delays.len() / 2] < Duration::from_millis(250), "{delays:?}");
    assert_eq!(followed.line(), None, "it ends with the task");
    assert_eq!(followed.code(), 0);
}

#[test]
fn long_output_is_the_same_during_and_after_the_run() {
    let cluster = Cluster::up();
    let script = "#!/bin/sh\nseq 1 200000\n";
    let manifest = r#"{"actions": [{"name": "a", "main": "./a.sh"}]}"#;
    cluster
        .create_app(&write_app(&cluster.path("long"), &[("configuration.json", manifest), ("a.sh", script)]));
    let expected: String = (1..=200_000).map(|number| format!("{number}\n")).collect();
    cluster.lp(&["task", "create", "-a", "long"]).ok();

    let followed = cluster.lp(&["logs", "@last", "a", "-f"]).ok();
    let later = cluster.lp(&["logs", "@last", "a"]).ok();
    let end = cluster.lp(&["logs", "@last", "a", "--tail", "2"]).ok();

    assert!(followed.stdout == expected, "{} bytes of {}", followed.stdout.len(), expected.len());
    assert!(later.stdout == expected, "{} bytes of {}", later.stdout.len(), expected.len());
    assert_eq!(end.stdout, "199999\n200000\n");
}
