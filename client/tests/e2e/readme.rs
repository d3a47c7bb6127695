//! The README's five minutes work as they are written.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::common::{Cluster, repository, run};

/// The command lines of a section, without those that have to be filled in.
fn commands(section: &str) -> Vec<String> {
    let text = fs::read_to_string(repository().join("README.md")).unwrap();
    let (_, section) = text.split_once(&format!("\n## {section}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```").skip(1).step_by(2);
    blocks
        .flat_map(str::lines)
        .filter(|line| !line.is_empty() && !line.contains("..."))
        .map(str::to_owned)
        .collect()
}

#[test]
fn five_minutes() {
    let cluster = Cluster::as_installed();
    symlink(repository().join("examples"), cluster.path("examples")).unwrap();
    symlink(env!("CARGO_BIN_EXE_lp"), cluster.path("lp")).unwrap();
    let lines = commands("Five minutes");
    assert!(lines.len() > 25, "{lines:#?}");

    let mut failed = Vec::new();
    for line in &lines {
        let lp = cluster.command(&[]);
        let mut bash = Command::new("bash");
        bash.env_clear().envs(lp.get_envs().filter_map(|(name, value)| Some((name, value?))));
        bash.current_dir(cluster.path("")).arg("-c").arg(format!("lp() {{ ./lp \"$@\"; }}; {line}"));
        let ran = run(&mut bash, "");
        if ran.code != 0 {
            failed.push((line.as_str(), ran));
        }
    }

    // the application is broken on purpose and repaired afterwards
    let lines: Vec<_> = failed.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, ["lp task create -a broken --wait"], "{failed:#?}");
}
