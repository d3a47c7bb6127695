//! Retention: what is kept of the past by age, number and size, and the removal of the rest.
//!
//! `policy` says what is kept, `collector` walks over what is not, in bounded steps, and either removes it or only counts it: the same walk, so
//! that a preview tells what a removal then does. What is unfinished, active or referred to is never looked at by it; each removal goes through
//! the same door as a person's would and is refused by the same rules.

mod builds;
mod collector;
mod logs;
mod packages;
mod policy;
mod tasks;
mod versions;
mod works;
mod workspaces;

pub(crate) use collector::{Collector, Mode, Parts};
pub(crate) use packages::sweep as sweep_packages;
pub(crate) use policy::Policy;

/// Why a pass ended early; the next one begins anew.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the database cannot be asked")]
    Store(#[from] crate::store::Error),
    #[error("the blob store does not do it")]
    Blobs(#[from] crate::blobs::Error),
    #[error("the engine does not do it")]
    Engine(#[from] crate::engine::Error),
}
