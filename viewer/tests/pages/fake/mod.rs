//! A manager that answers with what a test has put into it. The viewer cannot tell it from a real one.

mod outline;
mod rest;
mod routes;
pub(crate) mod sample;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use lp_protocol::views::{Activity, AppView, ClusterStatus, Event, NodeView, ServiceView, TaskInfo, Why};
use tokio::sync::broadcast;

/// The one token it knows.
pub(crate) const TOKEN: &str = "lp_a-token-for-tests-and-nothing-else";

/// Everything it answers with.
#[derive(Default)]
pub(crate) struct Cluster {
    pub(crate) status: Option<ClusterStatus>,
    pub(crate) activity: Activity,
    pub(crate) services: Vec<ServiceView>,
    pub(crate) nodes: Vec<NodeView>,
    /// Newest first.
    pub(crate) tasks: Vec<TaskInfo>,
    pub(crate) apps: Vec<AppView>,
    /// By task, action and attempt: the output so far.
    pub(crate) logs: HashMap<(String, String, u32), Vec<u8>>,
    /// By task, action, attempt and path: what lies in workspaces.
    pub(crate) files: HashMap<(String, String, u32, String), Vec<u8>>,
    pub(crate) why: HashMap<String, Why>,
    /// Status and JSON, by method and path without `/api/v1`: `GET /workflows/ID`.
    pub(crate) answers: HashMap<String, (u16, serde_json::Value)>,
    /// Every request so far.
    pub(crate) asked: Vec<String>,
    /// Bodies of those that change something and have no handler of their own.
    pub(crate) sent: Vec<String>,
    /// What was asked for that changes something, as `POST /tasks/ID/stop`.
    pub(crate) deeds: Vec<String>,
    /// Answers all but `/health` with 401.
    pub(crate) is_token_revoked: bool,
}

/// What comes while somebody follows a log.
#[derive(Clone, Debug)]
pub(crate) enum LogNews {
    Text(Vec<u8>),
    End,
}

#[derive(Clone)]
pub(crate) struct Shared {
    cluster: Arc<Mutex<Cluster>>,
    events: broadcast::Sender<Event>,
    log: broadcast::Sender<LogNews>,
}

/// Listens on a free port of 127.0.0.1 until it is dropped.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    shared: Shared,
    server: ServerHandle,
}

impl Fake {
    pub(crate) fn start(cluster: Cluster) -> Self {
        let shared = Shared {
            cluster: Arc::new(Mutex::new(cluster)),
            events: broadcast::channel(64).0,
            log: broadcast::channel(64).0,
        };
        let data = web::Data::new(shared.clone());
        let server = HttpServer::new(move || App::new().app_data(data.clone()).configure(routes::configure))
            .workers(1)
            .disable_signals()
            .shutdown_timeout(1)
            .bind(("127.0.0.1", 0))
            .expect("a free port");
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, shared, server: handle }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.shared.cluster()
    }

    /// Tells everybody who listens; true where somebody did.
    pub(crate) fn tell(&self, event: Event) -> bool {
        self.shared.events.send(event).is_ok()
    }

    /// Sends on to whoever follows a log; true where somebody did.
    pub(crate) fn write(&self, news: LogNews) -> bool {
        self.shared.log.send(news).is_ok()
    }
}

impl Shared {
    fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        // the command is on its way as soon as this returns; nobody has to wait for it
        drop(self.server.stop(false));
    }
}
