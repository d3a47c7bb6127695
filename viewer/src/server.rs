//! Starts the viewer and runs it until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use lp_protocol::client::{self, ManagerClient};
use tokio_util::sync::CancellationToken;

use crate::auth::LoginLinks;
use crate::config::{Config, Secret};
use crate::guard::guard;
use crate::routes;
use crate::state::{Clients, State, base_url};

/// Pages are small and the work is the manager's: two threads serve more people than a cluster has.
const THREADS: usize = 2;

/// What a browser may take to send a request's head: longer is a broken line or somebody who holds connections open.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Open requests get this long to end when the viewer stops; live pages end at once.
const STOP_SECONDS: u64 = 5;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{0}` is not an address to listen on; write for example 127.0.0.1")]
    Host(String),
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("cannot read the token in `{}`", .path.display())]
    TokenFile { path: PathBuf, source: io::Error },
    #[error("the token in `{}` is empty", .0.display())]
    EmptyToken(PathBuf),
    #[error("cannot use the manager's address or token")]
    Manager(#[source] client::Error),
    #[error("the viewer's server has failed")]
    Serve(#[source] io::Error),
}

/// A viewer that listens.
#[derive(Clone, Debug)]
pub struct Ready {
    pub address: SocketAddr,
    /// What a person on this machine opens.
    pub url: String,
    links: Option<LoginLinks>,
}

impl Ready {
    /// Makes a link that signs one browser in, once, within ten minutes; None where the viewer has no token to sign in with. It is a
    /// secret until it is used, so show it to the viewer's owner only.
    pub fn login_url(&self) -> Option<String> {
        self.links.as_ref().map(LoginLinks::create)
    }

    /// Makes such links later on.
    pub fn login_links(&self) -> Option<LoginLinks> {
        self.links.clone()
    }
}

/// Runs the viewer until `shutdown`. `on_ready` is called once, as soon as it listens; the manager need not be there yet.
///
/// # Errors
/// `Host` and `Listen` where the address cannot be used, `TokenFile`, `EmptyToken` and `Manager` for what is configured, `Serve` later.
pub async fn run(
    config: Config,
    shutdown: CancellationToken,
    on_ready: impl FnOnce(Ready) + Send,
) -> Result<(), Error> {
    let clients = clients(&config)?;
    let ip = config.http_host.trim_matches(['[', ']']);
    let ip = if ip == "localhost" { "127.0.0.1" } else { ip };
    let ip = ip.parse().map_err(|_| Error::Host(config.http_host.clone()))?;
    let wanted = SocketAddr::new(ip, config.http_port);
    let listen = |source| Error::Listen { address: wanted, source };
    let listener = std::net::TcpListener::bind(wanted).map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;

    let has_owner = clients.owner.is_some();
    let state = web::Data::new(State::new(&config, clients, address, shutdown.clone()));
    let ready =
        Ready { address, url: base_url(&config, address), links: has_owner.then(|| state.links.clone()) };
    let server = HttpServer::new(move || {
        App::new().app_data(state.clone()).wrap(from_fn(guard)).configure(routes::configure)
    })
    .workers(THREADS)
    .client_request_timeout(HEAD_TIMEOUT)
    .shutdown_timeout(STOP_SECONDS)
    .disable_signals()
    .listen(listener)
    .map_err(listen)?
    .run();

    on_ready(ready);
    tracing::info!(%address, "the viewer listens");
    let handle = server.handle();
    tokio::pin!(server);
    tokio::select! {
        ended = &mut server => return ended.map_err(Error::Serve),
        () = shutdown.cancelled() => {}
    }
    // the server ends when told to, and only moves while it is polled
    let (_, ended) = tokio::join!(handle.stop(true), server);
    ended.map_err(Error::Serve)
}

fn clients(config: &Config) -> Result<Clients, Error> {
    let anonymous = ManagerClient::new(&config.manager_url(), "").map_err(Error::Manager)?;
    let owner = match token(config)? {
        None => None,
        Some(token) => Some(anonymous.with_token(token.reveal()).map_err(Error::Manager)?),
    };
    Ok(Clients { anonymous, owner })
}

fn token(config: &Config) -> Result<Option<Secret>, Error> {
    let Some(path) = &config.token_file else { return Ok(config.token.clone()) };
    let text =
        std::fs::read_to_string(path).map_err(|source| Error::TokenFile { path: path.clone(), source })?;
    match text.trim() {
        "" => Err(Error::EmptyToken(path.clone())),
        token => Ok(Some(Secret::new(token))),
    }
}
