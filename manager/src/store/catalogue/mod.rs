//! The catalogue: apps and venvs, their names and their uploaded versions.
//!
//! Both are packages with a name that is unique among the living ones of their kind, and versions that are never changed. Deleting one
//! frees its name and its archives; its rows stay, because the history of its tasks tells of them.

mod apps;
mod digests;
mod packages;
mod venvs;
mod versions;
mod workflows;

pub use packages::{NewPackage, PackageList, PackageUpdate};
pub use versions::{NewVersion, Program, VersionInfo};
pub use workflows::{NewWorkflow, StoredDefinition, WorkflowUpdate};
