//! What crosses a process boundary, and nothing else: ids, the manifest and the plan it compiles to, requests and views
//! per noun, node frames, errors, and the client that speaks them.

#![warn(clippy::unwrap_used)]

pub mod client;
pub mod docker;
pub mod env;
mod error;
pub mod frames;
pub mod health;
mod ids;
pub mod isolation;
pub mod labels;
pub mod manifest;
pub mod marks;
pub mod plan;
pub mod preparing;
mod state;
pub mod units;
pub mod views;
pub mod workflow;

pub use error::{ApiError, ErrorCode};
pub use ids::{
    AppId, AttemptKey, DigestHex, NodeId, NotAnId, ScheduleId, ServiceId, TaskId, TokenId, UploadId, VenvId,
    VersionId, WorkId, WorkflowId,
};
pub use preparing::{PreparingKind, PreparingStep};
pub use state::{Exit, InstantState, Overlap, Source, Stage, Status, UnknownWord};
