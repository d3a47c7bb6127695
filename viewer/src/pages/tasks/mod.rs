//! Tasks: the list, narrowed by a filter that stands in the address, and what is done to many of them at once.

mod bulk;
mod filter;
mod page;

pub(crate) use bulk::{ask_of_chosen, ask_of_filter, carry_out};
pub(crate) use filter::Filter;
pub(crate) use page::{Tasks, show};
