//! Tokens: which there are, a new one, and taking one away. Only for administrators (see `access`).

pub(crate) mod list;
pub(crate) mod make;
pub(crate) mod revoke;

const LIST: &str = "/tokens";
