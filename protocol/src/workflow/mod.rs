//! Workflow definitions: which applications a work runs, in which order, with what input.
//!
//! Pure: text in, a [`Definition`] or one sentence out. LitePipeline's configuration is accepted as it is, as JSON (with comments and
//! trailing commas, as manifests are) or YAML; what would have made a work wait for ever there is refused here. The graph is checked
//! by the same code as that of a manifest. Whether the applications exist is for the manager to say.

mod compile;
mod definition;
mod error;
#[cfg(test)]
mod tests;
mod text;

pub use compile::{Parsed, compile};
pub use definition::{AppName, AppRef, Application, Definition};
pub use error::Error;
pub use text::read;

/// Longest definition read, 1 MiB, as for a manifest.
pub const MAX_BYTES: usize = crate::manifest::MAX_BYTES;

/// Most applications of one workflow: a work keeps the state of each in the manager's memory.
pub const MAX_APPLICATIONS: usize = 1000;
