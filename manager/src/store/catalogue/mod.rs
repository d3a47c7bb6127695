//! The catalogue: apps and venvs, their names and their uploaded versions.
//!
//! Both are packages with a name that is unique among the living ones of their kind, and versions that are never changed, numbered 1, 2, 3 ...
//! within their package. Deleting a package frees its name and its archives, deleting a version its archive; the rows stay, because the
//! history of tasks tells of them. What anything unfinished uses is not deleted.

mod activation;
mod apps;
mod deletion;
mod digests;
mod envs;
mod history;
mod numbers;
mod packages;
mod usage;
mod users;
mod venvs;
mod versions;
mod workflows;

pub use history::{Detail, PackageId};
pub use packages::{NewPackage, PackageList, PackageUpdate};
pub use usage::InUse;
pub use versions::{NewVersion, Program, VersionInfo};
pub use workflows::{NewWorkflow, StoredDefinition, WorkflowUpdate};
