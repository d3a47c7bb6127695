//! The commands, one file per noun: its flags and the code that obeys them.

pub(crate) mod app;
mod app_history;
mod args;
pub(crate) mod completions;
mod confirm;
mod diff;
mod dispatch;
mod download;
pub(crate) mod gc;
mod history;
mod input;
pub(crate) mod logs;
pub(crate) mod node;
mod package;
pub(crate) mod schedule;
pub(crate) mod service;
mod session;
mod status;
pub(crate) mod task;
mod task_report;
pub(crate) mod venv;
pub(crate) mod venv_build;
mod venv_doctor;
mod venv_history;
mod venv_pack;
mod version;
mod why;
pub(crate) mod work;
pub(crate) mod workflow;
pub(crate) mod workspace;

pub(crate) use dispatch::run;
pub(crate) use session::Session;
