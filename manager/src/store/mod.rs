//! The store: rows in SQLite or PostgreSQL, which are the truth about everything the manager knows.
//!
//! It promises: every write of open rows is one transaction, guarded by the leader's epoch, and durable when the call returns; a
//! failed call has changed nothing (or, where the connection broke during the commit itself, nobody knows: load anew). It decides nothing:
//! what to write comes from the core, what is read goes to the core or to views. No other module knows that there is SQL.

mod actions;
mod activity;
mod attempts;
mod builds;
mod catalogue;
mod cluster;
mod commit;
mod entity;
mod error;
mod glob;
mod history;
mod join_tokens;
mod keys;
mod lease;
mod list;
mod list_query;
mod load;
mod logs;
mod migration;
mod nodes;
mod open;
mod page;
mod payloads;
mod resolve;
mod retention;
mod schedules;
mod services;
mod sources;
mod sql;
mod standing;
mod tokens;
mod works;

pub use activity::{EndedInHour, Past};
pub use builds::BuildList;
pub use catalogue::{
    Detail, InUse, NewPackage, NewVersion, PackageId, PackageList, PackageUpdate, Program, VersionInfo,
};
pub use catalogue::{NewWorkflow, StoredDefinition, WorkflowUpdate};
pub use error::{Damage, Error};
pub use history::{Payloads, StoredTask};
pub use keys::KnownKey;
pub use lease::{Epoch, Leader, Lease};
pub use logs::Segment;
pub use nodes::{NewNode, StoredNode};
pub use open::Store;
pub use retention::{Ended, Expiry, Place, Surplus, Through};
pub use schedules::StoredSchedule;
pub use services::StoredService;
pub use tokens::{NewToken, StoredToken, TokenChange};
pub use works::{AppChoice, SourceError, StoredWork, WorkInputs};

pub type Result<T, E = Error> = std::result::Result<T, E>;
