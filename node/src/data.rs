//! The node's data directory: what lies where, and the lock that keeps a second node off it.
//!
//! `credential.json`, `journal`, `supervisor.sock` and `supervisor.log`, `cache/`, `workspaces/`, `log-times/`, and `trash/`, where directories go by rename
//! before they are deleted in a quiet moment.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use uuid::Uuid;

#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("create the data directory `{}`", path.display())]
    Create { path: PathBuf, source: io::Error },
    #[error("the path of the data directory `{}` is not UTF-8", path.display())]
    NotText { path: PathBuf },
    #[error("another node uses the data directory `{}`", path.display())]
    InUse { path: PathBuf },
}

impl Layout {
    /// Makes what is missing; only the own user can enter.
    pub(crate) fn create(root: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Create { path: root.to_owned(), source };
        DirBuilder::new().mode(0o700).recursive(true).create(root).map_err(failed)?;
        let root = root.canonicalize().map_err(failed)?;
        if root.to_str().is_none() {
            return Err(Error::NotText { path: root });
        }
        let layout = Self { root };
        let closed = [layout.trash(), layout.log_times()].map(|dir| (dir, 0o700));
        for (dir, mode) in [(layout.workspaces(), 0o711), (layout.cache(), 0o711)].into_iter().chain(closed) {
            DirBuilder::new().mode(mode).recursive(true).create(&dir).map_err(failed)?;
            // programs pass through the first two, in a view without the closed directory above
            fs::set_permissions(&dir, fs::Permissions::from_mode(mode)).map_err(failed)?;
        }
        Ok(layout)
    }

    /// Takes the directory for this process; the kernel lets go of it when the process ends, however it ends.
    pub(crate) fn lock(&self) -> Result<Flock<File>, Error> {
        let path = self.root.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|source| Error::Create { path: path.clone(), source })?;
        Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|_| Error::InUse { path: self.root.clone() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn workspaces(&self) -> PathBuf {
        self.root.join("workspaces")
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    pub(crate) fn trash(&self) -> PathBuf {
        self.root.join("trash")
    }

    /// What is noted of the outputs of running programs, where no program can reach it.
    pub(crate) fn log_times(&self) -> PathBuf {
        self.root.join("log-times")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    pub(crate) fn credential(&self) -> PathBuf {
        self.root.join("credential.json")
    }

    /// Moves a file or directory to the trash: it is gone from its place at once, whatever its size. A link is moved, not followed.
    pub(crate) fn discard(&self, path: &Path) -> io::Result<()> {
        fs::rename(path, self.trash().join(Uuid::new_v4().to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_node_is_kept_off() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(&dir.path().join("a/b")).unwrap();

        let lock = layout.lock().unwrap();

        assert!(matches!(layout.lock(), Err(Error::InUse { .. })));
        drop(lock);
        assert!(layout.lock().is_ok());
    }
}
