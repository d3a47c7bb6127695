//! Schedules: `list`, `one` with its history, `edit` for the form with its `preview` while one types, `deeds` that are asked about.

pub(crate) mod deeds;
pub(crate) mod edit;
mod fields;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod one;
pub(crate) mod preview;

/// Where they are.
const LIST: &str = "/schedules";
