//! Who is calling: secrets, what is kept of them, and what they allow.
//!
//! A secret is 244 random bits and is never stored: the database keeps its sha256, and looking that up is the comparison, so
//! there is nothing whose timing could tell a near miss from a far one. The prefix says what a secret is for, so that a token in the
//! wrong place gets a sentence instead of a riddle.

mod authenticator;
mod limiter;
mod secret;
mod tokens;
mod uses;

pub use authenticator::{Authenticator, Principal, Refusal};
pub use lp_protocol::views::{Role, UnknownRole};
pub use secret::{Kind, Secret, hash_of};
pub use tokens::{TokenRefusal, adopt, create, is_expired, revoke};
