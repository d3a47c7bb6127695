//! The engine: the one loop that owns the core, commits what it decides and only then acts.

mod handle;

pub use handle::{
    ConnectionId, Counters, DraftKey, Engine, Error, NodeOverview, Outbound, Overview, TaskDraft, TaskSource,
};
