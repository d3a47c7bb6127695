//! Signals to everything that belongs to an attempt.
//!
//! That is its process group, the descendants of its main process that left the group (setsid), and the orphans that name the attempt
//! (double fork). SIGKILL is repeated until nothing new turns up, for a process may fork between the look and the blow.

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgid};

use super::table::{Slot, Table};
use crate::supervisor::procfs;

/// A tree that grows faster than eight looks is a fork bomb within one group, which the group's SIGKILL ends in one blow.
const KILL_ROUNDS: usize = 8;

#[must_use]
pub(super) enum Signalled {
    Sent,
    /// Remembered for when it runs, or there is nothing to signal any more.
    NotNow,
}

/// Sends a signal to all of an attempt's processes. The caller holds the table, so no process of it is reaped meanwhile and no number is reused.
pub(super) fn send(table: &mut Table, key: &str, signal: i32) -> Signalled {
    // numbers nobody knows end programs the ordinary way
    let signal = Signal::try_from(signal).unwrap_or(Signal::SIGTERM);
    let (pid, group) = match table.slots.get_mut(key) {
        Some(Slot::Starting { signals, .. }) => {
            signals.push(signal as i32);
            return Signalled::NotNow;
        }
        Some(Slot::Running(running)) => (running.pid, running.group.clone()),
        Some(Slot::Ended(_)) | None => return Signalled::NotNow,
    };
    if signal == Signal::SIGKILL {
        if let Some(group) = &group {
            group.kill();
        }
        for _ in 0..KILL_ROUNDS {
            // strangers first: once the main process is dead they are nobody's descendants
            let strangers = strangers(table, key, pid);
            let _ = killpg(Pid::from_raw(pid), signal);
            if strangers.is_empty() {
                break;
            }
            strike(&strangers, signal);
        }
    } else {
        let strangers = strangers(table, key, pid);
        let _ = killpg(Pid::from_raw(pid), signal);
        strike(&strangers, signal);
        if signal == Signal::SIGTERM {
            // a stopped process would not see it
            let _ = killpg(Pid::from_raw(pid), Signal::SIGCONT);
            strike(&strangers, Signal::SIGCONT);
        }
    }
    Signalled::Sent
}

/// The processes of a running attempt, its main one first.
pub(super) fn processes(table: &Table, key: &str) -> Vec<i32> {
    let Some(Slot::Running(running)) = table.slots.get(key) else { return Vec::new() };
    let mut found = vec![running.pid];
    found.extend(procfs::descendants(running.pid));
    for (orphan, facts) in &table.orphans {
        if facts.owner.as_deref() == Some(key) {
            found.push(*orphan);
            found.extend(procfs::descendants(*orphan));
        }
    }
    found
}

/// Kills a process and all that descend from it.
pub(super) fn kill_tree(root: i32) {
    let mut pids = procfs::descendants(root);
    pids.push(root);
    strike(&pids, Signal::SIGKILL);
}

/// Living processes of the attempt outside of its process group.
fn strangers(table: &Table, key: &str, pid: i32) -> Vec<i32> {
    let mut found = procfs::descendants(pid);
    for (orphan, facts) in &table.orphans {
        if facts.owner.as_deref() == Some(key) {
            found.push(*orphan);
            found.extend(procfs::descendants(*orphan));
        }
    }
    found.retain(|stranger| !procfs::is_dead(*stranger) && group(*stranger) != Some(pid));
    found
}

fn group(pid: i32) -> Option<i32> {
    getpgid(Some(Pid::from_raw(pid))).ok().map(Pid::as_raw)
}

fn strike(pids: &[i32], signal: Signal) {
    for pid in pids {
        match kill(Pid::from_raw(*pid), signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => tracing::warn!(pid, %signal, %error, "cannot signal a process"),
        }
    }
}
