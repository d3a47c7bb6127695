//! What of control groups this machine has and this node may use.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::group::{Group, Limits};

/// The controllers an attempt's limits need. `io` only counts, so it may be missing.
const WANTED: [&str; 4] = ["cpu", "memory", "pids", "io"];

/// Where groups are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cgroups {
    /// One tree; the group of this node in it, and which of the controllers it passes on.
    V2 { base: PathBuf, controllers: Vec<String> },
    /// A tree for each controller: its name and the group of this node in it.
    V1 { trees: Vec<(String, PathBuf)> },
    /// None can be used, and why.
    None { why: String },
}

/// Where the kernel says what is mounted and where this process is; other directories in tests.
#[derive(Clone, Debug)]
pub(super) struct Kernel {
    pub(super) mountinfo: String,
    pub(super) own: String,
}

impl Kernel {
    fn read() -> io::Result<Self> {
        Ok(Self {
            mountinfo: fs::read_to_string("/proc/self/mountinfo")?,
            own: fs::read_to_string("/proc/self/cgroup")?,
        })
    }
}

impl Cgroups {
    /// Finds the best that can be used and makes this node's group in it.
    pub(crate) fn find(node_id: &str) -> Self {
        match Kernel::read() {
            Ok(kernel) => Self::find_in(&kernel, &format!("lp-{node_id}")),
            Err(error) => Cgroups::None { why: format!("/proc cannot be read: {error}") },
        }
    }

    pub(super) fn find_in(kernel: &Kernel, name: &str) -> Self {
        let mounts = mounts(&kernel.mountinfo);
        let second = mounts.iter().find(|mount| mount.version == 2);
        let mut why = Vec::new();
        if let Some(mount) = second {
            match second_version(mount, &own_path(&kernel.own, ""), name) {
                Ok(found) => return found,
                Err(reason) => why.push(format!("version 2: {reason}")),
            }
        }
        match first_version(&mounts, &kernel.own, name) {
            Ok(Some(found)) => return found,
            Ok(None) => {}
            Err(reason) => why.push(format!("version 1: {reason}")),
        }
        if why.is_empty() {
            why.push("none is mounted".to_owned());
        }
        Cgroups::None { why: why.join("; ") }
    }

    /// The group of one attempt; None where it has no limit that a group could keep.
    pub(crate) fn group(&self, name: &str, limits: Limits) -> Option<Group> {
        if limits.cpu_millis.is_none() && limits.memory_bytes.is_none() {
            return None;
        }
        match self {
            Cgroups::V2 { base, controllers } => Some(Group::second(base, controllers, name, limits)),
            Cgroups::V1 { trees } => Group::first(trees, name, limits),
            Cgroups::None { .. } => None,
        }
    }

    /// True where a limit of memory is the kernel's.
    pub(crate) fn keeps_memory(&self) -> bool {
        self.has("memory")
    }

    /// True where a limit of processors is the kernel's.
    pub(crate) fn keeps_cpus(&self) -> bool {
        self.has("cpu")
    }

    fn has(&self, controller: &str) -> bool {
        match self {
            Cgroups::V2 { controllers, .. } => controllers.iter().any(|own| own == controller),
            Cgroups::V1 { trees } => trees.iter().any(|(own, _)| own == controller),
            Cgroups::None { .. } => false,
        }
    }

    /// Removes the groups of attempts whose supervisor has died, with what runs in them.
    pub(crate) fn sweep(&self) {
        for dir in self.leftovers() {
            let group = Group::left(dir);
            group.kill();
            if let Err(error) = group.remove() {
                tracing::debug!(%error, "a control group of an earlier supervisor cannot be removed yet");
            }
        }
    }

    /// The groups of attempts that are there, in whatever tree.
    fn leftovers(&self) -> Vec<PathBuf> {
        let bases: Vec<&PathBuf> = match self {
            Cgroups::V2 { base, .. } => vec![base],
            Cgroups::V1 { trees } => trees.iter().map(|(_, base)| base).collect(),
            Cgroups::None { .. } => Vec::new(),
        };
        let inside = |base: &PathBuf| fs::read_dir(base).into_iter().flatten().flatten();
        let dirs =
            bases.into_iter().flat_map(inside).filter(|entry| entry.file_type().is_ok_and(|t| t.is_dir()));
        dirs.map(|entry| entry.path()).collect()
    }
}

struct Mount {
    version: u8,
    /// The part of the whole tree that is mounted here (a container sees only its own).
    root: String,
    point: PathBuf,
    /// Version 1: its controllers.
    options: Vec<String>,
}

/// `36 35 98:0 /root /point rw - type source options`.
fn mounts(mountinfo: &str) -> Vec<Mount> {
    let mut found = Vec::new();
    for line in mountinfo.lines() {
        let Some((place, kind)) = line.split_once(" - ") else { continue };
        let (place, kind): (Vec<&str>, Vec<&str>) = (place.split(' ').collect(), kind.split(' ').collect());
        let (Some(root), Some(point), Some(fs)) = (place.get(3), place.get(4), kind.first()) else {
            continue;
        };
        let version = match *fs {
            "cgroup2" => 2,
            "cgroup" => 1,
            _ => continue,
        };
        let options = kind.get(2).unwrap_or(&"").split(',').map(str::to_owned).collect();
        found.push(Mount { version, root: (*root).to_owned(), point: PathBuf::from(*point), options });
    }
    found
}

/// This process's path in the tree of a controller; "" is version 2. `4:memory:/path`.
fn own_path(own: &str, controller: &str) -> String {
    let line = own.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        controllers.split(',').any(|one| one == controller).then_some(path)
    });
    line.unwrap_or("/").to_owned()
}

/// Where a path of the whole tree is seen.
fn seen_at(mount: &Mount, path: &str) -> PathBuf {
    let inside = path.strip_prefix(mount.root.as_str()).or(path.strip_prefix('/')).unwrap_or("");
    let place = mount.point.join(inside.trim_start_matches('/'));
    if place.is_dir() { place } else { mount.point.clone() }
}

/// Groups with processes of their own pass no controllers on, so what is in ours moves into a group beside those of the attempts.
fn second_version(mount: &Mount, own: &str, name: &str) -> Result<Cgroups, String> {
    let own = seen_at(mount, own);
    let offered = words(&own.join("cgroup.controllers"))
        .map_err(|error| format!("`{}` cannot be read: {error}", own.display()))?;
    let wanted: Vec<&str> =
        WANTED.into_iter().filter(|one| offered.iter().any(|offered| offered == one)).collect();
    if !wanted.contains(&"memory") && !wanted.contains(&"cpu") {
        return Err("it has neither the memory nor the cpu controller here".to_owned());
    }
    let base = own.join(name);
    make(&base)?;
    let passed = |dir: &Path| {
        wanted
            .iter()
            .filter(|one| write(&dir.join("cgroup.subtree_control"), &format!("+{one}")).is_ok())
            .count()
    };
    if passed(&own) < wanted.len() {
        evacuate(&own)?;
        if passed(&own) == 0 {
            return Err(format!("`{}` passes no controllers on", own.display()));
        }
    }
    passed(&base);
    let controllers = words(&base.join("cgroup.subtree_control")).unwrap_or_default();
    let controllers: Vec<String> =
        controllers.into_iter().filter(|one| WANTED.contains(&one.as_str())).collect();
    if controllers.is_empty() {
        return Err(format!("`{}` passes no controllers on", base.display()));
    }
    Ok(Cgroups::V2 { base, controllers })
}

fn evacuate(own: &Path) -> Result<(), String> {
    let main = own.join("lp-main");
    make(&main)?;
    for pid in words(&own.join("cgroup.procs")).unwrap_or_default() {
        // one that has ended meanwhile cannot be moved and need not be
        let _ = write(&main.join("cgroup.procs"), &pid);
    }
    Ok(())
}

fn first_version(mounts: &[Mount], own: &str, name: &str) -> Result<Option<Cgroups>, String> {
    let mut trees = Vec::new();
    let mut refused = None;
    for controller in ["memory", "cpu", "pids"] {
        let has = |mount: &&Mount| mount.version == 1 && mount.options.iter().any(|one| one == controller);
        let Some(mount) = mounts.iter().find(has) else { continue };
        let base = seen_at(mount, &own_path(own, controller)).join(name);
        match make(&base) {
            // tried, and made again with the first group in it
            Ok(()) => {
                let _ = fs::remove_dir(&base);
                trees.push((controller.to_owned(), base));
            }
            Err(reason) => refused = Some(reason),
        }
    }
    match (trees.is_empty(), refused) {
        (true, Some(reason)) => Err(reason),
        (true, None) => Ok(None),
        (false, _) => Ok(Some(Cgroups::V1 { trees })),
    }
}

fn make(dir: &Path) -> Result<(), String> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            let whose =
                if nix::unistd::geteuid().is_root() { "" } else { " (not root, and nothing was delegated)" };
            Err(format!("`{}` cannot be made: {error}{whose}", dir.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn words(file: &Path) -> io::Result<Vec<String>> {
    Ok(fs::read_to_string(file)?.split_ascii_whitespace().map(str::to_owned).collect())
}

fn write(file: &Path, text: &str) -> io::Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .open(file)
        .and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "30 1 0:1 / {root}/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n\
                      31 1 0:2 / {root}/memory rw - cgroup cgroup rw,memory\n\
                      32 1 0:3 / {root}/unified rw - cgroup2 cgroup2 rw\n";
    const OWN: &str = "5:cpu,cpuacct:/lp.service\n4:memory:/lp.service\n0::/lp.service\n";

    fn kernel(root: &Path, mountinfo: &str) -> Kernel {
        Kernel { mountinfo: mountinfo.replace("{root}", root.to_str().unwrap()), own: OWN.to_owned() }
    }

    fn lay(root: &Path, files: &[(&str, &str)]) {
        for (path, content) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }

    #[test]
    fn the_first_version_is_used_where_the_second_has_no_controllers() {
        let dir = tempfile::tempdir().unwrap();
        lay(dir.path(), &[("cpu/lp.service/x", ""), ("memory/x", ""), ("unified/cgroup.controllers", "\n")]);

        let found = Cgroups::find_in(&kernel(dir.path(), V1), "lp-n");

        let expected = ["memory/lp-n", "cpu/lp.service/lp-n"].map(|path| dir.path().join(path));
        let Cgroups::V1 { trees } = found else { panic!("{found:?}") };
        assert_eq!(trees.iter().map(|(_, base)| base.clone()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn in_the_second_version_processes_move_aside_and_controllers_are_passed_on() {
        let dir = tempfile::tempdir().unwrap();
        let mountinfo = "32 1 0:3 / {root} rw - cgroup2 cgroup2 rw\n";
        lay(
            dir.path(),
            &[
                ("lp.service/cgroup.controllers", "cpuset cpu memory pids\n"),
                ("lp.service/cgroup.procs", "7\n"),
            ],
        );
        // a kernel would make these files with the directories
        let base = dir.path().join("lp.service/lp-n");
        lay(&base, &[("cgroup.subtree_control", "")]);
        lay(&dir.path().join("lp.service/lp-main"), &[("cgroup.procs", "")]);
        let find = || Cgroups::find_in(&kernel(dir.path(), mountinfo), "lp-n");
        assert!(matches!(find(), Cgroups::None { why } if why.contains("passes no controllers on")));
        assert_eq!(fs::read_to_string(dir.path().join("lp.service/lp-main/cgroup.procs")).unwrap(), "7");

        lay(dir.path(), &[("lp.service/cgroup.subtree_control", "")]);
        fs::write(base.join("cgroup.subtree_control"), "cpu memory pids\n").unwrap();

        let Cgroups::V2 { base: found, controllers } = find() else { panic!("{:?}", find()) };
        assert_eq!(found, base);
        // of what was here only the last word outlives what is written over it; a kernel's file would hold all three
        assert_eq!(controllers, ["pids"]);
    }

    #[test]
    fn a_machine_without_groups_says_why() {
        let dir = tempfile::tempdir().unwrap();
        for (mountinfo, expected) in [
            ("", "none is mounted"),
            ("32 1 0:3 / {root} rw - cgroup2 cgroup2 rw\n", "version 2: "),
            ("31 1 0:2 / {root}/nowhere rw - cgroup cgroup rw,memory\n", "version 1: "),
        ] {
            let Cgroups::None { why } = Cgroups::find_in(&kernel(dir.path(), mountinfo), "lp-n") else {
                panic!("{mountinfo}")
            };
            assert!(why.contains(expected), "{why}");
        }
    }
}
