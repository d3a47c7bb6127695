//! Works: one file for each way they are used.

mod control;
mod create;
mod info;
mod read;

pub(crate) use control::*;
pub(crate) use create::*;
pub(crate) use read::*;
