//! Builds of environments: who makes one, who waits for it, what becomes of it.
//!
//! An environment is known by its key ([`lp_protocol::env::key`]). At most one node at a time has the lease to build it; nodes that need it
//! meanwhile are told when it is there. The lease is the node's for as long as the node lives and says that it builds: it goes on to
//! another when the node is lost, says that it has given up, or returns without knowing of it. `number` fences: what is told of an earlier
//! lease is ignored.
//!
//! The core holds the builds under way and those that somebody waits for; what is ready or has failed is a row, which the engine offers
//! ([`super::Core::offer_build`]) before a batch in which a node wishes for it.

mod end;
mod machine;
mod people;
pub mod record;
mod wish;

pub use end::BuildRefusal;
pub(super) use machine::Builds;
pub use people::BuildBusy;
