//! The node: runs actions on this machine for a manager, and forgets nothing when it is killed.
//!
//! * [`config`]: its settings · [`service`]: from start to end · `supervisor`: the process that outlives it
//! * `link`, `streams`, `http`, `credential`: how it speaks with its manager · `outbox`, `journal`: what it must not forget
//! * `runner`: decides and makes happen · `capacity`, `cache`, `docker`, `packages`, `logs`, `workspaces`, `timer`: what that needs

#![warn(clippy::unwrap_used)]

mod cache;
mod capacity;
mod cgroups;
mod clock;
pub mod config;
mod credential;
mod data;
mod docker;
mod envs;
mod gpus;
mod http;
mod isolation;
mod journal;
mod link;
mod logs;
mod outbox;
mod packages;
mod runner;
pub mod service;
mod streams;
mod supervisor;
mod sync;
mod timer;
mod workspaces;

pub use config::Config;
pub use docker::shim_main;
pub use service::{Error, run};
pub use supervisor::main as supervisor_main;
