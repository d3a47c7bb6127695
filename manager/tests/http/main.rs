//! The manager through its only door: a real server on a free port, SQLite in a temporary directory, fake nodes where nodes are needed.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod apps;
mod auth;
mod batch;
#[path = "../common/db.rs"]
mod db;
mod environments;
mod events;
mod forms;
mod gc;
mod harness;
mod links;
mod log_times;
mod logs;
mod node;
mod nodes;
mod outline;
mod pieces;
mod schedules;
mod schemas;
mod services;
mod standby;
mod starts;
mod tasks;
mod tokens;
mod uploads;
mod versions;
mod workflows;
mod works;
mod workspaces;
