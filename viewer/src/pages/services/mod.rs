//! Services: `list`, `one` with the end of what its task says, `edit` for the form, `deeds` that are asked about.

pub(crate) mod deeds;
pub(crate) mod edit;
mod fields;
pub(crate) mod list;
pub(crate) mod one;

/// Where they are.
const LIST: &str = "/services";
