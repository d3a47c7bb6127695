//! Waiting for children.
//!
//! A dead main process is looked at before it is reaped: as long as it is a zombie its number, which is also its group's, cannot be
//! reused, so the rest of the group is killed without hitting strangers. Orphans of attempts that have ended are killed too.

use std::os::unix::process::ExitStatusExt;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getpgid, getsid};
use wait4::{ResUse, Wait4};

use super::Shared;
use super::signals::kill_tree;
use super::table::{Orphan, Running, Slot, Table};
use crate::runner::environ::ATTEMPT_KEY;
use crate::supervisor::procfs::{self, Children};
use crate::supervisor::wire::{Ended, Event, How};
use crate::sync::{lock, wait};

/// Reaps for ever.
pub(super) fn work(shared: &Shared) {
    let mut children = Children::open();
    loop {
        match waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
            Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) => {
                collect(shared, &mut children, pid.as_raw());
            }
            Err(Errno::ECHILD) => wait_for_a_child(shared),
            // nix has no name for a realtime signal; the process waits all the same
            Err(Errno::EINVAL) => {
                if let Some(pid) = find_unnamed_end(shared, &mut children) {
                    collect(shared, &mut children, pid);
                }
            }
            Ok(_) | Err(_) => {}
        }
    }
}

fn wait_for_a_child(shared: &Shared) {
    let mut table = lock(&shared.table);
    while table.by_pid.is_empty() {
        table = wait(&shared.changed, table);
    }
}

fn find_unnamed_end(shared: &Shared, children: &mut Children) -> Option<i32> {
    let mut pids = children.read();
    pids.extend(lock(&shared.table).by_pid.keys());
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
    pids.into_iter()
        .find(|pid| !matches!(waitid(Id::Pid(Pid::from_raw(*pid)), flags), Ok(WaitStatus::StillAlive)))
}

fn collect(shared: &Shared, children: &mut Children, pid: i32) {
    let mut table = lock(&shared.table);
    // a spawn that is not over yet may be this child's
    let ticket = table.latest_ticket();
    while !table.by_pid.contains_key(&pid) && table.is_in_flight(ticket) {
        table = wait(&shared.changed, table);
    }
    let ended = match table.by_pid.remove(&pid) {
        Some(key) => collect_main(&mut table, &key, pid),
        None => {
            table.orphans.remove(&pid);
            let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
            None
        }
    };
    sweep(&mut table, children);
    drop(table);
    if let Some(ended) = ended {
        shared.outbox.push([Event::Ended(ended)]);
    }
}

fn collect_main(table: &mut Table, key: &str, pid: i32) -> Option<Ended> {
    let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    let Some(Slot::Running(mut running)) = table.slots.remove(key) else { return None };
    let ended = match running.child.wait4() {
        Ok(used) => ended(key, &running, &used),
        Err(error) => {
            tracing::warn!(attempt = key, pid, %error, "cannot collect an exit code");
            return None;
        }
    };
    table.slots.insert(key.to_owned(), Slot::Ended(ended.clone()));
    Some(ended)
}

fn ended(key: &str, running: &Running, used: &ResUse) -> Ended {
    let how = match (used.status.code(), used.status.signal()) {
        (Some(code), _) => How::Code(code),
        (None, signal) => How::Signal(signal.unwrap_or(0)),
    };
    let cpu = used.rusage.utime + used.rusage.stime;
    Ended {
        key: key.to_owned(),
        how,
        start: running.start,
        end: crate::clock::now(),
        cpu_micros: u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX),
        max_rss_bytes: used.rusage.maxrss,
        lease_expired: running.lease.is_some_and(|lease| lease.kill_at_boot_ms.is_some()),
    }
}

/// Kills orphans of attempts that have ended. With no orphans, the usual case, this is one read.
fn sweep(table: &mut Table, children: &mut Children) {
    for pid in children.read() {
        if !table.orphans.contains_key(&pid) {
            let orphan = Orphan { owner: find_owner(table, pid), ordinal: table.latest_ticket() };
            table.orphans.insert(pid, orphan);
        }
        if table.orphans.get(&pid).is_some_and(|orphan| table.is_abandoned(orphan)) {
            kill_tree(pid);
        }
    }
}

/// The attempt a process belongs to: its environment says, or its session or group is an attempt's.
fn find_owner(table: &Table, pid: i32) -> Option<String> {
    if let Some(key) = procfs::find_variable(pid, ATTEMPT_KEY) {
        return Some(key);
    }
    let leaders = [getsid(Some(Pid::from_raw(pid))), getpgid(Some(Pid::from_raw(pid)))];
    leaders.into_iter().flatten().find_map(|leader| table.by_pid.get(&leader.as_raw()).cloned())
}
