//! End to end: the real binary as manager, node and command line, real applications, real processes.

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
mod versions;
mod workspaces;
