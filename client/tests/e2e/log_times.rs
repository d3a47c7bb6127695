//! When lines were written is told while their program runs, and afterwards.

use std::fs::OpenOptions;
use std::io::Write as _;

use chrono::{DateTime, TimeDelta, Utc};

use crate::common::{Cluster, write_app};

/// Prints each line that comes through the gate, and then pauses.
const PACED: &str = "#!/bin/sh\nwhile read -r line; do echo \"$line\"; sleep 0.3; done < \"$GATE\"\n";

/// The clock of a file system has ticks.
const TICK: TimeDelta = TimeDelta::milliseconds(20);

fn stamped(line: &str) -> (DateTime<Utc>, &str) {
    let (stamp, text) = line.trim_end().split_once(' ').unwrap_or_else(|| panic!("no time: {line}"));
    (stamp.parse().unwrap_or_else(|error| panic!("{error}: {line}")), text)
}

#[test]
fn a_line_has_the_time_it_was_written_at_while_its_program_runs_and_after() {
    let cluster = Cluster::up();
    let gate = cluster.path("gate");
    nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let manifest = format!(
        r#"{{"actions": [{{"name": "a", "main": "./a.sh", "environ": {{"GATE": "{}"}}}}]}}"#,
        gate.display()
    );
    cluster.create_app(&write_app(
        &cluster.path("paced"),
        &[("configuration.json", &manifest), ("a.sh", PACED)],
    ));
    cluster.lp(&["task", "create", "-a", "paced"]).ok();
    let mut followed = cluster.watch(&["logs", "@last", "a", "-f", "--timestamps"]);

    let mut gate = OpenOptions::new().write(true).open(&gate).unwrap();
    let mut bounds = Vec::new();
    for number in 0..4 {
        let before = Utc::now();
        writeln!(gate, "line {number}").unwrap();
        let line = followed.line().expect("the action still runs");
        let (live, text) = stamped(&line);
        assert_eq!(text, format!("line {number}"));
        assert!(before - TICK <= live && live <= Utc::now(), "{before} {live}");
        bounds.push((before - TICK, Utc::now()));
    }
    drop(gate);
    assert_eq!((followed.line(), followed.code()), (None, 0));

    let later = cluster.lp(&["logs", "@last", "a", "-T"]).ok();
    let stamps: Vec<_> = later.stdout.lines().map(|line| stamped(line).0).collect();
    assert!(stamps.len() == 4 && stamps.is_sorted(), "{}", later.stdout);
    for (number, stamp) in stamps.iter().enumerate() {
        // on a machine that is very busy a line may be looked at together with the next one
        let seen = bounds[(number + 1).min(3)].1;
        assert!(bounds[number].0 <= *stamp && *stamp <= seen, "line {number} at {stamp}: {bounds:?}");
    }
}
