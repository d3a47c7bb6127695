//! Packages inside of the pack become directories, one at a time.
//!
//! A `.conda` is a zip of two tar.zst, one with the files and one with what is said of them; a `.tar.bz2` holds both, the latter under `info`.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use bzip2::read::MultiBzDecoder;

use crate::limits::{Limits, RootPolicy, Rules};
use crate::unpack::{self, UnpackError};

use super::{PixiError, list, name};

/// Where the packages of a pack are unpacked, one after the other.
pub(super) struct Extractor {
    scratch: PathBuf,
    /// What all packages together may still hold.
    bytes_left: u64,
    files_left: u64,
}

/// A package that was unpacked.
pub(super) struct Extracted {
    /// The file it came from.
    pub(super) package: String,
    pub(super) files: PathBuf,
    /// Where `index.json`, `paths.json` and the like are.
    pub(super) info: PathBuf,
}

impl Extractor {
    pub(super) fn new(scratch: PathBuf) -> Self {
        let limits = Limits::default();
        Self { scratch, bytes_left: limits.max_unpacked_bytes, files_left: limits.max_entries.into() }
    }

    /// Unpacks a conda package in the place of the one before.
    pub(super) fn conda(&mut self, package: &Path) -> Result<Extracted, PixiError> {
        self.clear(package)?;
        let (files, info) = (self.scratch.join("files"), self.scratch.join("info"));
        if name(package).ends_with(".tar.bz2") {
            let tar = self.decompress(package)?;
            self.unpack(package, &tar, &files)?;
            let inner = files.join("info");
            if inner.is_dir() {
                fs::rename(&inner, &info).map_err(|source| write_error(&info, source))?;
            }
        } else {
            let parts = self.scratch.join("parts");
            self.unpack(package, package, &parts)?;
            for part in list(&parts)? {
                let dest = match name(&part) {
                    name if name.starts_with("pkg-") => files.clone(),
                    name if name.starts_with("info-") => info.clone(),
                    _ => continue,
                };
                self.unpack(package, &part, &dest)?;
            }
            // the part with what is said of the package has it under `info`
            let inner = info.join("info");
            let info = if inner.is_dir() { inner } else { info };
            return Ok(Extracted { package: name(package), files, info });
        }
        Ok(Extracted { package: name(package), files, info })
    }

    /// Unpacks a wheel in the place of the package before.
    pub(super) fn wheel(&mut self, wheel: &Path) -> Result<Extracted, PixiError> {
        self.clear(wheel)?;
        let (files, info) = (self.scratch.join("files"), self.scratch.join("info"));
        self.unpack(wheel, wheel, &files)?;
        Ok(Extracted { package: name(wheel), files, info })
    }

    fn clear(&self, package: &Path) -> Result<(), PixiError> {
        let done = match fs::remove_dir_all(&self.scratch) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => fs::create_dir(&self.scratch),
        };
        done.map_err(|source| write_error(package, source))
    }

    /// Our reader knows no bzip2: conda's old packages are the only ones that use it.
    fn decompress(&self, package: &Path) -> Result<PathBuf, PixiError> {
        let tar = self.scratch.join("package.tar");
        let copy = || {
            let mut decoder = MultiBzDecoder::new(File::open(package)?).take(self.bytes_left + 1);
            io::copy(&mut decoder, &mut File::create_new(&tar)?)
        };
        let bytes = copy().map_err(|source| PixiError::Read { file: name(package), source })?;
        if bytes > self.bytes_left {
            return Err(too_much(package));
        }
        Ok(tar)
    }

    fn unpack(&mut self, package: &Path, archive: &Path, dest: &Path) -> Result<(), PixiError> {
        let failed = |source| PixiError::Package { package: name(package), source };
        let limits = Limits {
            max_unpacked_bytes: self.bytes_left,
            max_entries: u32::try_from(self.files_left).unwrap_or(u32::MAX),
            ..Limits::default()
        };
        let rules = Rules { root: RootPolicy::Keep, ..Rules::venv() }.with_limits(limits);
        let done = match unpack::unpack(archive, dest, rules, |_| ControlFlow::Continue(())) {
            // a second `pkg-` of one package
            Err(UnpackError::Exists { .. }) => {
                let reason = "it holds its files twice".to_owned();
                return Err(PixiError::Install { package: name(package), reason });
            }
            done => done.map_err(failed)?,
        };
        self.bytes_left = self.bytes_left.saturating_sub(done.bytes);
        self.files_left = self.files_left.saturating_sub(done.files);
        Ok(())
    }
}

fn too_much(package: &Path) -> PixiError {
    let reason = "the packages together are larger than a package may be".to_owned();
    PixiError::Install { package: name(package), reason }
}

fn write_error(path: &Path, source: io::Error) -> PixiError {
    PixiError::Write { file: name(path), source }
}
