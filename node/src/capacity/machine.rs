//! What the machine has and how busy it is.

use std::fs;
use std::path::Path;

use lp_protocol::frames::NodeLoad;
use lp_protocol::plan::Resources;
use nix::sys::statvfs::statvfs;

/// Processors and memory of this machine; slots and what is only known to its owner are left at nothing.
pub(crate) fn machine() -> Resources {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    Resources {
        slots: 0,
        cpu_millis: cpus as u64 * 1000,
        memory_bytes: memory("MemTotal:").unwrap_or(0),
        ..Resources::default()
    }
}

/// How many attempts run and wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) running: u32,
    pub(crate) waiting: u32,
}

/// What a heartbeat tells.
pub(crate) fn load(attempts: Load, data: &Path) -> NodeLoad {
    let disk = statvfs(data).ok();
    let bytes = |blocks: u64| disk.map_or(0, |disk| blocks.saturating_mul(disk.fragment_size()));
    NodeLoad {
        running: attempts.running,
        waiting: attempts.waiting,
        disk_free_bytes: bytes(disk.map_or(0, |disk| disk.blocks_available())),
        disk_total_bytes: bytes(disk.map_or(0, |disk| disk.blocks())),
        memory_available_bytes: memory("MemAvailable:").unwrap_or(0),
        load1: load_average().unwrap_or(0.0),
    }
}

fn memory(name: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn load_average() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_processors_memory_and_a_disk() {
        let found = machine();
        assert!(found.cpu_millis >= 1000 && found.memory_bytes > 1 << 20);

        let load = load(Load { running: 1, waiting: 2 }, Path::new("/"));
        assert!(
            load.disk_total_bytes >= load.disk_free_bytes
                && load.disk_total_bytes > 0
                && load.memory_available_bytes > 0
        );
        assert_eq!((load.running, load.waiting), (1, 2));
    }
}
