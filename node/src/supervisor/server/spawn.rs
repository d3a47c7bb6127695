//! Starting programs.
//!
//! A program gets its output file and, where it has limits, its group; the process itself is [`super::sys`]'s business.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;

use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::Shared;
use super::memory::Watched;
use super::signals::{self, Signalled};
use super::sys::{self, Image};
use super::table::{Leased, Running, Slot};
use crate::cgroups::Group;
use crate::supervisor::confinement::{Confinement, Steps};
use crate::supervisor::wire::{Event, Spawn};
use crate::sync::{lock, wait};

/// Starts queued programs for ever.
pub(super) fn work(shared: &Shared) {
    loop {
        let mut queue = lock(&shared.queue);
        let spawn = loop {
            match queue.pop() {
                Some(spawn) => break spawn,
                None => queue = wait(&shared.queued, queue),
            }
        };
        drop(queue);
        start(shared, &spawn);
    }
}

/// Starts one program whose place is taken in the table already.
pub(super) fn start(shared: &Shared, spawn: &Spawn) {
    let start = crate::clock::now();
    let result = spawn_process(shared, spawn);
    let mut table = lock(&shared.table);
    let (ordinal, signals) = match table.slots.remove(&spawn.key) {
        Some(Slot::Starting { ordinal, signals }) => (ordinal, signals),
        other => {
            debug_assert!(other.is_none(), "only the spawner changes a starting slot");
            (table.latest_ticket(), Vec::new())
        }
    };
    table.end_spawn(ordinal);
    let refused = match result {
        Ok(Started { pid, group }) => {
            let lease = spawn.lease.map(|terms| Leased { terms, kill_at_boot_ms: None });
            table.by_pid.insert(pid, spawn.key.clone());
            let watched = spawn.confinement.as_ref().and_then(|confinement| confinement.watched_memory_bytes);
            let watched = watched.map(Watched::new);
            let running = Running { ordinal, pid, start, lease, group, watched };
            table.slots.insert(spawn.key.clone(), Slot::Running(running));
            for signal in signals {
                let Signalled::Sent = signals::send(&mut table, &spawn.key, signal) else { break };
            }
            None
        }
        Err(error) => {
            Some(Event::NotStarted { key: spawn.key.clone(), errno: error.raw_os_error().unwrap_or(0) })
        }
    };
    drop(table);
    shared.changed.notify_all();
    if spawn.lease.is_some() {
        shared.lease.look_again();
    }
    if spawn.confinement.as_ref().is_some_and(|confinement| confinement.watched_memory_bytes.is_some()) {
        shared.changed.notify_all();
    }
    if let Some(event) = refused {
        shared.outbox.push([event]);
    }
}

/// A program that was started.
struct Started {
    pid: i32,
    group: Option<Group>,
}

fn spawn_process(shared: &Shared, spawn: &Spawn) -> io::Result<Started> {
    let confinement = spawn.confinement.as_deref();
    let stdout = open_stdout(spawn, confinement)?;
    let group = confinement.and_then(|confinement| confinement.group.clone());
    let result = start_process(shared, spawn, confinement, &stdout, group.as_ref());
    if result.is_err() {
        // nothing ran, so there is no output: the node may try again another way
        let _ = fs::remove_file(&spawn.stdout);
        if let Some(group) = &group {
            let _ = group.remove();
        }
    }
    result.map(|pid| Started { pid, group })
}

/// The program may open its output again by way of /dev/stdout, so it must be its user's.
fn open_stdout(spawn: &Spawn, confinement: Option<&Confinement>) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file =
        options.append(true).create_new(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(&spawn.stdout)?;
    if let Some(user) = confinement.and_then(|confinement| confinement.user.as_ref()) {
        std::os::unix::fs::fchown(&file, Some(user.uid), Some(user.gid))?;
    }
    Ok(file)
}

fn start_process(
    shared: &Shared,
    spawn: &Spawn,
    confinement: Option<&Confinement>,
    stdout: &File,
    group: Option<&Group>,
) -> io::Result<i32> {
    let doors = group.map(Group::make).transpose()?.unwrap_or_default();
    let steps = match confinement {
        Some(confinement) => shared.common.steps(confinement, doors)?,
        None => Steps::default(),
    };
    let text = |text: &str| CString::new(text).map_err(|_| io::Error::from(Errno::EINVAL));
    let image = Image {
        program: text(&spawn.program)?,
        argv: spawn.argv.iter().map(|word| text(word)).collect::<io::Result<_>>()?,
        env: spawn
            .env
            .iter()
            .map(|(name, value)| text(&format!("{name}={value}")))
            .collect::<io::Result<_>>()?,
        cwd: text(&spawn.cwd)?,
        stdin: shared.null.as_fd(),
        stdout: stdout.as_fd(),
    };
    if image.argv.is_empty() {
        return Err(Errno::EINVAL.into());
    }
    sys::start(&image, &steps)
}
