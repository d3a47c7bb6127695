//! Tokens: what programs and people call the API with.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::TokenId;

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Administrator,
    /// See everything but tokens, and change nothing.
    Reader,
}

/// The word is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role; there are `administrator` and `reader`")]
pub struct UnknownRole(pub String);

impl Role {
    pub const ALL: [Role; 2] = [Role::Reader, Role::Administrator];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::Reader => "reader",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let role = Role::ALL.into_iter().find(|role| role.as_str() == text);
        role.ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// A token, without its secret, of which the manager keeps only the hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TokenView {
    pub token_id: TokenId,
    /// No other that is listed has it.
    pub name: String,
    pub role: Role,
    pub create_at: DateTime<Utc>,
    /// Worth nothing from then on; null: it does not expire.
    pub expire_at: Option<DateTime<Utc>>,
    /// It has expired, and is listed for 30 days after that.
    #[serde(default)]
    pub expired: bool,
    /// When it was last used, by the minute; null: never.
    pub used_at: Option<DateTime<Utc>>,
    /// Name of the token it was made with; null: a manager made it at a start and keeps it in its data directory.
    pub created_by: Option<String>,
    /// It is the one this request came with.
    #[serde(default)]
    pub current: bool,
}

/// Body of `POST /tokens`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    pub name: String,
    pub role: Role,
    /// Seconds until it is worth nothing; left out: it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_after: Option<f64>,
}

/// Answer of `POST /tokens`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CreatedToken {
    /// Shown this once.
    pub secret: String,
    pub token: TokenView,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_on_the_wire_is_the_word_in_the_database() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("Reader".parse::<Role>().is_err());
    }
}
