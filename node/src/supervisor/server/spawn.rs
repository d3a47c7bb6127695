//! Starting programs.
//!
//! By the standard library's posix_spawn path (vfork underneath): absolute program, process group, directory and files as attributes,
//! no closure between fork and exec. A fork of this process would be dearer and would need code that is safe between fork and exec.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use nix::fcntl::OFlag;

use super::Shared;
use super::signals::{self, Signalled};
use super::table::{Leased, Running, Slot};
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
    let result = spawn_process(spawn);
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
        Ok(child) => {
            let pid = child.id() as i32;
            let lease = spawn.lease.map(|terms| Leased { terms, kill_at_boot_ms: None });
            table.by_pid.insert(pid, spawn.key.clone());
            table
                .slots
                .insert(spawn.key.clone(), Slot::Running(Running { ordinal, child, pid, start, lease }));
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
    if let Some(event) = refused {
        shared.outbox.push([event]);
    }
}

fn spawn_process(spawn: &Spawn) -> io::Result<Child> {
    let Some((name, arguments)) = spawn.argv.split_first() else {
        return Err(io::Error::from_raw_os_error(nix::errno::Errno::EINVAL as i32));
    };
    let mut options = OpenOptions::new();
    let stdout =
        options.append(true).create_new(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(&spawn.stdout)?;
    let stderr = stdout.try_clone()?;
    let result = Command::new(&spawn.program)
        .arg0(name)
        .args(arguments)
        .env_clear()
        .envs(spawn.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&spawn.cwd)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn();
    if result.is_err() {
        // nothing ran, so there is no output: the node may try again another way
        let _ = fs::remove_file(&spawn.stdout);
    }
    result
}
