//! A manager from start to end.
//!
//! In order: the data directory (locked), the port, the database, the blobs, the engine, the sweeps, the server. It ends in the opposite order, so
//! that nothing is asked of what is already gone: no new requests, streams and links ended, the engine with its lease released, the database closed.

mod admin_token;
mod data_dir;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{Authenticator, Secret};
use crate::blobs::{self, Blobs};
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::{self, Engine};
use crate::http;
use crate::link::Link;
use crate::retention::{self, Collector, Policy};
use crate::store::{self, Store};
use crate::sweep::Sweeper;

use data_dir::DataDir;

/// How long a leadership lasts without being renewed: how long a manager that died without a word is missed by the others.
const LEASE: Duration = Duration::from_secs(15);

/// How long a start waits to lead or to learn who does, before it serves all the same and says so in its health.
const SETTLE: Duration = Duration::from_secs(10);

/// Time between two notes of when tokens were used, which is as exact as they are.
const USES_EVERY: Duration = Duration::from_secs(60);

/// Why a manager does not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("another manager uses the data directory {}{}", .path.display(), .pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    InUse { path: PathBuf, pid: Option<u32> },
    #[error("the data directory {} cannot be used", .path.display())]
    DataDir {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot listen on {host}:{port}")]
    Listen {
        host: String,
        port: u16,
        #[source]
        source: std::io::Error,
    },
    #[error("the database cannot be opened")]
    Store(#[from] store::Error),
    #[error("the blob store cannot be opened")]
    Blobs(#[from] blobs::Error),
    #[error("the HTTP server failed")]
    Http(#[source] std::io::Error),
    #[error("the engine has ended by itself")]
    EngineEnded,
}

/// What a caller of [`run`] is told when the manager serves.
#[derive(Clone, Debug)]
pub struct Ready {
    pub address: SocketAddr,
    /// The administrator's token.
    pub admin_token: Secret,
    /// Where it is kept, readable by the owner only.
    pub admin_token_path: PathBuf,
    /// This start has made it.
    pub is_new_token: bool,
}

/// Runs a manager until `shutdown` is cancelled.
///
/// # Errors
/// One for each thing that keeps it from starting; `Http` and `EngineEnded` also later.
pub async fn run(
    config: Config,
    shutdown: CancellationToken,
    on_ready: impl FnOnce(Ready) + Send,
) -> Result<(), Error> {
    let data_dir = DataDir::open(&config.data_path)?;
    let listen = |source| Error::Listen { host: config.http_host.clone(), port: config.http_port, source };
    let (listener, address) = http::bind(&config.http_host, config.http_port).map_err(listen)?;
    let store = Arc::new(Store::open(&config.database_url()).await?);
    let outcome = serve(&config, &data_dir, store.clone(), (listener, address), shutdown, on_ready).await;
    // the last handle closes the connections and writes SQLite's log back into its file
    match Arc::try_unwrap(store) {
        Ok(store) => store.close().await?,
        Err(_) => tracing::debug!("the database is still in use at the end"),
    }
    outcome
}

async fn serve(
    config: &Config,
    data_dir: &DataDir,
    store: Arc<Store>,
    (listener, address): (std::net::TcpListener, SocketAddr),
    shutdown: CancellationToken,
    on_ready: impl FnOnce(Ready) + Send,
) -> Result<(), Error> {
    let clock = Clock::system();
    let blobs = Blobs::open(&config.blobs_path())?;
    let token = admin_token::ensure(data_dir, &store, &clock).await?;
    let parts = Parts::start(config, data_dir, &store, blobs, clock, address);
    let server = http::start(parts.state.clone(), listener, config.http_workers).map_err(Error::Http)?;
    tracing::info!(%address, database = store.backend_name(), "the manager is listening");
    let handle = server.handle.clone();
    let mut running = tokio::spawn(server.running);

    settle(&parts.state.engine, &store, data_dir.manager_id(), &shutdown).await;
    on_ready(Ready {
        address,
        admin_token: token.secret,
        admin_token_path: token.path,
        is_new_token: token.is_new,
    });

    let mut parts = parts;
    let outcome = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        ended = &mut running => Err(match ended {
            Ok(Err(source)) => Error::Http(source),
            Ok(Ok(())) => Error::Http(std::io::Error::other("it has ended by itself")),
            Err(panic) => Error::Http(std::io::Error::other(panic)),
        }),
        _ = &mut parts.engine => Err(Error::EngineEnded),
    };
    tracing::info!("the manager is stopping");
    parts.state.shutdown.cancel();
    handle.stop(true).await;
    if !running.is_finished() {
        let _its_outcome_was_looked_at = running.await;
    }
    parts.stop().await;
    outcome
}

/// What runs beside the server.
struct Parts {
    state: Arc<http::State>,
    engine: JoinHandle<()>,
    watcher: JoinHandle<()>,
    sweeper: JoinHandle<()>,
    collector: JoinHandle<()>,
    uses: JoinHandle<()>,
    /// Ends the engine and the sweeps; cancelled after the server has stopped.
    end: CancellationToken,
}

impl Parts {
    fn start(
        config: &Config,
        data_dir: &DataDir,
        store: &Arc<Store>,
        blobs: Blobs,
        clock: Clock,
        address: SocketAddr,
    ) -> Self {
        let end = CancellationToken::new();
        let settings = engine::Settings {
            core: crate::core::Settings { heartbeat: config.heartbeat, lost_after: config.lost_after },
            holder: data_dir.manager_id().to_owned(),
            address: config.advertise.unwrap_or(address).to_string(),
            lease_ttl: LEASE,
            docker_registry: config.docker_registry.clone(),
        };
        let (engine, engine_loop) = engine::start(store.clone(), settings, end.clone());
        let link = Link::new(engine.clone(), store.clone(), clock.clone());
        let parts = retention::Parts {
            store: store.clone(),
            blobs: blobs.clone(),
            engine: engine.clone(),
            link: link.clone(),
            clock: clock.clone(),
        };
        let sweeper = Sweeper::new(parts.clone(), config.keep_orphans);
        let collector = Arc::new(Collector::new(parts, Policy::of(config), sweeper.swept()));
        let state = Arc::new(http::State {
            manager_id: data_dir.manager_id().to_owned(),
            forwarder: http::Forwarder::default(),
            store: store.clone(),
            engine: engine.clone(),
            blobs,
            link,
            collector: collector.clone(),
            authenticator: Authenticator::new(store.clone(), clock.clone()),
            catalogue: http::Catalogue::default(),
            metrics: http::Metrics::default(),
            swept: sweeper.swept(),
            hosts: http::Hosts::new(address.ip(), &config.allowed_hosts),
            max_upload_bytes: config.max_buffer_size,
            start_at: clock.now(),
            clock,
            shutdown: CancellationToken::new(),
            pumps: TaskTracker::new(),
        });
        let uses = tokio::spawn(write_uses(state.clone(), end.clone()));
        let watcher = tokio::spawn(forget_on_change(engine, state.clone(), end.clone()));
        let sweeper = tokio::spawn(sweeper.run(end.clone()));
        let collector = tokio::spawn(collector.run(end.clone()));
        Self { state, engine: engine_loop, watcher, sweeper, collector, uses, end }
    }

    async fn stop(self) {
        self.state.pumps.close();
        if tokio::time::timeout(Duration::from_secs(5), self.state.pumps.wait()).await.is_err() {
            tracing::warn!("some nodes' connections did not end in time");
        }
        self.end.cancel();
        for (name, part) in [
            ("engine", self.engine),
            ("watcher", self.watcher),
            ("sweeper", self.sweeper),
            ("collector", self.collector),
            ("writer of uses", self.uses),
        ] {
            if let Err(error) = part.await {
                tracing::error!(error = %error, "the {name} has panicked");
            }
        }
    }
}

/// Takes to the database when tokens were used: what has gathered within [`USES_EVERY`] in one transaction, and the rest at the end.
async fn write_uses(state: Arc<http::State>, end: CancellationToken) {
    loop {
        tokio::select! {
            () = end.cancelled() => {}
            () = state.authenticator.uses_noted() => {}
        }
        if let Err(error) = state.authenticator.write_uses().await {
            tracing::warn!(error = %error, "when tokens were used cannot be written now");
        }
        if end.is_cancelled() {
            return;
        }
        tokio::select! {
            () = end.cancelled() => {}
            () = tokio::time::sleep(USES_EVERY) => {}
        }
    }
}

/// Other managers may have written apps while this one did not lead.
async fn forget_on_change(engine: Engine, state: Arc<http::State>, end: CancellationToken) {
    let mut leadership = engine.leadership();
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            changed = leadership.changed() => match changed {
                Ok(()) => state.catalogue.forget_all(),
                Err(_) => return,
            },
        }
    }
}

/// Waits until this manager leads, or another one does.
async fn settle(engine: &Engine, store: &Store, manager_id: &str, shutdown: &CancellationToken) {
    let mut leadership = engine.leadership();
    let settled = async {
        while leadership.borrow_and_update().is_none() {
            if matches!(store.find_leader().await, Ok(Some(leader)) if leader.holder != manager_id) {
                return;
            }
            tokio::select! {
                changed = leadership.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
        }
    };
    tokio::select! {
        settled = tokio::time::timeout(SETTLE, settled) => if settled.is_err() {
            tracing::warn!("no manager leads yet; serving all the same");
        },
        () = shutdown.cancelled() => {}
    }
}
