//! The HTTP server itself: sockets, threads, time limits.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};

use super::guard::guard;
use super::routes;
use super::state::State;

/// How long a client may take for the head of a request. Bodies have a limit of their own, per piece.
const HEAD: Duration = Duration::from_secs(10);

/// How long a connection may lie idle between requests.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Connections at once and per thread; each costs some ten KiB.
const MAX_CONNECTIONS: usize = 4096;

/// How long answers that are under way may take when the manager stops.
const STOP_SECONDS: u64 = 5;

/// A server that runs until it is stopped.
pub(crate) struct Server {
    pub(crate) handle: ServerHandle,
    pub(crate) running: actix_web::dev::Server,
}

/// Takes the address, so that a port in use is known before anything else is begun.
pub(crate) fn bind(host: &str, port: u16) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((host.trim_matches(['[', ']']), port))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Begins to serve.
pub(crate) fn start(state: Arc<State>, listener: TcpListener, workers: usize) -> io::Result<Server> {
    let state = web::Data::from(state);
    let server = HttpServer::new(move || {
        App::new().app_data(state.clone()).wrap(from_fn(guard)).configure(routes::register)
    })
    .workers(workers)
    .disable_signals()
    .tcp_nodelay(true)
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEAD)
    .client_disconnect_timeout(Duration::from_secs(2))
    .max_connections(MAX_CONNECTIONS)
    .shutdown_timeout(STOP_SECONDS)
    .listen(listener)?
    .run();
    Ok(Server { handle: server.handle(), running: server })
}
