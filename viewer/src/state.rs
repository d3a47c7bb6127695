//! What all requests share.

use std::net::SocketAddr;
use std::time::Duration;

use lp_protocol::client::ManagerClient;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::auth::{Hosts, Limiter, LoginLinks, Sessions};
use crate::config::Config;

/// Pages that are live at once; each holds a connection to the browser and one or two to the manager.
const MAX_LIVE: usize = 256;

pub(crate) struct State {
    /// Without a token; each session has its own.
    pub(crate) anonymous: ManagerClient,
    /// What login links sign in with.
    pub(crate) owner: Option<ManagerClient>,
    pub(crate) links: LoginLinks,
    pub(crate) sessions: Sessions,
    pub(crate) limiter: Limiter,
    pub(crate) hosts: Option<Hosts>,
    pub(crate) public_host: Option<String>,
    pub(crate) cookies: CookieNames,
    pub(crate) live: Semaphore,
    /// Ends the live pages, which would otherwise keep the server from stopping.
    pub(crate) shutdown: CancellationToken,
}

/// Cookies know no ports: two viewers on one machine would sign each other out, so the port is in the names.
pub(crate) struct CookieNames {
    pub(crate) session: String,
    /// Holds the word that stands in the login form, where there is no session yet.
    pub(crate) form: String,
    pub(crate) theme: String,
    /// For encrypted connections only.
    pub(crate) is_secure: bool,
}

impl CookieNames {
    /// The value of a `Set-Cookie` header. Out of scripts' reach, and never sent along with what another site has begun.
    pub(crate) fn set(&self, name: &str, value: &str, age: Duration) -> String {
        let secure = if self.is_secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{secure}", age.as_secs())
    }
}

impl State {
    pub(crate) fn new(
        config: &Config,
        clients: Clients,
        address: SocketAddr,
        shutdown: CancellationToken,
    ) -> Self {
        let port = address.port();
        let public_host =
            config.public_url.as_deref().and_then(crate::config::public_host).map(str::to_owned);
        let mut allowed_hosts = config.allowed_hosts.clone();
        allowed_hosts.extend(public_host.clone());
        Self {
            anonymous: clients.anonymous,
            owner: clients.owner,
            links: LoginLinks::new(base_url(config, address)),
            sessions: Sessions::new(config.session_idle),
            limiter: Limiter::default(),
            hosts: Hosts::new(address.ip(), &allowed_hosts),
            public_host,
            cookies: CookieNames {
                session: format!("lp_session_{port}"),
                form: format!("lp_form_{port}"),
                theme: format!("lp_theme_{port}"),
                is_secure: config.public_url.as_deref().is_some_and(|url| url.starts_with("https://")),
            },
            live: Semaphore::new(MAX_LIVE),
            shutdown,
        }
    }
}

/// The manager, as nobody and as whoever runs the viewer.
pub(crate) struct Clients {
    pub(crate) anonymous: ManagerClient,
    pub(crate) owner: Option<ManagerClient>,
}

/// The address a person on this machine opens.
pub(crate) fn base_url(config: &Config, address: SocketAddr) -> String {
    if let Some(url) = &config.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{reachable}")
}
