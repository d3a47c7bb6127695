//! The page of a task: what it is, why it is so, and what of it one wants to see, with the attempt that tells most open already.

mod actions;
mod address;
mod again;
pub(crate) mod deeds;
pub(crate) mod files;
mod graph;
mod head;
mod history;
mod io;
mod log_tail;
mod page;
mod panel;
mod select;
mod timeline;
mod why;

pub(crate) use address::{Address, Tab};
pub(crate) use again::{ask as ask_again, create as create_again};
pub(crate) use page::{Asked, Task, show};
pub(crate) use select::Selected;
