//! What processes of the cluster use, from `/proc`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};
use nix::unistd::{SysconfVar, sysconf};

/// Whether the time of children that have ended and were waited for counts too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Children {
    Count,
    LeaveOut,
}

/// Resident memory of a process; None where it has ended.
pub(super) fn resident_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// Processor time a process has used since it began; None where it has ended.
pub(super) fn cpu_time(pid: u32, children: Children) -> Option<Duration> {
    let own = threads_time(pid).or_else(|| ticks(pid, 13..15))?;
    match children {
        Children::LeaveOut => Some(own),
        Children::Count => Some(own + ticks(pid, 15..17)?),
    }
}

/// The sum over the threads in nanoseconds, where the kernel counts them; threads that have ended are missing from it, ours live long.
fn threads_time(pid: u32) -> Option<Duration> {
    let mut total = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        total += text.split_ascii_whitespace().next()?.parse::<u64>().ok()?;
    }
    (total > 0).then_some(Duration::from_nanos(total))
}

/// The sum of two neighbouring fields of `/proc/PID/stat` (user and system time), counted from 0 as proc(5) does from 1.
fn ticks(pid: u32, fields: std::ops::Range<usize>) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // the second field is the program's name in brackets, with any characters in it
    let rest = stat.rsplit_once(") ")?.1;
    let values: Vec<&str> = rest.split_ascii_whitespace().collect();
    let sum: u64 = fields.map(|field| values.get(field - 2)?.parse::<u64>().ok()).sum::<Option<u64>>()?;
    let per_second = sysconf(SysconfVar::CLK_TCK).ok()??;
    Some(Duration::from_secs_f64(sum as f64 / per_second as f64))
}

/// Processor time of this process and of the children it has waited for.
pub(super) fn own_cpu_time() -> Duration {
    let time = |value: TimeVal| Duration::from_micros(value.num_microseconds().unsigned_abs());
    [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN]
        .into_iter()
        .filter_map(|who| getrusage(who).ok())
        .map(|usage| time(usage.user_time()) + time(usage.system_time()))
        .sum()
}

/// The processes whose command line has this word and a word that begins with this path.
pub(super) fn find(word: &str, path: &Path) -> Vec<u32> {
    let path = path.as_os_str().as_encoded_bytes();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
        let mut words = line.split(|byte| *byte == 0);
        words.clone().any(|found| found == word.as_bytes()) && words.any(|found| found.starts_with(path))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_time() {
        let pid = std::process::id();

        assert!(resident_bytes(pid).unwrap() > 100_000);
        assert!(cpu_time(pid, Children::LeaveOut).is_some());
        assert!(ticks(pid, 15..17).is_some());
    }

    #[test]
    fn a_process_that_is_gone_uses_nothing() {
        let pid = u32::MAX;

        assert_eq!((resident_bytes(pid), cpu_time(pid, Children::Count)), (None, None));
    }
}
