//! End to end: the real binary as manager, node and command line, real applications, real processes.

mod bad_apps;
mod bad_workflows;
mod bench;
#[path = "../common/mod.rs"]
mod common;
mod containers;
mod control;
mod environments;
mod examples;
mod failures;
mod litepipeline;
mod locks;
mod log_times;
mod logs;
mod nodes;
mod parts;
mod readme;
mod resources;
mod restarts;
mod standing;
mod stops;
mod tokens;
mod uploads;
mod venv;
mod versions;
mod weaknesses;
mod works;
mod workspaces;
