//! Works: `list`, `table` for wherever works stand in rows, `one` with its graph of applications, `deeds` that are asked about.

pub(crate) mod deeds;
pub(crate) mod list;
pub(crate) mod one;
pub(crate) mod table;

/// Where they are.
const LIST: &str = "/works";
