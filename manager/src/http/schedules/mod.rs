//! Schedules: `write` for what changes them, `read` for what looks at them, `times` for what a request says about times.

mod read;
mod times;
mod view;
mod write;

pub(crate) use read::*;
pub(crate) use write::*;
