//! Secrets: making them, recognising them, hashing them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Digest as _;
use uuid::Uuid;

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Calls `/api/v1`.
    Token,
    /// Lets a node join.
    Join,
    /// A node's own, for `/node/v1`.
    Node,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Token, Kind::Join, Kind::Node];

    fn prefix(self) -> &'static str {
        match self {
            Kind::Token => "lp_",
            Kind::Join => "lpjoin_",
            Kind::Node => "lpnode_",
        }
    }

    /// What it is called in messages.
    pub fn noun(self) -> &'static str {
        match self {
            Kind::Token => "token",
            Kind::Join => "join token",
            Kind::Node => "node credential",
        }
    }

    /// Returns what a secret is for by its prefix; None for one we have not made.
    pub fn of(secret: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| secret.starts_with(kind.prefix()))
    }
}

/// A secret just made; shown or written once and then forgotten.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Makes one from 244 random bits of the operating system (two random UUIDs).
    pub fn random(kind: Kind) -> Self {
        let mut bits = [0; 32];
        bits[..16].copy_from_slice(Uuid::new_v4().as_bytes());
        bits[16..].copy_from_slice(Uuid::new_v4().as_bytes());
        Self(format!("{}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(bits)))
    }

    /// Takes one that was kept by its owner.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for whoever it was made for.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored.
    pub fn hash(&self) -> String {
        hash_of(&self.0)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The sha256 of a secret as 64 hexadecimal digits. A plain hash is enough: nobody guesses 244 bits, so there is nothing to slow down.
pub fn hash_of(secret: &str) -> String {
    lp_package::Digest::from(<[u8; 32]>::from(sha2::Sha256::digest(secret.as_bytes()))).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_tells_what_it_is_for_and_nothing_else() {
        for kind in Kind::ALL {
            let secret = Secret::random(kind);

            assert_eq!(Kind::of(secret.reveal()), Some(kind));
            assert_ne!(secret, Secret::random(kind));
            assert_eq!(format!("{secret:?}"), "Secret(..)");
            assert_eq!(secret.hash().len(), 64);
        }
        assert_eq!(Kind::of("hunter2"), None);
    }
}
