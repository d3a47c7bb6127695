//! The node's settings: a YAML file, `LP_*` variables over it, flags over both.
//!
//! Keys and defaults are LitePipeline's where it has them. A key nobody knows is an error with a guess at what was meant, because a misspelt
//! limit that is silently ignored is found out in production. Settings of LitePipeline that have no meaning any more are warned of.

mod keys;
mod read;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use lp_protocol::plan::Resources;
use lp_settings::de;
use serde::Deserialize;

use crate::docker;

pub use crate::docker::settings::Support;
pub use crate::isolation::RunAs;
pub use keys::KEYS;
pub use lp_settings::{Loaded, Secret};
pub use read::Error;

/// All settings of a node. [`Config::default`] is a node of the manager on this machine.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The manager's address, `http://host:port`; wins over the two after it.
    pub manager_url: Option<String>,
    pub manager_http_host: String,
    pub manager_http_port: u16,
    /// How the node is called; unset: the machine's name.
    pub name: Option<String>,
    /// What the node joins with, once; it then has a credential of its own in its data directory.
    pub join_token: Option<Secret>,
    pub join_token_file: Option<PathBuf>,
    pub data_path: PathBuf,
    /// Told to programs in `action_info`, where LitePipeline's had the node's address; the node listens nowhere.
    pub http_host: Option<String>,
    pub http_port: u16,
    /// Attempts at once, of one slot each; unset: one per processor.
    pub action_slots: Option<u32>,
    /// Unset: all processors.
    pub cpus: Option<f64>,
    /// Unset: all memory.
    #[serde(deserialize_with = "de::size_opt")]
    pub memory: Option<u64>,
    #[serde(alias = "gpu")]
    pub gpus: Option<crate::gpus::Wanted>,
    /// Whatever else is counted: licences, tape drives.
    pub resources: BTreeMap<String, u64>,
    pub labels: BTreeMap<String, String>,
    /// Size of the unpacked packages that are kept.
    #[serde(deserialize_with = "de::size")]
    pub cache_size: u64,
    /// Longest time the build of an environment may take.
    #[serde(deserialize_with = "de::duration")]
    pub env_build_timeout: Duration,
    /// Longest pause between tries to reach the manager.
    #[serde(deserialize_with = "de::duration")]
    pub retry_interval: Duration,
    /// Whether the node runs actions in containers.
    pub docker_support: Support,
    /// The engine's address; unset: `DOCKER_HOST`, else the usual socket.
    pub docker_host: Option<String>,
    /// Put before names of images that have no registry.
    pub docker_registry: Option<String>,
    /// Credentials for registries, in the format of Docker's `config.json`.
    pub docker_auth_file: Option<PathBuf>,
    /// What of the rights that could take over this machine actions may ask for.
    pub docker_allow: Vec<String>,
    /// Whom programs run as; unset: as root a user for each task, else the node's own.
    pub run_as: Option<RunAs>,
    pub isolation: Separation,
    /// Of one task where each has a user of its own, else of one attempt with a cgroup.
    pub max_processes: u64,
    /// A directory around `data_path` that programs must not see either: where `lp up` keeps the manager's data too.
    #[serde(skip)]
    pub private_path: Option<PathBuf>,
    /// The program that is the supervisor when called with `supervise`; unset: this program.
    #[serde(skip)]
    pub supervisor_program: Option<PathBuf>,
    /// How long a supervisor stays that has neither node nor program.
    #[serde(skip)]
    pub supervisor_idle: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            manager_url: None,
            manager_http_host: "127.0.0.1".to_owned(),
            manager_http_port: 8000,
            name: None,
            join_token: None,
            join_token_file: None,
            data_path: PathBuf::from("data"),
            http_host: None,
            http_port: 8001,
            action_slots: None,
            cpus: None,
            memory: None,
            gpus: None,
            resources: BTreeMap::new(),
            labels: BTreeMap::new(),
            cache_size: 20 << 30,
            env_build_timeout: Duration::from_secs(1800),
            retry_interval: Duration::from_secs(5),
            docker_support: Support::Auto,
            docker_host: None,
            docker_registry: None,
            docker_auth_file: None,
            docker_allow: Vec::new(),
            run_as: None,
            isolation: Separation::Auto,
            max_processes: 10_000,
            private_path: None,
            supervisor_program: None,
            supervisor_idle: Duration::from_secs(300),
        }
    }
}

impl Config {
    /// The keys, and how their texts are read.
    pub fn part() -> lp_settings::Part {
        keys::part()
    }

    /// The commented file `lp node -g DIR` writes.
    pub fn template() -> String {
        keys::template()
    }

    /// The manager's address.
    pub fn manager_address(&self) -> String {
        let address = || format!("http://{}:{}", self.manager_http_host, self.manager_http_port);
        self.manager_url.clone().unwrap_or_else(address)
    }

    /// How the node is called.
    pub fn node_name(&self) -> String {
        self.name.clone().unwrap_or_else(hostname)
    }

    /// The GPUs it gives out.
    pub(crate) fn gpus(&self) -> Vec<crate::gpus::Gpu> {
        crate::gpus::find(self.gpus.as_ref())
    }

    /// What the node has, by its settings or else by the machine.
    pub(crate) fn capacity(&self) -> Resources {
        let machine = crate::capacity::machine();
        let millis = |cpus: f64| (cpus * 1000.0).round() as u64;
        let cpu_millis = self.cpus.map_or(machine.cpu_millis, millis);
        Resources {
            slots: self.action_slots.unwrap_or((machine.cpu_millis / 1000).max(1) as u32),
            cpu_millis,
            memory_bytes: self.memory.unwrap_or(machine.memory_bytes),
            gpus: self.gpus().len() as u64,
            named: self.resources.clone(),
        }
    }
}

impl Config {
    /// What it says about containers.
    pub(crate) fn containers(
        &self,
        of: &crate::supervisor::client::Settings,
    ) -> Result<docker::settings::Settings, Error> {
        Ok(docker::settings::Settings {
            support: self.docker_support,
            host: docker::settings::host(self.docker_host.as_deref()),
            registry: self.docker_registry.clone(),
            auth_file: self.docker_auth_file.clone(),
            allowed: docker::allow::Allowed::parse(&self.docker_allow).map_err(Error::Rule)?,
            node_id: of.node_id.clone(),
            program: of.program.clone(),
        })
    }
}

/// How far a node goes to keep programs that run as its own user from one another and from itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Separation {
    /// As far as the machine lets it.
    #[default]
    Auto,
    Off,
}

/// The machine's name.
pub(crate) fn hostname() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.unwrap_or_else(|| "node".to_owned())
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("manager", &self.manager_address())
            .field("name", &self.name)
            .field("data_path", &self.data_path)
            .finish_non_exhaustive()
    }
}
