//! The connection to the node.
//!
//! One after the other: the requests of a node that was killed are carried out to the last before the next node is welcomed, so the
//! list in the welcome can be relied on: what it lacks was never handed over.

use std::io::BufReader;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::table::Slot;
use super::{Shared, lease, signals, spawn};
use crate::supervisor::socket::is_own_user;
use crate::supervisor::wire::{Event, Request, Spawn, read_messages};
use crate::sync::lock;

/// 10 s for a node to read an event; one that does not is stopped or gone, and is told everything when it returns.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A week: ends nobody has come for by then will not be asked for.
const MAX_UNCOLLECTED: Duration = Duration::from_secs(7 * 24 * 3600);

/// Serves nodes until there has been neither node nor program for `idle`; then ends the process.
pub(super) fn serve(shared: &Shared, listener: &UnixListener, idle: Duration) {
    let mut quiet = Duration::ZERO;
    loop {
        if !wait_for_connection(listener, idle) {
            let table = lock(&shared.table);
            quiet = if table.is_quiet() { quiet + idle } else { Duration::ZERO };
            if table.is_empty() || quiet >= MAX_UNCOLLECTED {
                std::process::exit(0);
            }
            continue;
        }
        quiet = Duration::ZERO;
        if let Ok((stream, _)) = listener.accept()
            && is_own_user(&stream)
        {
            talk(shared, &stream);
            shared.outbox.detach();
        }
    }
}

fn wait_for_connection(listener: &UnixListener, longest: Duration) -> bool {
    let timeout = PollTimeout::try_from(longest).unwrap_or(PollTimeout::MAX);
    let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    matches!(poll(&mut fds, timeout), Ok(1..))
}

fn talk(shared: &Shared, stream: &UnixStream) {
    let Ok(writer) = stream.try_clone() else { return };
    if writer.set_write_timeout(Some(WRITE_TIMEOUT)).is_err() {
        return;
    }
    {
        let table = lock(&shared.table);
        let welcome = Event::Welcome { instance: shared.instance.clone(), attempts: table.known() };
        shared.outbox.attach(writer, Some(welcome));
    }
    shared.outbox.flush();
    let mut reader = BufReader::with_capacity(64 << 10, stream);
    while let Ok(Some(requests)) = read_messages::<Request>(&mut reader) {
        obey(shared, requests);
    }
}

fn obey(shared: &Shared, requests: Vec<Request>) {
    let mut spawns = Vec::new();
    let mut table = lock(&shared.table);
    let mut shutdown = false;
    for request in requests {
        match request {
            Request::Spawn(spawn) => {
                // a key that is known already was handed over before: its first spawn counts
                if table.begin_spawn(&spawn.key).is_some() {
                    spawns.push(*spawn);
                }
            }
            Request::Signal { key, signal } => {
                let _: signals::Signalled = signals::send(&mut table, &key, signal);
            }
            Request::Forget { keys } => {
                for key in keys {
                    if let Some(Slot::Ended(_)) = table.slots.get(&key) {
                        table.slots.remove(&key);
                    }
                }
            }
            Request::Renew { until_boot_ms } => {
                lease::renew(&mut table, until_boot_ms);
                shared.lease.look_again();
            }
            Request::Shutdown => shutdown = true,
        }
    }
    if shutdown && table.is_empty() {
        std::process::exit(0);
    }
    drop(table);
    start_all(shared, spawns);
}

/// One is started here, at once; of several this thread starts none, to stay free for what comes next.
fn start_all(shared: &Shared, mut spawns: Vec<Spawn>) {
    match spawns.len() {
        0 => {}
        1 if lock(&shared.queue).is_empty() => {
            if let Some(spawn) = spawns.pop() {
                spawn::start(shared, &spawn);
            }
        }
        _ => shared.enqueue(spawns),
    }
}
