//! What outlives the parts of a cluster on purpose: supervisors and the programs they run. A test's directory names them all.

use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Kills every process that was started for something below this directory.
pub fn end(directory: &Path) {
    for pid in find(directory) {
        // an error means that it has ended already
        kill(pid, Signal::SIGKILL).ok();
    }
}

/// The processes with this directory in their command line, environment or working directory, but this one.
pub fn find(directory: &Path) -> Vec<Pid> {
    let needle = directory.as_os_str().as_encoded_bytes();
    let has_needle = |path: String| {
        fs::read(path).is_ok_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
    };
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| Ok(*pid) != i32::try_from(std::process::id()))
        .filter(|pid| {
            has_needle(format!("/proc/{pid}/cmdline"))
                || has_needle(format!("/proc/{pid}/environ"))
                || fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(directory))
        })
        .map(Pid::from_raw)
        .collect()
}
