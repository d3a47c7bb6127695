//! Schedules: `write` for what changes them, `read` for what looks at them, `times` for what a request says about times,
//! `preview` for when a schedule that is not made yet would fire.

mod preview;
mod read;
mod times;
mod view;
mod write;

pub(crate) use preview::*;
pub(crate) use read::*;
pub(crate) use write::*;
