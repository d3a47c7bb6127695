//! The viewer's configuration: a YAML file, `LP_*` variables over it, flags over both.
//!
//! Every key works; an unknown one is refused with the nearest known one. Keys and defaults are LitePipeline's where it has the
//! thing, except that we listen on loopback unless told otherwise and that no user and no password are kept here.

mod layers;
mod template;

use std::path::PathBuf;
use std::time::Duration;

use lp_settings::de;
use serde::Deserialize;

pub use layers::Error;
pub(crate) use layers::public_host;
pub use lp_settings::Secret;

/// Everything `lp viewer` can be told. [`Config::default`] is what an empty file means.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address to listen on.
    pub http_host: String,
    /// 0 takes any free port.
    pub http_port: u16,
    /// Names (besides this machine's loopback ones) by which browsers may call a viewer that listens on loopback, or, where any
    /// is given, the only ones by which it may be called.
    pub allowed_hosts: Vec<String>,
    /// The address people type, where a proxy stands in front: `https://lp.example`. Its name is allowed, login links begin with
    /// it, and with `https` the cookies are for encrypted connections only.
    pub public_url: Option<String>,
    /// Where the manager listens.
    pub manager_http_host: String,
    pub manager_http_port: u16,
    /// The manager's address as a URL; goes over the two above.
    pub manager: Option<String>,
    /// An API token. Whoever opens a one-time login link works with it; without one there are no such links.
    pub token: Option<Secret>,
    /// A file with that token.
    pub token_file: Option<PathBuf>,
    /// A browser is signed out after this long without a request.
    #[serde(deserialize_with = "de::duration")]
    pub session_idle: Duration,
    /// `error`, `warn`, `info`, `debug` or `trace`, or a filter such as `info,lp_viewer=debug`.
    pub log_level: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            http_host: "127.0.0.1".to_owned(),
            http_port: 8088,
            allowed_hosts: Vec::new(),
            public_url: None,
            manager_http_host: "127.0.0.1".to_owned(),
            manager_http_port: 8000,
            manager: None,
            token: None,
            token_file: None,
            session_idle: Duration::from_secs(12 * 3600),
            log_level: "info".to_owned(),
        }
    }
}

impl Config {
    /// The manager's address.
    pub fn manager_url(&self) -> String {
        match &self.manager {
            Some(url) => url.clone(),
            // an IPv6 address needs its brackets in a URL
            None if self.manager_http_host.contains(':') && !self.manager_http_host.starts_with('[') => {
                format!("http://[{}]:{}", self.manager_http_host, self.manager_http_port)
            }
            None => format!("http://{}:{}", self.manager_http_host, self.manager_http_port),
        }
    }
}
