//! Where the supervisor listens: a unix socket only its own user can reach.

use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::getuid;

/// The kernel's `sun_path` has 108 bytes, one of them the final NUL.
const MAX_PATH_BYTES: usize = 107;

/// The path for a data directory: inside it, or where that would be too long in a private directory beside the system's temporary files.
pub(crate) fn path(data: &Path) -> io::Result<PathBuf> {
    let inside = data.join("supervisor.sock");
    if inside.as_os_str().len() <= MAX_PATH_BYTES {
        return Ok(inside);
    }
    let mut hasher = DefaultHasher::new();
    data.canonicalize()?.hash(&mut hasher);
    Ok(private_dir()?.join(format!("{:016x}.sock", hasher.finish())))
}

fn private_dir() -> io::Result<PathBuf> {
    let uid = getuid();
    let dir = std::env::temp_dir().join(format!("lp-{uid}"));
    let dir = if dir.as_os_str().len() > 80 { PathBuf::from(format!("/tmp/lp-{uid}")) } else { dir };
    match DirBuilder::new().mode(0o700).create(&dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let found = fs::symlink_metadata(&dir)?;
    // in a directory all may write to, somebody else may have been there first
    if !found.is_dir() || found.uid() != uid.as_raw() || found.mode() & 0o077 != 0 {
        let text = format!("`{}` is not a directory that only this user can enter", dir.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    Ok(dir)
}

/// Listens at `path`; whatever socket was there is replaced. The caller holds the data directory's lock.
pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// True where the process at the other end is of the same user, or root.
pub(crate) fn is_own_user(stream: &UnixStream) -> bool {
    getsockopt(stream, PeerCredentials).is_ok_and(|peer| peer.uid() == getuid().as_raw() || peer.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_data_path_still_has_a_socket() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("d".repeat(120));
        fs::create_dir(&deep).unwrap();

        let path = path(&deep).unwrap();

        assert!(path.as_os_str().len() <= MAX_PATH_BYTES);
        drop(bind(&path).unwrap());
        drop(bind(&path).unwrap());
        fs::remove_file(path).unwrap();
    }
}
