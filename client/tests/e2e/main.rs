//! End to end: the real binary as manager, node and command line, real applications, real processes.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod bench;
#[path = "../common/mod.rs"]
mod common;
mod examples;
mod failures;
mod litepipeline;
mod logs;
mod readme;
mod restarts;
mod stops;
mod venv;
mod workspaces;
