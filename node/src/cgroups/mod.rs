//! Control groups: the kernel's own limits of memory, processors and processes, and the surest list of what an attempt has started.
//!
//! [`find`] looks once, at the node's start, for what this machine has and this process may use: version 2, version 1, or nothing and why. [`group`] is
//! one attempt's group: planned by the node, made, read and removed by the supervisor, which is told plain paths and needs to
//! know nothing of versions. Only attempts that ask for processors or memory get one: to move a process into a group costs the kernel 0.2 to 2 ms,
//! more than all else of a short action (ADR 16).

mod find;
mod group;
mod reading;

pub(crate) use find::Cgroups;
pub(crate) use group::{Group, Limits};
pub(crate) use reading::Reading;
