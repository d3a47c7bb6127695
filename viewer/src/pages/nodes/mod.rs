//! Nodes: `list` as cards, `one` with what it runs, `join` for a token a machine joins with, `deeds` that are asked about.

pub(crate) mod deeds;
pub(crate) mod join;
pub(crate) mod list;
pub(crate) mod one;

/// Where they are.
const LIST: &str = "/nodes";
