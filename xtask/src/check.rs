//! `cargo xtask check`: what must hold before a commit and needs no run of the tests.

use std::process::Command;

use anyhow::Result;

use crate::command::{self, cargo, find, root};
use crate::needs;

pub(crate) fn run() -> Result<()> {
    needs::compiler()?;
    command::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    command::run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
    command::run(doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    if is_usable("cargo-deny", "deny.toml") {
        command::run(&mut cargo(&["deny", "check"]))?;
    }
    if is_usable("typos", "typos.toml") {
        command::run(Command::new("typos").current_dir(root()))?;
    }
    Ok(())
}

/// True where an optional tool is installed and the repository says how it is used.
fn is_usable(tool: &str, config: &str) -> bool {
    let usable = find(tool).is_some() && root().join(config).exists();
    if !usable {
        eprintln!("({tool} is left out: not installed, or there is no {config})");
    }
    usable
}
