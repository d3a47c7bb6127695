//! The manager's configuration: a YAML file, `LP_*` variables over it, flags over both.
//!
//! Every key works; an unknown one is refused with the nearest known one, since a setting that is silently ignored is worse than one that
//! is missing. Keys and defaults are LitePipeline's where it has the thing, except that we listen on loopback unless told otherwise.

mod layers;
mod template;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use lp_settings::de;
use serde::Deserialize;

pub use layers::Error;

/// Everything `lp manager` can be told. [`Config::default`] is what an empty file means.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address to listen on.
    pub http_host: String,
    /// 0 takes any free port.
    pub http_port: u16,
    /// Threads that serve HTTP.
    pub http_workers: usize,
    /// Names (besides this machine's loopback ones) by which clients may call a manager that listens on loopback, or, where any is given,
    /// the only ones by which it may be called.
    pub allowed_hosts: Vec<String>,
    /// Everything the manager keeps on this disk; two managers never share one.
    pub data_path: PathBuf,
    /// `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/NAME`; None: SQLite in `data_path`.
    pub database: Option<String>,
    /// Directory of the packages and logs; None: `blobs` in `data_path`.
    pub blobs: Option<PathBuf>,
    /// Largest package that may be uploaded.
    #[serde(deserialize_with = "de::size")]
    pub max_buffer_size: u64,
    /// How often a node gives a sign of life.
    #[serde(deserialize_with = "de::duration")]
    pub heartbeat: Duration,
    /// After this long without one its attempts are given to others.
    #[serde(deserialize_with = "de::duration")]
    pub lost_after: Duration,
    /// Age at which a package nobody refers to is removed.
    #[serde(deserialize_with = "de::duration")]
    pub keep_orphans: Duration,
    /// How long finished tasks are kept; None: for ever, as all of the next ones.
    #[serde(deserialize_with = "de::duration_opt")]
    pub keep_tasks: Option<Duration>,
    /// How many of the latest tasks are kept, whatever their age.
    pub keep_tasks_count: Option<u64>,
    /// How long the logs of finished tasks are kept.
    #[serde(deserialize_with = "de::duration_opt")]
    pub keep_logs: Option<Duration>,
    /// How much of the logs of finished tasks is kept, the latest ones.
    #[serde(deserialize_with = "de::size_opt")]
    pub keep_logs_size: Option<u64>,
    /// How long the workspaces of finished tasks are kept on their nodes.
    #[serde(deserialize_with = "de::duration_opt")]
    pub keep_workspaces: Option<Duration>,
    /// How many of the latest versions of each application and venv are kept beside those in use.
    pub keep_versions: Option<u32>,
    /// Put before `docker.name` of an action where that names no registry and the node has none of its own.
    pub docker_registry: Option<String>,
    /// How long environments built from locks are kept after their last use.
    #[serde(deserialize_with = "de::duration_opt")]
    pub keep_builds: Option<Duration>,
    /// `error`, `warn`, `info`, `debug` or `trace`, or a filter such as `info,lp_manager::engine=debug`.
    pub log_level: String,
    /// Address at which the other managers on this database reach this one; None: the one it listens on.
    pub advertise: Option<SocketAddr>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            http_host: "127.0.0.1".to_owned(),
            http_port: 8000,
            http_workers: 2,
            allowed_hosts: Vec::new(),
            data_path: PathBuf::from("data"),
            database: None,
            blobs: None,
            max_buffer_size: 10 << 30,
            heartbeat: Duration::from_secs(5),
            lost_after: Duration::from_secs(60),
            keep_orphans: Duration::from_secs(24 * 3600),
            keep_tasks: None,
            keep_tasks_count: None,
            keep_logs: None,
            keep_logs_size: None,
            keep_workspaces: None,
            keep_versions: None,
            docker_registry: None,
            keep_builds: None,
            log_level: "info".to_owned(),
            advertise: None,
        }
    }
}

impl Config {
    /// Where the packages and logs lie.
    pub fn blobs_path(&self) -> PathBuf {
        self.blobs.clone().unwrap_or_else(|| self.data_path.join("blobs"))
    }

    /// The database's URL.
    pub fn database_url(&self) -> String {
        match &self.database {
            Some(url) => url.clone(),
            None => format!("sqlite://{}", self.data_path.join("manager.db").display()),
        }
    }
}
