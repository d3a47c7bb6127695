//! Tasks: one file for each way they are used.

mod batch;
mod bulk;
mod control;
mod create;
mod info;
mod last_output;
mod lines;
mod outline;
mod read;

pub(crate) use batch::*;
pub(crate) use bulk::*;
pub(crate) use control::*;
pub(crate) use create::*;
pub(crate) use info::plan_of;
pub(crate) use outline::*;
pub(crate) use read::*;
