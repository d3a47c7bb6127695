//! What a container has used: read from its control groups in the moment its first process ends, before the engine removes them.
//!
//! Where that cannot be seen (an engine on another machine, groups in other places) nothing is told, which is better than what the shim itself
//! has used.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use bollard::Docker;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::oneshot;

use crate::cgroups::Reading;
use crate::docker::files::Used;

/// Where the trees are mounted on every machine that runs an engine.
const ROOT: &str = "/sys/fs/cgroup";

/// Waits for the end of a container's first process.
pub(super) async fn at_the_end(docker: Docker, name: String) -> Used {
    measure(&docker, &name).await.unwrap_or_default()
}

async fn measure(docker: &Docker, name: &str) -> Option<Used> {
    let found = docker.inspect_container(name, None).await.ok()?;
    let pid = i32::try_from(found.state?.pid?).ok().filter(|pid| *pid > 1)?;
    let process = rustix::process::Pid::from_raw(pid)?;
    let process = rustix::process::pidfd_open(process, rustix::process::PidfdFlags::empty()).ok()?;
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    // a number of another machine may be a process of this one
    let dirs = dirs(Path::new(ROOT), &text, &found.id?);
    let (tell, told) = oneshot::channel();
    // a thread: it looks the moment the kernel tells it, and goes with this process
    std::thread::Builder::new().spawn(move || tell.send(look_at_the_end(&process, &dirs))).ok()?;
    told.await.ok()
}

fn look_at_the_end(process: &OwnedFd, dirs: &[PathBuf]) -> Used {
    let mut ended = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
    while poll(&mut ended, PollTimeout::NONE) == Err(Errno::EINTR) {}
    let Reading { cpu_micros, peak_memory_bytes, .. } = Reading::of(dirs);
    Used { cpu_micros, peak_memory_bytes }
}

/// The directories of the groups that `/proc/PID/cgroup` names, where they are this container's.
fn dirs(root: &Path, text: &str, id: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let path = path.trim_start_matches('/');
        if !path.contains(id) {
            continue;
        }
        let trees = match controllers {
            "" => vec![root.to_owned(), root.join("unified")],
            named => std::iter::once(named).chain(named.split(',')).map(|name| root.join(name)).collect(),
        };
        let Some(dir) = trees.into_iter().map(|tree| tree.join(path)).find(|dir| dir.is_dir()) else {
            continue;
        };
        // two names of one tree are one directory, which counts once
        let real = dir.canonicalize().unwrap_or(dir);
        if !found.contains(&real) {
            found.push(real);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_of_both_versions_are_found_once_each() {
        let root = tempfile::tempdir().unwrap();
        for dir in [
            "cpu,cpuacct/docker/abc",
            "memory/docker/abc",
            "memory/docker/other",
            "system.slice/docker-abc.scope",
        ] {
            std::fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        let first = "9:memory:/docker/abc\n8:cpu,cpuacct:/docker/abc\n7:pids:/docker/abc\n1:name=systemd:/\n";
        let count = |text: &str| dirs(root.path(), text, "abc").len();

        assert_eq!(count(first), 2);
        assert_eq!(count("0::/system.slice/docker-abc.scope\n"), 1);
        assert_eq!(count("9:memory:/docker/other\n"), 0, "another container's");
        assert_eq!(count(""), 0);
    }
}
