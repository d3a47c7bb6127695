//! A gate between a client and a server on this machine: it lets through so many bytes and no more, and can be shut in the middle of anything.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use super::PATIENCE;

/// Read at once, so that a limit is kept to this.
const PIECE_BYTES: usize = 16 << 10;

pub struct Gate {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    server: SocketAddr,
    /// Bytes that may still go to the server; None: as many as come.
    allowed: Option<u64>,
    passed: u64,
    is_shut: bool,
    is_over: bool,
    connections: Vec<TcpStream>,
}

impl Gate {
    /// Stands before a server on loopback.
    pub fn before(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let state = State {
            server,
            allowed: None,
            passed: 0,
            is_shut: false,
            is_over: false,
            connections: Vec::new(),
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let accepting = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(client) = stream else { return };
                if accepting.lock().is_over {
                    return;
                }
                accepting.clone().join(client);
            }
        });
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops after so many more bytes to the server.
    pub fn allow(&self, bytes: u64) {
        let mut state = self.shared.lock();
        state.allowed = Some(bytes);
        state.passed = 0;
        self.shared.changed.notify_all();
    }

    /// Lets everything through again, and goes on counting.
    pub fn open(&self) {
        let mut state = self.shared.lock();
        (state.allowed, state.is_shut) = (None, false);
        self.shared.changed.notify_all();
    }

    /// Leads to another port from now on.
    pub fn lead_to(&self, port: u16) {
        self.shared.lock().server.set_port(port);
    }

    /// Cuts every connection and takes no new ones.
    pub fn shut(&self) {
        let mut state = self.shared.lock();
        state.is_shut = true;
        for stream in state.connections.drain(..) {
            stream.shutdown(Shutdown::Both).ok();
        }
        self.shared.changed.notify_all();
    }

    /// Bytes to the server since the last limit.
    pub fn passed(&self) -> u64 {
        self.shared.lock().passed
    }

    /// Waits until so many bytes have gone to the server.
    pub fn wait_for(&self, bytes: u64) {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(state, PATIENCE, |state| state.passed < bytes);
        let (state, timeout) = waited.unwrap();
        assert!(!timeout.timed_out(), "only {} of {bytes} bytes have come", state.passed);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shut();
        self.shared.lock().is_over = true;
        // wakes whoever accepts
        TcpStream::connect(self.address).ok();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn join(self: Arc<Self>, client: TcpStream) {
        let mut state = self.lock();
        if state.is_shut {
            return;
        }
        let Ok(server) = TcpStream::connect(state.server) else { return };
        let copy = |stream: &TcpStream| stream.try_clone().unwrap();
        state.connections.extend([copy(&client), copy(&server)]);
        drop(state);
        let (back, forth) = ((copy(&server), copy(&client)), (client, server));
        thread::spawn(move || pass(back, |_| true));
        thread::spawn(move || pass(forth, |bytes| self.admit(bytes)));
    }

    /// Waits until bytes may go to the server; false where the gate was shut.
    fn admit(&self, bytes: usize) -> bool {
        let is_closed = |state: &mut State| !state.is_shut && state.allowed == Some(0);
        let mut state = self.changed.wait_while(self.lock(), is_closed).unwrap();
        if state.is_shut {
            return false;
        }
        state.passed += bytes as u64;
        state.allowed = state.allowed.map(|allowed| allowed.saturating_sub(bytes as u64));
        self.changed.notify_all();
        true
    }
}

fn pass((mut from, mut to): (TcpStream, TcpStream), mut admit: impl FnMut(usize) -> bool) {
    let mut bytes = vec![0; PIECE_BYTES];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if !admit(count) || to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}
