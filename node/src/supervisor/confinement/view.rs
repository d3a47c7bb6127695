//! A part of the node's files, in a mount namespace.
//!
//! A node's data directory is closed to everybody but its user, and so may be directories above it (`/root`). Where programs run as another user, the
//! first directory they cannot enter is covered with an empty one that holds nothing but what they need, under the same paths; all
//! such programs share one namespace, because the workspaces keep them apart by their owners. Where programs run as the node's own
//! user there are no owners to tell them apart: each gets a namespace of its own in which the data directory holds its own workspace only.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, StatVfsMountFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags};
use serde::{Deserialize, Serialize};

/// The directories of a view, absolute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct View {
    pub(crate) kind: Kind,
    /// What is covered.
    pub(crate) cover: PathBuf,
    /// What of it can be seen all the same.
    pub(crate) shown: Vec<PathBuf>,
    /// So many of these, from the first on, can only be read.
    #[serde(default)]
    pub(crate) read_only: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// One namespace for all programs with this view; takes privileges.
    #[default]
    Shared,
    /// A user and mount namespace for each process; takes none.
    Own,
}

/// Most directories one view shows.
const MAX_SHOWN: usize = 8;

/// 1 MiB: the cover holds a few empty directories, and a program that owns it must not fill memory with it.
const COVER: &CStr = c"mode=755,size=1m,nr_inodes=1k";

/// A view with its paths made ready for system calls.
#[derive(Debug)]
pub(crate) struct Plan {
    cover: CString,
    /// The source, and the directories to be made below the cover down to it.
    shown: Vec<(CString, Vec<CString>)>,
    read_only: usize,
    maps: Option<Maps>,
}

/// What makes the only user of a new user namespace the one it was before.
#[derive(Debug)]
struct Maps {
    uid: String,
    gid: String,
}

impl View {
    pub(crate) fn plan(&self) -> io::Result<Plan> {
        if self.shown.len() > MAX_SHOWN {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a view of too many directories"));
        }
        let shown = self.shown.iter().map(|dir| Ok((text(dir)?, self.below(dir)?)));
        let maps = match self.kind {
            Kind::Shared => None,
            Kind::Own => {
                let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
                Some(Maps { uid: format!("{uid} {uid} 1"), gid: format!("{gid} {gid} 1") })
            }
        };
        let shown = shown.collect::<io::Result<_>>()?;
        Ok(Plan { cover: text(&self.cover)?, shown, read_only: self.read_only, maps })
    }

    /// Every directory between the cover and `dir`, `dir` included.
    fn below(&self, dir: &Path) -> io::Result<Vec<CString>> {
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, "a view shows what it does not cover");
        let inside = dir.strip_prefix(&self.cover).map_err(|_| outside())?;
        let mut path = self.cover.clone();
        let mut made = Vec::new();
        for part in inside {
            path.push(part);
            made.push(text(&path)?);
        }
        Ok(made)
    }
}

impl Plan {
    /// Moves the calling thread, which shares its file system view with no other, into new namespaces and lays the view there. Makes system
    /// calls only and takes no memory.
    pub(crate) fn enter_new(&self) -> io::Result<()> {
        use nix::sched::{CloneFlags, unshare};
        match &self.maps {
            None => {
                unshare(CloneFlags::CLONE_NEWNS)?;
                // what is mounted outside is seen inside, and not the other way round
                rustix::mount::mount_change(
                    c"/",
                    MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC,
                )?;
            }
            Some(maps) => {
                unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
                write(c"/proc/self/setgroups", b"deny")?;
                write(c"/proc/self/uid_map", maps.uid.as_bytes())?;
                write(c"/proc/self/gid_map", maps.gid.as_bytes())?;
            }
        }
        self.lay()
    }

    fn lay(&self) -> io::Result<()> {
        let mut trees: [Option<OwnedFd>; MAX_SHOWN] = [const { None }; MAX_SHOWN];
        let flags =
            OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
        for ((source, _), tree) in self.shown.iter().zip(&mut trees) {
            *tree = Some(rustix::mount::open_tree(CWD, source.as_c_str(), flags)?);
        }
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        rustix::mount::mount(c"lp", self.cover.as_c_str(), c"tmpfs", flags, COVER)?;
        for (index, ((_, dirs), tree)) in self.shown.iter().zip(&trees).enumerate() {
            for dir in dirs {
                match rustix::fs::mkdir(dir.as_c_str(), Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            if let (Some(tree), Some(target)) = (tree, dirs.last()) {
                let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
                rustix::mount::move_mount(tree.as_fd(), c"", CWD, target.as_c_str(), flags)?;
                if index < self.read_only {
                    make_read_only(target)?;
                }
            }
        }
        Ok(())
    }
}

/// Flags the mount has already stay: a user namespace may not take them away.
fn make_read_only(target: &CStr) -> io::Result<()> {
    let has = rustix::fs::statvfs(target)?.f_flag;
    let mut flags = MountFlags::BIND | MountFlags::RDONLY;
    for (found, kept) in [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
    ] {
        if has.contains(found) {
            flags |= kept;
        }
    }
    rustix::mount::mount_remount(target, flags, c"")?;
    Ok(())
}

/// A namespace with the view laid in it, kept open by the file.
///
/// # Errors
/// The system does not let this process make one.
pub(crate) fn shared(view: &View) -> io::Result<File> {
    let plan = view.plan()?;
    // a thread of its own, for it cannot come back
    let making = std::thread::spawn(move || {
        plan.enter_new()?;
        File::open("/proc/thread-self/ns/mnt")
    });
    making.join().map_err(|_| io::Error::other("the thread that makes a namespace ended early"))?
}

fn write(file: &CStr, bytes: &[u8]) -> io::Result<()> {
    let file = rustix::fs::open(file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(file, bytes)?;
    Ok(())
}

fn text(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a path holds a NUL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_makes_every_directory_on_the_way_and_shows_nothing_from_elsewhere() {
        let view = |shown: &[&str]| View {
            kind: Kind::Shared,
            cover: "/root".into(),
            shown: shown.iter().map(PathBuf::from).collect(),
            read_only: 0,
        };

        let plan = view(&["/root/a/data/cache"]).plan().unwrap();

        let made: Vec<&str> = plan.shown[0].1.iter().map(|dir| dir.to_str().unwrap()).collect();
        assert_eq!(made, ["/root/a", "/root/a/data", "/root/a/data/cache"]);
        assert!(view(&["/etc"]).plan().is_err());
        assert!(view(&["/root/x"; 9]).plan().is_err());
    }
}
