//! Works and their copies of workflows. Their tasks are ordinary rows of `tasks`, found by `origin_id`.

mod list;
mod load;
mod read;
mod source;
mod write;

pub use load::WorkInputs;
pub use read::StoredWork;
pub use source::{AppChoice, NamedVersion, SourceError};
pub(super) use write::write;
