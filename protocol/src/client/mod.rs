//! `ManagerClient`: the one HTTP client of `/api/v1`, used by the command line, the viewer, the bench and the tests.
//!
//! One method per route, typed requests in and views out. Bytes (packages, logs, workspaces) are streams and never gathered in
//! memory. It promises that the token goes to the manager's own address only (no redirects are followed, and no proxy for
//! loopback), that a name given by a user is one path segment whatever is in it, and that every failure is one of
//! [`Error`]'s few kinds, each with the exit code a command ends with. It repeats nothing by itself, except
//! [`ManagerClient::wait_until_finished`], which only reads.

mod apps;
mod backoff;
mod batch;
mod blobs;
mod builds;
mod cluster;
mod connection;
mod error;
mod events;
mod gc;
mod logs;
mod schedules;
mod services;
mod stream;
mod tasks;
mod venvs;
mod versions;
mod waiting;
mod works;
mod workspaces;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use apps::ListPackages;
pub use backoff::Backoff;
pub use batch::CreatedStream;
pub use blobs::{Progress, Upload};
pub use connection::ManagerClient;
pub use error::Error;
pub use events::EventStream;
pub use logs::{AttemptRef, LogStream};
pub use stream::{ByteStream, Download};
pub use tasks::PageQuery;
pub use versions::PackageKind;
