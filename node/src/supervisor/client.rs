//! The node's end: finds the supervisor that runs or starts one, passes requests, hands on events, and notices its death.
//!
//! A broken connection to a living supervisor loses nothing: its welcome tells every attempt it knows. A supervisor that is gone took
//! the exit codes with it: then what it had started is killed, and a new one begins with an empty list.
//!
//! Reading is a task of the runtime, so that an end is dealt with and reported by the thread that hears of it. Writing is done by
//! whoever has a request, on any thread.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

use super::outbox::Outbox;
use super::wire::{Event, Inbox, Known, Request};
use super::{leftovers, socket};
use crate::cgroups::Cgroups;

/// 200 ms to 10 s between attempts to start a supervisor, doubling: a full process table or disk passes, a missing binary does not.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The node's data directory, absolute.
    pub(crate) data: PathBuf,
    /// The program that is a supervisor when its first argument is `supervise`.
    pub(crate) program: PathBuf,
    pub(crate) node_id: String,
    /// How long it stays without node and program.
    pub(crate) idle: Duration,
    /// Where groups of attempts may be left.
    pub(crate) cgroups: Cgroups,
}

/// What the supervisor's side tells the runner.
pub(crate) enum Message {
    /// A connection stands; these are all the attempts it knows.
    Up {
        instance: String,
        attempts: Vec<Known>,
    },
    Events(Vec<Event>),
    /// The connection is gone.
    Down,
}

#[derive(Default)]
pub(crate) struct Client {
    outbox: Outbox<Request>,
}

impl Client {
    /// Passes requests on. Without a connection they are dropped: the next [`Message::Up`] shows what is missing.
    pub(crate) fn send(&self, requests: Vec<Request>) {
        if !requests.is_empty() {
            self.outbox.push(requests);
        }
    }

    /// Ends the connection in order; the supervisor stays while it has something to watch.
    pub(crate) fn stop(&self) {
        self.outbox.push([Request::Shutdown]);
        self.outbox.hang_up();
    }

    /// Keeps a supervisor connected until shutdown.
    pub(crate) async fn keep(
        &self,
        settings: &Settings,
        shutdown: &CancellationToken,
        mut tell: impl FnMut(Message),
    ) {
        let mut started: Option<Child> = None;
        let mut pause = FIRST_PAUSE;
        loop {
            let ended = tokio::select! {
                () = shutdown.cancelled() => return,
                ended = self.session(settings, &mut started, &mut tell) => ended,
            };
            let Err(error) = ended else {
                pause = FIRST_PAUSE;
                continue;
            };
            tracing::error!(%error, "cannot reach or start the supervisor");
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn session(
        &self,
        settings: &Settings,
        started: &mut Option<Child>,
        tell: &mut impl FnMut(Message),
    ) -> io::Result<()> {
        let (own, mut child) = (settings.clone(), started.take());
        let connecting = tokio::task::spawn_blocking(move || {
            let connected = connect(&own, &mut child);
            (connected, child)
        });
        let (connected, child) = connecting.await.map_err(io::Error::other)?;
        *started = child;
        let stream = connected?;
        // for both directions: they share it
        stream.set_nonblocking(true)?;
        let mut reader = tokio::net::UnixStream::from_std(stream.try_clone()?)?;
        let mut inbox = Inbox::default();
        let first =
            read(&mut reader, &mut inbox).await?.ok_or_else(|| io::Error::other("the supervisor hung up"))?;
        let mut events = first.into_iter();
        let Some(Event::Welcome { instance, attempts }) = events.next() else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the supervisor does not welcome us"));
        };
        self.outbox.attach(stream, None);
        tell(Message::Up { instance, attempts });
        tell(Message::Events(events.collect()));
        while let Ok(Some(events)) = read(&mut reader, &mut inbox).await {
            tell(Message::Events(events));
        }
        self.outbox.detach();
        tell(Message::Down);
        Ok(())
    }
}

/// All that has come, at least one message; None at the end of the stream.
async fn read(reader: &mut tokio::net::UnixStream, inbox: &mut Inbox) -> io::Result<Option<Vec<Event>>> {
    loop {
        let events = inbox.take()?;
        if !events.is_empty() {
            return Ok(Some(events));
        }
        match reader.read(inbox.room()).await? {
            0 => return Ok(None),
            length => inbox.add(length),
        }
    }
}

/// Connects to the supervisor that runs, or to a new one. May take seconds.
fn connect(settings: &Settings, started: &mut Option<Child>) -> io::Result<UnixStream> {
    let path = socket::path(&settings.data)?;
    let stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        // any other refusal (no descriptors left) says nothing about the supervisor
        Err(error) if !matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) => {
            return Err(error);
        }
        Err(_) => {
            // a child of ours that cannot be reached is dead or will be, and must not stay a zombie
            if let Some(mut child) = started.take() {
                let _ = child.kill();
                let _ = child.wait();
            }
            let killed = leftovers::kill_all(&settings.node_id);
            if killed > 0 {
                tracing::warn!(processes = killed, "killed what a dead supervisor had left");
            }
            settings.cgroups.sweep();
            *started = Some(start(settings)?);
            UnixStream::connect(&path)?
        }
    };
    if !socket::is_own_user(&stream) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the supervisor is another user's"));
    }
    Ok(stream)
}

fn start(settings: &Settings) -> io::Result<Child> {
    let listener = socket::bind(&socket::path(&settings.data)?)?;
    let log = OpenOptions::new().append(true).create(true).open(settings.data.join("supervisor.log"))?;
    let child = Command::new(&settings.program)
        .arg("supervise")
        .arg("--data")
        .arg(&settings.data)
        .args(["--idle", &settings.idle.as_secs_f64().to_string()])
        .current_dir(&settings.data)
        .env_clear()
        .env(leftovers::NODE_ID, &settings.node_id)
        // one arena: the supervisor's memory is a few small lists, and each arena costs pages
        .env("MALLOC_ARENA_MAX", "1")
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?;
    tracing::info!(pid = child.id(), "started the supervisor");
    Ok(child)
}
