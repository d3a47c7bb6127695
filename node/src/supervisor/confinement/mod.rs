//! What stands between a program and the rest of the machine, from the moment before it begins.
//!
//! [`Confinement`] is the whole of it as plain data: the node decides, the supervisor obeys. [`view`] is the part of the node's files it sees. [`Steps`]
//! is a confinement made ready: everything that needs memory or may take long is done before, so that what is left for the new process
//! is a row of system calls.

mod steps;
pub(crate) mod view;

use serde::{Deserialize, Serialize};

pub(crate) use steps::{Common, Steps, has_landlock};
use view::View;

use crate::cgroups::Group;

/// Everything by which a program is less than the node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Confinement {
    /// None: the node's own.
    pub(crate) user: Option<Identity>,
    /// None: it sees what its user may see.
    pub(crate) view: Option<View>,
    /// It cannot become another user by way of a set-user-ID program.
    pub(crate) no_new_privileges: bool,
    /// Landlock: no signal and no trace leads from it to processes that are not its own.
    pub(crate) scoped: bool,
    /// Of its user, where the user is its own.
    pub(crate) max_processes: Option<u64>,
    /// What one process may allocate at most, where nothing but our own looks keeps its memory.
    pub(crate) max_data_bytes: Option<u64>,
    pub(crate) group: Option<Group>,
    /// The memory all of its processes may use, kept by looking at them: for nodes without groups.
    pub(crate) watched_memory_bytes: Option<u64>,
}

/// A user as the kernel knows one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Others beside `gid`.
    #[serde(default)]
    pub(crate) groups: Vec<u32>,
}
