//! Containers (ADR 13): an action's program in an image of the machine's Docker engine.
//!
//! To the rest of the node a container is a program like any other: the supervisor starts a *shim*, this same binary, that creates the
//! container, copies its output, passes signals on and ends with its exit code. So logs, stops, timeouts, leases and the adoption after
//! a restart need no second implementation; what a container has more (an engine's refusal, an OOM kill) the shim leaves in a small file.
//!
//! * [`settings`], [`allow`]: what the node's configuration says · [`engine`], [`support`]: whether there is an engine, and its words
//! * [`prepare`], [`pull`], [`auth`]: before an attempt may start · [`create`], [`launch`], [`files`]: what the shim is told and tells
//! * [`shim`]: that process · [`health`]: health commands · [`keep`]: removing what a shim could not, at the end and at the node's start

pub(crate) mod allow;
mod auth;
mod create;
mod engine;
pub(crate) mod files;
pub(crate) mod health;
pub(crate) mod keep;
pub(crate) mod launch;
mod names;
pub(crate) mod prepare;
mod pull;
pub(crate) mod settings;
mod shim;
pub(crate) mod support;

pub use shim::main as shim_main;

/// Tells a shim to kill its container at once. SIGKILL itself cannot be passed on, and this one no program of ours uses.
pub(crate) const KILL_CONTAINER: i32 = nix::sys::signal::Signal::SIGPWR as i32;
