//! Workflows: `list`, `one`, `edit` for the form that makes and changes them, `run` for a work of one, `deeds` that are asked about.

pub(crate) mod deeds;
pub(crate) mod edit;
pub(crate) mod list;
pub(crate) mod one;
pub(crate) mod run;

/// Where they are.
const LIST: &str = "/workflows";
