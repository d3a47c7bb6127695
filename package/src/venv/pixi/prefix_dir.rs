//! The environment while it is put together.
//!
//! Packages may bring links, so a path that is harmless by its letters may lead elsewhere: before anything is put somewhere, the directory that
//! it goes to is looked up and must lie in the environment.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use super::PixiError;

pub(super) struct PrefixDir {
    path: PathBuf,
    /// [`Self::path`] without links.
    real: PathBuf,
    place: PathBuf,
}

impl PrefixDir {
    pub(super) fn create(path: PathBuf, place: &Path) -> Result<Self, PixiError> {
        let created = fs::create_dir(&path).and_then(|()| path.canonicalize());
        let real = created.map_err(|source| write_error(&path, source))?;
        Ok(Self { path, real, place: place.to_owned() })
    }

    /// Where the environment will lie.
    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    /// Where it is now.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn into_path(self) -> PathBuf {
        self.path
    }

    /// Makes a directory and those above it.
    pub(super) fn make_dir(&self, relative: &Path) -> Result<PathBuf, PixiError> {
        let mut at = self.path.clone();
        for part in relative.components() {
            let Component::Normal(part) = part else { return Err(self.outside(relative)) };
            at.push(part);
            match fs::create_dir(&at) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let real = at.canonicalize().map_err(|source| write_error(&at, source))?;
                    if !real.starts_with(&self.real) {
                        return Err(self.outside(relative));
                    }
                }
                Err(source) => return Err(write_error(&at, source)),
            }
        }
        Ok(at)
    }

    /// Moves a file or link to `relative`; what another package has put there is replaced.
    pub(super) fn take(&self, from: &Path, relative: &Path) -> Result<(), PixiError> {
        let to = self.free(relative)?;
        fs::rename(from, &to).map_err(|source| write_error(&to, source))
    }

    /// Writes a file to `relative`; what another package has put there is replaced.
    pub(super) fn write(
        &self,
        relative: impl AsRef<Path>,
        content: &[u8],
        is_executable: bool,
    ) -> Result<(), PixiError> {
        let to = self.free(relative.as_ref())?;
        let mode = if is_executable { 0o755 } else { 0o644 };
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&to)?;
            file.write_all(content)?;
            file.set_permissions(Permissions::from_mode(mode))
        };
        write().map_err(|source| write_error(&to, source))
    }

    /// The path for something new, with nothing there.
    fn free(&self, relative: &Path) -> Result<PathBuf, PixiError> {
        let name = relative.file_name().ok_or_else(|| self.outside(relative))?;
        let parent = relative.parent().unwrap_or(Path::new(""));
        let to = self.make_dir(parent)?.join(name);
        match fs::remove_file(&to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(write_error(&to, error)),
            Ok(()) | Err(_) => Ok(to),
        }
    }

    fn outside(&self, relative: &Path) -> PixiError {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "it leads out of the environment");
        PixiError::Write { file: relative.display().to_string(), source }
    }
}

fn write_error(path: &Path, source: io::Error) -> PixiError {
    PixiError::Write { file: super::name(path), source }
}
