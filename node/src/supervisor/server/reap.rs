//! Waiting for children.
//!
//! A dead main process is looked at before it is reaped: as long as it is a zombie its number, which is also its group's, cannot be
//! reused, so the rest of the group is killed without hitting strangers. Orphans of attempts that have ended are killed too.

use std::os::unix::process::ExitStatusExt;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getpgid, getsid};

use super::Shared;
use super::signals::kill_tree;
use super::sys;
use super::table::{Orphan, Running, Slot, Table};
use crate::cgroups::Group;
use crate::runner::environ::ATTEMPT_KEY;
use crate::supervisor::leftovers::NODE_ID;
use crate::supervisor::procfs::{self, Children};
use crate::supervisor::wire::{Ended, Event, How};
use crate::sync::{lock, wait};

/// What the main thread has besides the table.
struct Reaper<'s> {
    shared: &'s Shared,
    children: Children,
    /// The node whose programs these are.
    node_id: Option<String>,
    /// An orphan has ended, and its children may have come to us.
    unswept: bool,
}

/// Reaps for ever.
pub(super) fn work(shared: &Shared) {
    let node_id = std::env::var(NODE_ID).ok();
    let mut reaper = Reaper { shared, children: Children::open(), node_id, unswept: false };
    let ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    loop {
        // a crowd of dead orphans is reaped first and looked after once
        let flags = if reaper.unswept { ended | WaitPidFlag::WNOHANG } else { ended };
        match waitid(Id::All, flags) {
            Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) => reaper.collect(pid.as_raw()),
            Ok(WaitStatus::StillAlive) => reaper.sweep_late(),
            Err(Errno::ECHILD) => {
                reaper.unswept = false;
                wait_for_a_child(shared);
            }
            // nix has no name for a realtime signal; the process waits all the same
            Err(Errno::EINVAL) => {
                if let Some(pid) = find_unnamed_end(shared, &mut reaper.children) {
                    reaper.collect(pid);
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

impl Reaper<'_> {
    fn collect(&mut self, pid: i32) {
        let mut table = lock(&self.shared.table);
        // a spawn that is not over yet may be this child's
        let ticket = table.latest_ticket();
        while !table.by_pid.contains_key(&pid) && table.is_in_flight(ticket) {
            table = wait(&self.shared.changed, table);
        }
        match table.by_pid.remove(&pid) {
            Some(key) => {
                let ended = self.collect_main(&mut table, &key, pid);
                drop(table);
                self.shared.outbox.push(ended.map(Event::Ended));
            }
            None => {
                table.orphans.remove(&pid);
                let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
                self.unswept = true;
            }
        }
    }

    fn collect_main(&mut self, table: &mut Table, key: &str, pid: i32) -> Option<Ended> {
        let Some(Slot::Running(running)) = table.slots.remove(key) else { return None };
        // its children are ours by now; first those that left the group, as long as they can be found by their parents in it
        self.sweep(table);
        let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        if let Some(group) = &running.group {
            group.kill();
        }
        let ended = ended(key, &running);
        table.groups.extend(running.group);
        remove_groups(table);
        table.slots.insert(key.to_owned(), Slot::Ended(ended.clone()));
        Some(ended)
    }

    fn sweep_late(&mut self) {
        self.unswept = false;
        let mut table = lock(&self.shared.table);
        self.sweep(&mut table);
        remove_groups(&mut table);
    }

    /// Kills orphans of attempts that have ended. With no orphans, the usual case, this is one read.
    fn sweep(&mut self, table: &mut Table) {
        for pid in self.children.read() {
            if !table.orphans.contains_key(&pid) {
                let owner = self.find_owner(table, pid);
                table.orphans.insert(pid, Orphan { owner, ordinal: table.latest_ticket(), killed: false });
            }
            let is_due = |orphan: &Orphan| !orphan.killed && table.is_abandoned(orphan);
            if table.orphans.get(&pid).is_some_and(is_due)
                && let Some(orphan) = table.orphans.get_mut(&pid)
            {
                // once is enough: nothing survives it, and what it leaves comes to us
                orphan.killed = true;
                kill_tree(pid);
            }
        }
    }

    /// The attempt a process belongs to: its environment says, or its session or group is an attempt's.
    fn find_owner(&self, table: &Table, pid: i32) -> Option<String> {
        if let Some(key) = procfs::find_variable(pid, ATTEMPT_KEY)
            // a program may itself run a node, whose attempts are not ours
            && procfs::find_variable(pid, NODE_ID) == self.node_id
        {
            return Some(key);
        }
        let leaders = [getsid(Some(Pid::from_raw(pid))), getpgid(Some(Pid::from_raw(pid)))];
        leaders.into_iter().flatten().find_map(|leader| table.by_pid.get(&leader.as_raw()).cloned())
    }
}

/// Removes what can be; the rest when more has ended.
fn remove_groups(table: &mut Table) {
    table.groups.retain(|group| {
        group.kill();
        group.remove().is_err()
    });
}

/// Reaps a main process.
fn ended(key: &str, running: &Running) -> Ended {
    let used = sys::wait(running.pid);
    let how = match &used {
        Ok(used) => match (used.status.code(), used.status.signal()) {
            (Some(code), _) => How::Code(code),
            (None, Some(signal)) => How::Signal(signal),
            (None, None) => How::Unknown,
        },
        Err(error) => {
            tracing::warn!(attempt = key, pid = running.pid, %error, "cannot collect an exit code");
            How::Unknown
        }
    };
    let used = used.unwrap_or_default();
    // of processes nobody has waited for only the group knows
    let group = running.group.as_ref().map(Group::read).unwrap_or_default();
    let cpu_micros = u64::try_from(used.cpu.as_micros()).unwrap_or(u64::MAX);
    Ended {
        key: key.to_owned(),
        how,
        start: running.start,
        end: crate::clock::now(),
        cpu_micros: cpu_micros.max(group.cpu_micros),
        max_rss_bytes: used.max_rss_bytes.max(group.peak_memory_bytes).max(running.peak_watched()),
        read_bytes: used.read_bytes.max(group.read_bytes),
        written_bytes: used.written_bytes.max(group.written_bytes),
        out_of_memory: running.out_of_memory(&group),
        lease_expired: running.lease.is_some_and(|lease| lease.kill_at_boot_ms.is_some()),
    }
}
