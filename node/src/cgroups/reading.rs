//! What a group has counted.

use std::fs;
use std::path::{Path, PathBuf};

/// Zero where the kernel does not count it here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) cpu_micros: u64,
    pub(crate) peak_memory_bytes: u64,
    pub(crate) read_bytes: u64,
    pub(crate) written_bytes: u64,
    /// Processes the kernel has killed because the group was at its limit.
    pub(crate) oom_kills: u64,
}

impl Reading {
    pub(crate) fn of(dirs: &[PathBuf]) -> Self {
        let mut reading = Self::default();
        for dir in dirs {
            reading.add(dir);
        }
        reading
    }

    fn add(&mut self, dir: &Path) {
        let text = |name: &str| fs::read_to_string(dir.join(name)).unwrap_or_default();
        let number = |name: &str| text(name).trim().parse::<u64>().unwrap_or(0);
        self.peak_memory_bytes =
            self.peak_memory_bytes.max(number("memory.peak")).max(number("memory.max_usage_in_bytes"));
        // version 2 has both words in `memory.events`, version 1 in `memory.oom_control`
        self.oom_kills +=
            value(&text("memory.events"), "oom_kill") + value(&text("memory.oom_control"), "oom_kill");
        // version 1 counts in billionths of a second, and has a `cpu.stat` of other words
        self.cpu_micros += value(&text("cpu.stat"), "usage_usec") + number("cpuacct.usage") / 1000;
        for line in text("io.stat").lines() {
            self.read_bytes += pair(line, "rbytes");
            self.written_bytes += pair(line, "wbytes");
        }
    }
}

/// The number after a word at the beginning of a line.
fn value(text: &str, word: &str) -> u64 {
    let found = text.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' ')?.trim().parse().ok());
    found.unwrap_or(0)
}

/// `8:0 rbytes=1 wbytes=2`.
fn pair(line: &str, word: &str) -> u64 {
    let found = line
        .split_ascii_whitespace()
        .find_map(|part| part.strip_prefix(word)?.strip_prefix('=')?.parse().ok());
    found.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read_and_what_is_missing_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let lay = |name: &str, files: &[(&str, &str)]| {
            let group = dir.path().join(name);
            fs::create_dir(&group).unwrap();
            for (name, content) in files {
                fs::write(group.join(name), content).unwrap();
            }
            group
        };
        let second = lay(
            "second",
            &[
                ("memory.peak", "4096\n"),
                ("memory.events", "low 0\noom 3\noom_kill 2\noom_group_kill 1\n"),
                ("cpu.stat", "usage_usec 1500000\nuser_usec 1\n"),
                ("io.stat", "8:0 rbytes=10 wbytes=20 rios=1\n8:16 rbytes=1 wbytes=2\n"),
            ],
        );
        let first = lay(
            "first",
            &[
                ("memory.max_usage_in_bytes", "8192\n"),
                ("memory.oom_control", "oom_kill_disable 0\noom_kill 1\n"),
            ],
        );

        let expected = Reading {
            cpu_micros: 1_500_000,
            peak_memory_bytes: 4096,
            read_bytes: 11,
            written_bytes: 22,
            oom_kills: 2,
        };
        assert_eq!(Reading::of(&[second]), expected);
        let expected = Reading { peak_memory_bytes: 8192, oom_kills: 1, ..Reading::default() };
        assert_eq!(Reading::of(&[first]), expected);
        assert_eq!(Reading::of(&[dir.path().join("none")]), Reading::default());
    }
}
