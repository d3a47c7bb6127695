//! The versions of applications and venvs. Both kinds have the same routes; what they do is in `shared`.

pub(crate) mod apps;
mod diff;
mod shared;
pub(crate) mod venvs;

pub(crate) use shared::hint_of_use;
