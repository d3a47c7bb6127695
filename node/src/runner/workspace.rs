//! The directory of one attempt: its place, its making, and what is in it before the program starts.
//!
//! `<data>/workspaces/<first two digits of the task's id>/<task id>.<action>.<attempt>`. One directory is made per attempt: each more would
//! cost as much as all other files of a short action together. 256 ways to spread are enough for millions of them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use lp_protocol::AttemptKey;

use crate::data::Layout;
use crate::supervisor::confinement::Identity;

pub(crate) const INPUT: &str = "input.data";
pub(crate) const OUTPUT: &str = "output.data";
pub(crate) const STDOUT: &str = "stdout.data";

/// 200 bytes, as the manifest's grammar has it: with the task's id and the attempt's number it is still a file name.
const MAX_ACTION_BYTES: usize = 200;

/// True where the name can be a part of a path. The manager checks names at upload; a node takes nobody's word for it.
pub(crate) fn is_safe_name(action: &str) -> bool {
    !action.is_empty()
        && action.len() <= MAX_ACTION_BYTES
        && !action.contains(['/', '\0'])
        && !action.starts_with("..")
}

/// The workspace's path, whether it is there or not.
pub(crate) fn path(layout: &Layout, key: &AttemptKey) -> PathBuf {
    let task = key.task_id.to_string();
    layout.workspaces().join(&task[..2]).join(format!("{task}.{}.{}", key.action, key.attempt))
}

/// How a workspace is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Making {
    /// Nothing may be there. What is there all the same (a manager that was set back) is moved to the trash.
    Fresh,
    /// An earlier launch made it and no program was ever started in it: what it left is replaced.
    Again,
}

/// Makes the empty workspace, for its owner alone.
pub(crate) fn create(
    layout: &Layout,
    path: &Path,
    making: Making,
    owner: Option<&Identity>,
) -> io::Result<()> {
    match create_dirs(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if making == Making::Fresh {
                tracing::warn!(path = %path.display(), "a workspace of this name was there; it is moved away");
            }
            layout.discard(path)?;
            create_dirs(path)?;
        }
        result => result?,
    }
    match owner {
        Some(owner) => std::os::unix::fs::chown(path, Some(owner.uid), Some(owner.gid)),
        None => Ok(()),
    }
}

/// Closes a workspace to the user whose programs have run in it: the user may be given to another task. One call, whatever is in it; a workspace that has
/// gone is closed.
pub(crate) fn close(path: &Path) {
    match std::os::unix::fs::lchown(path, Some(nix::unistd::geteuid().as_raw()), None) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "cannot close a workspace");
        }
        Ok(()) | Err(_) => {}
    }
}

/// One call, once the directory above has been made.
fn create_dirs(path: &Path) -> io::Result<()> {
    let create = || DirBuilder::new().mode(0o700).create(path);
    match create() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
                // to be passed through and not to be listed
                fs::set_permissions(parent, fs::Permissions::from_mode(0o711))?;
            }
            create()
        }
        result => result,
    }
}

/// Writes a new file of the workspace. The workspace is fresh and no program runs in it, so nothing can be in the way.
pub(crate) fn write(path: &Path, content: &[u8], owner: Option<&Identity>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    if let Some(owner) = owner {
        std::os::unix::fs::fchown(&file, Some(owner.uid), Some(owner.gid))?;
    }
    file.write_all(content)
}

/// Opens a file a program may have left, without following a link; None where there is none.
///
/// # Errors
/// `InvalidData` with a sentence where it is something else than a regular file.
pub(crate) fn open_left(path: &Path) -> io::Result<Option<(File, u64)>> {
    // without O_NONBLOCK the open of a named pipe would wait for a writer
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    let file = match OpenOptions::new().read(true).custom_flags(flags.bits()).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ELOOP as i32) => {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is a symbolic link"));
        }
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ENXIO as i32) => {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is a socket or pipe"));
        }
        Err(error) => return Err(error),
    };
    let facts = file.metadata()?;
    if facts.is_dir() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is a directory"));
    }
    if !facts.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is a device or pipe"));
    }
    // a file of somebody else's that was linked here would be read with the node's rights
    let dir = path.parent().map(fs::symlink_metadata).transpose()?;
    if facts.nlink() > 1
        && nix::unistd::geteuid().is_root()
        && dir.is_some_and(|dir| dir.uid() != facts.uid())
    {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is a hard link to a file of another user",
        ));
    }
    Ok(Some((file, facts.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_protocol::TaskId;
    use std::os::unix::fs::symlink;

    fn key(action: &str) -> AttemptKey {
        AttemptKey { task_id: TaskId::random(), action: action.into(), attempt: 3 }
    }

    #[test]
    fn names_that_lead_elsewhere_are_not_safe() {
        let long = "x".repeat(201);
        for name in ["", "a/b", "/", "..", "../x", "a\0", long.as_str()] {
            assert!(!is_safe_name(name), "{name:?}");
        }
        for name in ["a", "first action", "größe", "a..b", ".hidden", "%2e%2e"] {
            assert!(is_safe_name(name), "{name:?}");
        }
    }

    #[test]
    fn a_workspace_is_always_fresh() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(dir.path()).unwrap();
        let path = path(&layout, &key("a b"));

        create(&layout, &path, Making::Fresh, None).unwrap();
        write(&path.join("old"), b"x", None).unwrap();
        create(&layout, &path, Making::Again, None).unwrap();

        assert!(path.to_str().unwrap().ends_with(".a b.3"));
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    }

    #[test]
    fn only_regular_files_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "abc").unwrap();
        symlink(at("file"), at("link")).unwrap();
        fs::create_dir(at("dir")).unwrap();
        nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::S_IRUSR).unwrap();

        assert_eq!(open_left(&at("file")).unwrap().map(|(_, length)| length), Some(3));
        assert!(open_left(&at("none")).unwrap().is_none());
        for name in ["link", "dir", "fifo"] {
            assert_eq!(open_left(&at(name)).unwrap_err().kind(), io::ErrorKind::InvalidData, "{name}");
        }
    }

    #[test]
    fn a_hard_link_to_a_file_of_somebody_else_is_not_read_with_roots_rights() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let workspace = dir.path().join("w");
        let owner = Identity { uid: 1_900_000_007, gid: 1_900_000_007, groups: Vec::new() };
        let layout = Layout::create(&dir.path().join("data")).unwrap();
        create(&layout, &workspace, Making::Fresh, Some(&owner)).unwrap();
        fs::write(dir.path().join("secret"), "s").unwrap();
        write(&workspace.join("own"), b"x", Some(&owner)).unwrap();
        fs::hard_link(workspace.join("own"), workspace.join("own too")).unwrap();
        fs::hard_link(dir.path().join("secret"), workspace.join(OUTPUT)).unwrap();

        assert_eq!(open_left(&workspace.join(OUTPUT)).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(open_left(&workspace.join("own")).unwrap().is_some());
        close(&workspace);
        assert_eq!(fs::metadata(&workspace).unwrap().uid(), 0);
    }
}
