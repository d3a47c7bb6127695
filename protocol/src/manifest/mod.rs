//! The manifest: LitePipeline's `configuration.json` and what `lp` adds to it, compiled to a [`crate::plan::Plan`].
//!
//! Pure: bytes in, a plan or one sentence out. What LitePipeline accepted and really ran compiles; what would have made
//! it wait for ever is refused here, at upload, by a message that names the action and the rule. Anything that is
//! merely not understood is a [`Warning`], because old manifests carry keys of their own.

mod action;
mod changes;
mod compile;
mod docker;
mod env;
pub(crate) mod error;
pub(crate) mod fields;
mod generated;
pub(crate) mod grammar;
pub(crate) mod graph;
mod health;
pub(crate) mod json;
pub mod locks;
pub(crate) mod names;
mod overrides;
mod recipe;
mod resources;
mod retry;
mod site;
#[cfg(test)]
mod tests;
pub(crate) mod warning;

pub use changes::changes;
pub use compile::{Options, Parsed, parse};
pub use error::{Error, Place, Position};
pub use generated::{Generated, parse_generated};
pub use graph::find_cycle;
pub use health::parse_health;
pub use overrides::{Strangers, find_target_env, target_overrides};
pub use warning::Warning;

/// Name of the manifest in the root directory of an application.
pub const MANIFEST_NAME: &str = "configuration.json";

/// Longest manifest read, 1 MiB: 10,000 actions of a hundred bytes each, and a bound on what parsing may allocate.
pub const MAX_BYTES: usize = 1 << 20;

/// Most actions of one application; larger fan-outs are made at run time by dynamic actions.
pub const MAX_ACTIONS: usize = 10_000;
