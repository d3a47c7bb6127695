//! The supervisor: the small process whose children the programs are.
//!
//! A node may be killed, restarted or upgraded at any moment; its programs go on, because they are not its children but the
//! supervisor's, and their exit codes wait there until the node has written them down. The supervisor is the same binary
//! (`lp supervise`), has no async runtime and knows nothing of tasks, managers or files beyond `stdout.data`.
//!
//! [`wire`] is what the two say, [`server`] the process, [`client`] the node's end, [`leftovers`] the cleaning up after a
//! supervisor that died.

pub(crate) mod client;
pub(crate) mod confinement;
pub(crate) mod enter;
pub(crate) mod leftovers;
mod outbox;
pub(crate) mod procfs;
mod server;
pub(crate) mod socket;
pub(crate) mod wire;

pub use server::main;
