//! What the node's configuration says about containers.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de};

use super::allow::Allowed;

/// Where an engine listens that nobody has moved.
pub(crate) const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// Whether the node runs containers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Support {
    /// While an engine answers.
    #[default]
    Auto,
    /// As `Auto`, and a missing engine is complained about.
    On,
    Off,
}

impl<'de> Deserialize<'de> for Support {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Flag(bool),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Flag(true) => Ok(Support::On),
            Written::Flag(false) => Ok(Support::Off),
            Written::Word(word) if word == "auto" => Ok(Support::Auto),
            Written::Word(word) => {
                Err(de::Error::custom(format!("`{word}` is not one of auto, true and false")))
            }
        }
    }
}

/// The settings, checked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) support: Support,
    /// `unix:///path` or `tcp://host:port`.
    pub(crate) host: String,
    /// Put before names of images that have none.
    pub(crate) registry: Option<String>,
    pub(crate) auth_file: Option<PathBuf>,
    pub(crate) allowed: Allowed,
    pub(crate) node_id: String,
    /// The program that is a shim when its first argument is `contain`.
    pub(crate) program: PathBuf,
}

/// The engine's address: the setting, else what `DOCKER_HOST` says to every client of the engine, else the usual socket.
pub(crate) fn host(setting: Option<&str>) -> String {
    let variable = || std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    setting.map(str::to_owned).or_else(variable).unwrap_or_else(|| DEFAULT_HOST.to_owned())
}

/// True for an address that a client can be made for.
pub(crate) fn is_host(text: &str) -> bool {
    ["unix://", "tcp://", "http://"]
        .iter()
        .any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}
