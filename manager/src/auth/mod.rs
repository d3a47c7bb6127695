//! Who is calling: secrets, what is kept of them, and what they allow.
//!
//! A secret is 244 random bits and is never stored: the database keeps its sha256, and looking that up is the comparison, so
//! there is nothing whose timing could tell a near miss from a far one. The prefix says what a secret is for, so that a token in the
//! wrong place gets a sentence instead of a riddle.

mod authenticator;
mod limiter;
mod secret;

pub use authenticator::{Authenticator, Principal, Refusal};
pub use secret::{Kind, Secret, hash_of};

use std::str::FromStr;

/// What a token may do. One role for now; kept with each token so that finer ones need no migration of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Administrator,
}

/// The word in the database is none of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role")]
pub struct UnknownRole(pub String);

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        match text {
            "administrator" => Ok(Role::Administrator),
            other => Err(UnknownRole(other.to_owned())),
        }
    }
}
