//! The engine: the one loop that owns the core, commits what it decides and only then acts.
//!
//! `handle` is its door, `run` the life of a leadership, `batch` one turn of the loop, `assignments` what a node needs besides the core's
//! word, `connections` where frames go.

mod activity;
mod apply;
mod assignments;
mod batch;
mod builds;
mod connections;
mod derived;
mod event;
mod handle;
mod input;
mod nodes;
mod requests;
mod run;
mod schedules;
mod services;
mod works;

pub use crate::core::removed;
pub use crate::core::{ConnectionId, Counters, HeldAction, NodeOverview, Overview};
pub use handle::{DraftKey, Engine, Error, Outbound, Reopen, TaskDraft, TaskSource};
pub use run::{Settings, start};
