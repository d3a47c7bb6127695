//! What `pixi-unpack` does, without running it.
//!
//! `pixi-pack` writes the packages of an environment into an archive, not the environment: `pixi-pack.json` (format and platform),
//! `channel/<subdir>/*.conda` and `*.tar.bz2`, and `pypi/*.whl`. They are put together here as conda does it: files of all packages under one
//! prefix, the place they were built at replaced by the one they will lie at, modules of packages for any Python where this environment's looks
//! for them. Scripts that packages would like to have run while they are installed are not run, as pixi does not run them.
//!
//! Every archive in the archive is read with the one safe reader, all of them together under the limits of one package, and no file is put
//! where a link of another package leads out.

mod archive;
mod link;
mod metadata;
mod prefix_dir;
mod scripts;
mod wheel;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::unpack::UnpackError;

use archive::Extractor;
use prefix_dir::PrefixDir;

pub use metadata::METADATA;

/// Where the environment is made, in the unpacked pack.
const ENVIRONMENT: &str = ".lp-environment";
/// Where one package after the other is unpacked, there too.
const SCRATCH: &str = ".lp-package";

/// Why a pack did not become an environment.
#[derive(Debug, thiserror::Error)]
pub enum PixiError {
    #[error("read `{file}`")]
    Read { file: String, source: io::Error },
    #[error("write `{file}`")]
    Write { file: String, source: io::Error },
    #[error("`{file}` is not what pixi-pack writes: {reason}")]
    Metadata { file: String, reason: String },
    #[error(
        "it was packed for {packed} and this machine is {machine}; pack it with `pixi-pack --platform {machine}`"
    )]
    Platform { packed: String, machine: String },
    #[error("it holds no packages: `channel` has no .conda or .tar.bz2 file")]
    Empty,
    #[error("package `{package}` cannot be unpacked")]
    Package { package: String, source: UnpackError },
    #[error("package `{package}` cannot be installed: {reason}")]
    Install { package: String, reason: String },
    #[error(
        "package `{package}` cannot be installed: `{file}` has room for a place of {room} characters, and the cache's has {needed}; a \
         shorter data_path of the node helps"
    )]
    NoRoom { package: String, file: String, room: usize, needed: usize },
}

/// Makes the environment out of the pack unpacked at `packed`, for a life at `place`; where it is, which is inside of `packed`.
///
/// # Errors
/// The first package that cannot be installed. What was made so far stays in `packed`, to be thrown away with it.
pub fn install(packed: &Path, place: &Path) -> Result<PathBuf, PixiError> {
    metadata::check(packed)?;
    let packages = conda_packages(packed)?;
    if packages.is_empty() {
        return Err(PixiError::Empty);
    }
    let python = packages.iter().find_map(|package| metadata::python_of(package));
    let prefix = PrefixDir::create(packed.join(ENVIRONMENT), place)?;
    let mut extractor = Extractor::new(packed.join(SCRATCH));
    for package in &packages {
        let extracted = extractor.conda(package)?;
        link::link(&prefix, &extracted, python.as_deref())?;
    }
    for wheel in files_ending(&packed.join("pypi"), &[".whl"])? {
        let python = python.as_deref().ok_or_else(|| PixiError::Install {
            package: name(&wheel),
            reason: "it is for Python, and no package brings one".to_owned(),
        })?;
        wheel::install(&prefix, &extractor.wheel(&wheel)?, python)?;
    }
    prefix.write("conda-meta/history", b"", false)?;
    Ok(prefix.into_path())
}

/// The conda packages of all subdirectories of the channel, in the order of their names.
fn conda_packages(packed: &Path) -> Result<Vec<PathBuf>, PixiError> {
    let mut packages = Vec::new();
    for subdir in list(&packed.join("channel"))? {
        packages.extend(files_ending(&subdir, &[".conda", ".tar.bz2"])?);
    }
    packages.sort_by_key(|package| name(package));
    Ok(packages)
}

fn files_ending(dir: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, PixiError> {
    let mut files = list(dir)?;
    files.retain(|file| endings.iter().any(|ending| name(file).ends_with(ending)));
    Ok(files)
}

/// What lies in a directory, by name; nothing where there is none.
fn list(dir: &Path) -> Result<Vec<PathBuf>, PixiError> {
    let failed = |source| PixiError::Read { file: name(dir), source };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(error)),
    };
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// The last part of a path, for people.
fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
