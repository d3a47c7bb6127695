//! One attempt's group, as plain directories and files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::reading::Reading;

/// 100 ms: the period in which a share of the processors is given out, the kernel's default.
const PERIOD_MICROS: u64 = 100_000;

/// 1 ms in a period is the least the kernel takes.
const LEAST_QUOTA_MICROS: u64 = 1000;

/// What a group keeps its processes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) cpu_millis: Option<u64>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) processes: u64,
}

/// A group to be made for an attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    /// One directory, or in version 1 one for each controller.
    pub(crate) dirs: Vec<PathBuf>,
    /// Written in this order into files of the directories. Those that must be written come first.
    pub(crate) settings: Vec<(PathBuf, String)>,
    /// How many of `settings` must succeed.
    pub(crate) required: usize,
    pub(crate) memory_limit: Option<u64>,
    /// The directories above are the node's, made with the first and removed with the last of these.
    #[serde(default)]
    pub(crate) with_parents: bool,
}

impl Group {
    pub(super) fn second(base: &Path, controllers: &[String], name: &str, limits: Limits) -> Self {
        let dir = base.join(name);
        let has = |controller: &str| controllers.iter().any(|own| own == controller);
        let mut group = Self { dirs: vec![dir.clone()], ..Self::default() };
        if let Some(bytes) = limits.memory_bytes.filter(|_| has("memory")) {
            group.require(dir.join("memory.max"), bytes.to_string());
            group.memory_limit = Some(bytes);
        }
        if let Some(millis) = limits.cpu_millis.filter(|_| has("cpu")) {
            group.require(dir.join("cpu.max"), format!("{} {PERIOD_MICROS}", quota(millis)));
        }
        if group.memory_limit.is_some() {
            // without them a limit is kept by swapping, and half an attempt can survive
            group.wish(dir.join("memory.swap.max"), "0".to_owned());
            group.wish(dir.join("memory.oom.group"), "1".to_owned());
        }
        if has("pids") {
            group.wish(dir.join("pids.max"), limits.processes.to_string());
        }
        group
    }

    /// None where no tree has a controller for any of the limits.
    pub(super) fn first(trees: &[(String, PathBuf)], name: &str, limits: Limits) -> Option<Self> {
        let mut group = Self { with_parents: true, ..Self::default() };
        let dir = |controller: &str| {
            trees.iter().find(|(own, _)| own == controller).map(|(_, base)| base.join(name))
        };
        if let (Some(bytes), Some(dir)) = (limits.memory_bytes, dir("memory")) {
            group.require(dir.join("memory.limit_in_bytes"), bytes.to_string());
            group.memory_limit = Some(bytes);
            group.dirs.push(dir);
        }
        if let (Some(millis), Some(dir)) = (limits.cpu_millis, dir("cpu")) {
            group.require(dir.join("cpu.cfs_period_us"), PERIOD_MICROS.to_string());
            group.require(dir.join("cpu.cfs_quota_us"), quota(millis).to_string());
            group.dirs.push(dir);
        }
        if group.dirs.is_empty() {
            return None;
        }
        if let (Some(bytes), Some(dir)) = (group.memory_limit, dir("memory")) {
            group.wish(dir.join("memory.memsw.limit_in_bytes"), bytes.to_string());
        }
        if let Some(dir) = dir("pids") {
            group.wish(dir.join("pids.max"), limits.processes.to_string());
            group.dirs.push(dir);
        }
        Some(group)
    }

    fn require(&mut self, file: PathBuf, value: String) {
        self.settings.push((file, value));
        self.required = self.settings.len();
    }

    fn wish(&mut self, file: PathBuf, value: String) {
        self.settings.push((file, value));
    }

    /// Makes the directories and writes the limits; the files to write `0` into in order to join.
    ///
    /// # Errors
    /// A directory or a limit is refused; nothing is left behind.
    pub(crate) fn make(&self) -> io::Result<Vec<File>> {
        let made = self.try_make();
        if made.is_err() {
            let _ = self.remove();
        }
        made
    }

    fn try_make(&self) -> io::Result<Vec<File>> {
        for dir in &self.dirs {
            // one of this name is this attempt's own, from a spawn that was refused
            match self.create(dir) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        for (index, (file, value)) in self.settings.iter().enumerate() {
            let written = OpenOptions::new()
                .write(true)
                .open(file)
                .and_then(|mut file| file.write_all(value.as_bytes()));
            match written {
                Err(error) if index < self.required => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        self.doors()
    }

    fn create(&self, dir: &Path) -> io::Result<()> {
        match (fs::create_dir(dir), dir.parent()) {
            (Err(error), Some(parent)) if self.with_parents && error.kind() == io::ErrorKind::NotFound => {
                // another of the node's may have made it at the same moment
                let _ = fs::create_dir(parent);
                fs::create_dir(dir)
            }
            (result, _) => result,
        }
    }

    /// The files to join an existing group by.
    pub(crate) fn doors(&self) -> io::Result<Vec<File>> {
        let open = |dir: &PathBuf| OpenOptions::new().write(true).open(dir.join("cgroup.procs"));
        self.dirs.iter().map(open).collect()
    }

    /// What its processes have used so far, and whether the kernel killed one for its memory.
    pub(crate) fn read(&self) -> Reading {
        Reading::of(&self.dirs)
    }

    /// Kills whatever is in it.
    pub(crate) fn kill(&self) {
        self.dirs.iter().take(1).for_each(|dir| kill(dir));
    }

    /// Removes it.
    ///
    /// # Errors
    /// Something in it has not ended yet: to be tried again.
    pub(crate) fn remove(&self) -> io::Result<()> {
        self.dirs.iter().try_for_each(|dir| remove(dir))?;
        if self.with_parents {
            // refused while another group is in it
            self.dirs.iter().filter_map(|dir| dir.parent()).for_each(|parent| _ = fs::remove_dir(parent));
        }
        Ok(())
    }

    /// A group somebody has left: its processes are killed. To be removed when they have gone.
    pub(crate) fn left(dir: PathBuf) -> Self {
        Self { dirs: vec![dir], with_parents: true, ..Self::default() }
    }
}

/// Microseconds in a period.
fn quota(cpu_millis: u64) -> u64 {
    (cpu_millis.saturating_mul(PERIOD_MICROS) / 1000).max(LEAST_QUOTA_MICROS)
}

/// In one blow where the kernel can (version 2 since 5.14); else one after the other until a look finds nothing new.
fn kill(dir: &Path) {
    if fs::write(dir.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    for _ in 0..8 {
        let Ok(text) = fs::read_to_string(dir.join("cgroup.procs")) else { return };
        let pids: Vec<i32> = text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
        // 0 is a process of another namespace: a signal to it would be one to ourselves
        let pids: Vec<i32> = pids.into_iter().filter(|pid| *pid > 0).collect();
        if pids.iter().all(|pid| crate::supervisor::procfs::is_dead(*pid)) {
            return;
        }
        for pid in pids {
            let pid = nix::unistd::Pid::from_raw(pid);
            // what cannot be signalled has ended meanwhile
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
    }
}

/// Groups that a program has made inside go first.
fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(()) => return Ok(()),
        Err(_) => {}
    }
    for entry in fs::read_dir(dir)?.flatten() {
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { cpu_millis: Some(1500), memory_bytes: Some(64 << 20), processes: 99 };

    fn settings(group: &Group) -> Vec<(String, String)> {
        let name = |path: &PathBuf| path.strip_prefix("/c").unwrap().to_str().unwrap().to_owned();
        group.settings.iter().map(|(file, value)| (name(file), value.clone())).collect()
    }

    #[test]
    fn limits_are_written_as_each_version_has_them() {
        let all = ["cpu", "memory", "pids"].map(str::to_owned);
        let second = Group::second(Path::new("/c"), &all, "a", LIMITS);
        let trees = all.map(|name| (name.clone(), Path::new("/c").join(name)));
        let first = Group::first(&trees, "a", LIMITS).unwrap();

        let expected = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(file, value)| ((*file).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        };
        let memory = "67108864";
        assert_eq!(
            settings(&second),
            expected(&[
                ("a/memory.max", memory),
                ("a/cpu.max", "150000 100000"),
                ("a/memory.swap.max", "0"),
                ("a/memory.oom.group", "1"),
                ("a/pids.max", "99"),
            ])
        );
        assert_eq!(
            settings(&first),
            expected(&[
                ("memory/a/memory.limit_in_bytes", memory),
                ("cpu/a/cpu.cfs_period_us", "100000"),
                ("cpu/a/cpu.cfs_quota_us", "150000"),
                ("memory/a/memory.memsw.limit_in_bytes", memory),
                ("pids/a/pids.max", "99"),
            ])
        );
        assert_eq!((second.required, first.required), (2, 3));
        assert_eq!(first.dirs.len(), 3);
    }

    #[test]
    fn a_share_too_small_for_the_kernel_is_its_least() {
        assert_eq!((quota(1), quota(10), quota(250), quota(2000)), (1000, 1000, 25_000, 200_000));
    }

    #[test]
    fn a_group_that_cannot_be_limited_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let group = Group::second(dir.path(), &["memory".to_owned()], "a", LIMITS);

        assert!(group.make().is_err(), "an ordinary directory has no memory.max");
        assert!(!dir.path().join("a").exists());
        assert!(group.remove().is_ok(), "what is not there is removed");
    }
}
