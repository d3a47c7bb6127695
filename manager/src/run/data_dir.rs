//! The data directory: private, and one manager's at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::Error;

/// Held for as long as the manager runs.
#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    manager_id: String,
    /// The kernel gives the lock up with the process, however it ends.
    _lock: File,
}

impl DataDir {
    /// Makes the directory where it is not there, keeps others out of it, and takes its lock.
    ///
    /// # Errors
    /// `InUse` names the process that has it.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let wrong = |source| Error::DataDir { path: path.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(wrong)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(wrong)?;
        let lock = lock(path)?;
        let manager_id = match fs::read_to_string(path.join("manager.id")) {
            Ok(id) => id.trim().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let id = Uuid::new_v4().to_string();
                write_private(&path.join("manager.id"), &id).map_err(wrong)?;
                id
            }
            Err(error) => return Err(wrong(error)),
        };
        Ok(Self { path: path.to_owned(), manager_id, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Names this manager in the lease; the same after a restart, which therefore gets its own lease back at once.
    pub(super) fn manager_id(&self) -> &str {
        &self.manager_id
    }
}

fn lock(path: &Path) -> Result<File, Error> {
    let wrong = |source| Error::DataDir { path: path.to_owned(), source };
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path.join("manager.lock"))
        .map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _only_for_the_message = file.read_to_string(&mut text);
            return Err(Error::InUse { path: path.to_owned(), pid: text.trim().parse().ok() });
        }
        Err(fs::TryLockError::Error(error)) => return Err(wrong(error)),
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(wrong)?;
    writeln!(file, "{}", std::process::id()).map_err(wrong)?;
    Ok(file)
}

/// Writes a file that appears whole and that only its owner can read.
pub(super) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_private_and_one_managers_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");

        let first = DataDir::open(&path).unwrap();
        let second = DataDir::open(&path);

        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(
            matches!(second, Err(Error::InUse { pid: Some(pid), .. }) if pid == std::process::id()),
            "{second:?}"
        );
        let id = first.manager_id().to_owned();
        drop(first);
        assert_eq!(DataDir::open(&path).unwrap().manager_id(), id);
    }
}
