//! Opening what lies beneath a workspace without ever following a link.

use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};

use super::Error;

/// Opens the workspace itself.
pub(super) fn open_root(path: &Path) -> Result<OwnedFd, Error> {
    open(path, dir_flags(), Mode::empty()).map_err(|errno| match errno {
        Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP => Error::Gone,
        errno => Error::Read(errno.into()),
    })
}

/// Opens a directory in another.
pub(super) fn open_dir(parent: impl AsFd, name: &CStr) -> nix::Result<OwnedFd> {
    openat(parent, name, dir_flags(), Mode::empty())
}

/// Opens a file in a directory for reading; a pipe does not make it wait.
pub(super) fn open_plain(parent: impl AsFd, name: &CStr) -> nix::Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    openat(parent, name, flags, Mode::empty()).map(File::from)
}

/// What a name in a directory is.
pub(super) fn facts(parent: impl AsFd, name: &CStr) -> nix::Result<FileStat> {
    fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW)
}

/// The kind in the facts.
pub(super) fn kind(facts: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(facts.st_mode) & SFlag::S_IFMT
}

/// The names in a directory in their order, without `.` and `..`. A name is at most 255 bytes, so many fit in memory.
pub(super) fn names(dir: &OwnedFd) -> Result<Vec<CString>, Error> {
    let read = |errno: Errno| Error::Read(errno.into());
    let mut dir = Dir::openat(dir, c".", dir_flags(), Mode::empty()).map_err(read)?;
    let mut names = Vec::new();
    for entry in dir.iter() {
        let name = entry.map_err(read)?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Opens a regular file of the workspace by its path, `/` between the parts.
pub(crate) fn open_file(workspace: &Path, path: &str) -> Result<File, Error> {
    let mut parts = parts(path)?;
    let name = parts.pop().ok_or_else(|| Error::Outside(path.to_owned()))?;
    let failed = |errno: Errno| match errno {
        Errno::ENOENT => Error::NoFile(path.to_owned()),
        Errno::ELOOP | Errno::ENOTDIR | Errno::ENXIO => Error::NotAFile(path.to_owned()),
        errno => Error::Read(errno.into()),
    };
    let mut dir = open_root(workspace)?;
    for part in parts {
        dir = open_dir(&dir, &part).map_err(failed)?;
    }
    let file = open_plain(&dir, &name).map_err(failed)?;
    match file.metadata() {
        Ok(facts) if facts.is_file() => Ok(file),
        Ok(_) => Err(Error::NotAFile(path.to_owned())),
        Err(error) => Err(Error::Read(error)),
    }
}

fn parts(path: &str) -> Result<Vec<CString>, Error> {
    let outside = || Error::Outside(path.escape_debug().to_string());
    let part = |part: &str| match part {
        "" | "." | ".." => Err(outside()),
        part => CString::new(part).map_err(|_| outside()),
    };
    path.split('/').map(part).collect()
}

fn dir_flags() -> OFlag {
    OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC
}

/// A name for people; what is not UTF-8 is replaced.
pub(super) fn text(name: &CStr) -> String {
    OsStr::from_bytes(name.to_bytes()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    #[test]
    fn files_are_opened_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let workspace = dir.path().join("ws");
        fs::create_dir_all(workspace.join("a/b")).unwrap();
        fs::write(workspace.join("a/b/f"), "inside").unwrap();
        fs::write(dir.path().join("secret"), "outside").unwrap();
        symlink("../secret", workspace.join("file")).unwrap();
        symlink("..", workspace.join("dir")).unwrap();
        symlink("a", workspace.join("alias")).unwrap();
        nix::unistd::mkfifo(&workspace.join("fifo"), Mode::S_IRUSR).unwrap();

        let mut text = String::new();
        open_file(&workspace, "a/b/f").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "inside");
        for path in ["../secret", "a/../../secret", "/etc/passwd", "", "a//b/f", "./a/b/f", "a\0"] {
            assert!(matches!(open_file(&workspace, path), Err(Error::Outside(_))), "{path:?}");
        }
        for path in ["file", "dir/secret", "alias/b/f", "fifo", "a", "a/b/f/x"] {
            assert!(matches!(open_file(&workspace, path), Err(Error::NotAFile(_))), "{path:?}");
        }
        assert!(matches!(open_file(&workspace, "none"), Err(Error::NoFile(_))));
        assert!(matches!(open_file(&dir.path().join("gone"), "x"), Err(Error::Gone)));
        symlink(&workspace, dir.path().join("link")).unwrap();
        assert!(matches!(open_file(&dir.path().join("link"), "a/b/f"), Err(Error::Gone)));
    }
}
