//! The manager: stores packages, owns all state, decides, dispatches.

#![warn(clippy::unwrap_used)]

mod auth;
mod blobs;
mod clock;
pub mod config;
pub mod core;
pub mod engine;
mod http;
mod link;
mod log_times;
mod logs;
mod retention;
pub mod run;
pub mod store;
mod sweep;

pub use config::Config;
pub use run::{Error, Ready, run};
