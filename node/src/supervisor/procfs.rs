//! Questions to `/proc` about processes: who descends from whom, and which attempt a process belongs to.
//!
//! Processes come and go while one reads; what has vanished is simply not in the answer. Nothing here runs per action except
//! [`Children::read`], one small read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

/// 4 MiB: the system allows arguments and environment of a quarter of the stack limit, 2 MiB by default.
const MAX_ENVIRON_BYTES: u64 = 4 << 20;

/// Bounds a walk over a tree that grows while it is walked (a fork bomb).
const MAX_DESCENDANTS: usize = 100_000;

/// The children of this process's main thread. It never spawns, so these are the orphans the kernel has given to this process.
pub(crate) struct Children {
    file: Option<File>,
    buffer: Vec<u8>,
}

impl Children {
    /// Opens the list; where the kernel has none ([`Children::read`] then answers from a walk over all processes).
    pub(crate) fn open() -> Self {
        let pid = std::process::id();
        Self { file: File::open(format!("/proc/self/task/{pid}/children")).ok(), buffer: vec![0; 16 << 10] }
    }

    pub(crate) fn read(&mut self) -> Vec<i32> {
        let Some(file) = &self.file else { return children_by_walk() };
        let mut pids = Vec::new();
        let mut offset = 0;
        let mut rest = String::new();
        while let Ok(length @ 1..) = file.read_at(&mut self.buffer, offset) {
            offset += length as u64;
            rest.push_str(&String::from_utf8_lossy(&self.buffer[..length]));
            let complete = rest.rfind(' ').map_or(0, |at| at + 1);
            pids.extend(
                rest[..complete].split_ascii_whitespace().filter_map(|word| word.parse::<i32>().ok()),
            );
            rest.drain(..complete);
        }
        pids
    }
}

fn children_by_walk() -> Vec<i32> {
    let own = std::process::id() as i32;
    all().into_iter().filter(|pid| parent(*pid) == Some(own)).collect()
}

/// All processes.
pub(crate) fn all() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// All that descend from `root`, without it.
pub(crate) fn descendants(root: i32) -> Vec<i32> {
    let mut found = Vec::new();
    let mut next = vec![root];
    while let Some(pid) = next.pop() {
        for child in children(pid) {
            if found.len() >= MAX_DESCENDANTS {
                return found;
            }
            found.push(child);
            next.push(child);
        }
    }
    found
}

fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut found = Vec::new();
    for thread in threads.flatten() {
        if let Ok(text) = fs::read_to_string(thread.path().join("children")) {
            found.extend(text.split_ascii_whitespace().filter_map(|word| word.parse::<i32>().ok()));
        }
    }
    found
}

fn parent(pid: i32) -> Option<i32> {
    stat_fields(pid)?.get(1)?.parse().ok()
}

/// True for a process that has ended and waits to be reaped, and for one that is not there.
pub(crate) fn is_dead(pid: i32) -> bool {
    stat_fields(pid).is_none_or(|fields| matches!(fields.first().map(String::as_str), None | Some("Z" | "X")))
}

/// The fields of `/proc/PID/stat` after the name, which may itself hold blanks and brackets.
fn stat_fields(pid: i32) -> Option<Vec<String>> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_ascii_whitespace().map(str::to_owned).collect())
}

/// What a process has in memory.
pub(crate) fn resident_bytes(pid: i32) -> u64 {
    let read = || -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
        text.split_ascii_whitespace().nth(1)?.parse().ok()
    };
    read().unwrap_or(0).saturating_mul(rustix::param::page_size() as u64)
}

/// The value of a variable in the environment the process was started with.
pub(crate) fn find_variable(pid: i32, name: &str) -> Option<String> {
    let bytes = read_environ(pid).ok()?;
    let found = bytes
        .split(|byte| *byte == 0)
        .find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
    Some(String::from_utf8_lossy(found).into_owned())
}

fn read_environ(pid: i32) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(format!("/proc/{pid}/environ"))?.take(MAX_ENVIRON_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    #[test]
    fn a_process_is_found_with_its_parent_and_variables() {
        let mut cat = Command::new("/bin/cat");
        let mut child = cat.env("LP_T", "a b").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let pid = child.id() as i32;
        // once it echoes it has surely been executed, and its environment can be read
        child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();

        assert_eq!(parent(pid), Some(std::process::id() as i32));
        assert!(descendants(std::process::id() as i32).contains(&pid));
        assert_eq!(find_variable(pid, "LP_T").as_deref(), Some("a b"));
        assert_eq!(find_variable(pid, "LP"), None);
        assert!(!is_dead(pid));

        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_dead(pid));
    }
}
