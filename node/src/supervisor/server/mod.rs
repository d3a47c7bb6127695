//! The supervisor's process.
//!
//! The main thread only waits for children ([`reap`]); it never spawns, so that its own list of children holds nothing but the
//! orphans the kernel hands over. [`serve`] reads what the node asks, one connection after the other, [`spawn`] starts programs on a
//! few threads, [`lease`] watches the clock for programs that may not outlive the node's word with its manager. There are no timers besides.

mod lease;
mod memory;
mod reap;
mod serve;
mod signals;
mod spawn;
mod sys;
mod table;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::confinement::Common;
use super::enter;
use super::outbox::Outbox;
use super::wire::{Event, Spawn};
use crate::sync::lock;

/// Two threads start programs while a third reads; more does not start more on few cores, and on many the kernel's process table lock is the limit.
const SPAWNERS: usize = 3;

/// 5 minutes without a node and without a program: long enough for any restart or upgrade.
const DEFAULT_IDLE: Duration = Duration::from_secs(300);

/// What the threads share.
struct Shared {
    /// Differs with each start: by it a node knows whether this process has the memory of the one it spoke to before.
    instance: String,
    table: Mutex<table::Table>,
    /// Rung when a spawn is over and when an attempt has ended.
    changed: Condvar,
    queue: Mutex<Vec<Spawn>>,
    queued: Condvar,
    outbox: Outbox<Event>,
    lease: lease::Lease,
    common: Common,
    /// What programs read from.
    null: File,
}

/// Runs `lp supervise --data DIR [--idle SECONDS]` until there is nothing left to watch, or becomes another program (`--enter`).
///
/// The listening socket is its standard input: the node binds it, so it can connect at once, and nothing is inherited by chance.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let mut args = args.peekable();
    if args.peek().is_some_and(|word| word == "--enter") {
        return enter::main().unwrap_or_else(|(code, text)| {
            complain(&text);
            code
        });
    }
    let idle = match parse(args) {
        Ok(idle) => idle,
        Err(text) => {
            complain(&text);
            return ExitCode::from(2);
        }
    };
    match run(idle) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("cannot supervise: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// `--data` is there for whoever looks at the process list.
fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Duration, String> {
    let mut idle = DEFAULT_IDLE;
    while let Some(arg) = args.next() {
        let value = args.next().ok_or_else(|| format!("{} needs a value", arg.display()))?;
        match arg.to_str() {
            Some("--data") => {}
            Some("--idle") => {
                let text = value.to_str().ok_or("--idle is not a number")?;
                idle = lp_protocol::units::parse_duration(text).map_err(|error| error.to_string())?;
            }
            _ => return Err(format!("{} is not an option of `lp supervise`", arg.display())),
        }
    }
    Ok(idle)
}

fn run(idle: Duration) -> io::Result<()> {
    let listener = UnixListener::from(io::stdin().as_fd().try_clone_to_owned()?);
    listener
        .local_addr()
        .map_err(|_| io::Error::other("it is started by a node, which hands it a socket"))?;
    // refused where we lead a group already; then the starter has given us one of our own
    if nix::unistd::setsid().is_err() {
        tracing::debug!("already leads a process group");
    }
    nix::sys::prctl::set_child_subreaper(true)?;
    let shared = Arc::new(Shared {
        instance: uuid::Uuid::new_v4().to_string(),
        table: Mutex::default(),
        changed: Condvar::new(),
        queue: Mutex::default(),
        queued: Condvar::new(),
        outbox: Outbox::default(),
        lease: lease::Lease::default(),
        common: Common::default(),
        null: File::open("/dev/null")?,
    });
    for number in 0..SPAWNERS {
        start_thread(&format!("spawn-{number}"), &shared, spawn::work)?;
    }
    start_thread("lease", &shared, lease::watch)?;
    start_thread("memory", &shared, memory::watch)?;
    start_thread("serve", &shared, move |shared| serve::serve(shared, &listener, idle))?;
    reap::work(&shared);
    Ok(())
}

fn start_thread(
    name: &str,
    shared: &Arc<Shared>,
    work: impl FnOnce(&Shared) + Send + 'static,
) -> io::Result<()> {
    let shared = Arc::clone(shared);
    // 256 KiB: these threads parse JSON and walk /proc, nothing deep
    let builder = std::thread::Builder::new().name(name.to_owned()).stack_size(256 << 10);
    builder.spawn(move || work(&shared)).map(drop)
}

impl Shared {
    fn enqueue(&self, spawns: Vec<Spawn>) {
        let count = spawns.len();
        lock(&self.queue).extend(spawns.into_iter().rev());
        if count == 1 { self.queued.notify_one() } else { self.queued.notify_all() }
    }
}

#[expect(clippy::print_stderr, reason = "standard error is this process's log file")]
fn complain(text: &str) {
    eprintln!("lp supervise: {text}");
}
