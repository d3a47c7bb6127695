//! How a part of `lp` (manager, node, viewer) gets its configuration: a YAML file, `LP_*` variables over it, flags over both.
//!
//! * [`Part`]: the keys a part has, and the laying over · [`Error`]: what is wrong, with its place · [`de`]: durations and sizes as people
//!   write them · [`Secret`]: a text no log shows
//!
//! A key nobody knows is refused with a guess at what was meant, because a misspelt limit that is silently ignored is found out in
//! production. What the keys mean is the parts' own business ([ADR 12](../../docs/adr/0012-a-crate-for-settings.md)).

#![warn(clippy::unwrap_used)]

pub mod de;
mod error;
mod layers;
mod nearest;
mod secret;
mod text;

pub use error::Error;
pub use layers::{Layers, Loaded, Part};
pub use secret::Secret;
pub use text::Kind;
