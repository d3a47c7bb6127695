//! Packages nobody refers to: finding them by age, a few at a time, and removing them.
//!
//! A package is uploaded first and referred to by a row later, so age is all that tells one in between from one that was left
//! behind. Whoever is told that a package is there renews its age under the same lock under which a removal looks at it for the last time:
//! nothing that was just promised is removed.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use lp_package::Digest;

use super::{Blobs, Error, Key};

/// One step of a walk over all packages: the first characters of a digest name one of 256 directories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    next: u16,
}

impl Scan {
    const DIRECTORIES: u16 = 256;

    /// Goes on to the next directory; None when all were visited.
    fn step(&mut self) -> Option<String> {
        let directory = (self.next < Self::DIRECTORIES).then(|| format!("{:02x}", self.next))?;
        self.next += 1;
        Some(directory)
    }
}

impl Blobs {
    /// Lists the packages in the next directory that were stored or last uploaded longer than `age` ago; None when the walk is over.
    pub async fn aged_packages(&self, scan: &mut Scan, age: Duration) -> Result<Option<Vec<Digest>>, Error> {
        let Some(name) = scan.step() else { return Ok(None) };
        let directory = self.packages().join(&name);
        super::upload::blocking(move || {
            let entries = match fs::read_dir(&directory).map_err(Error::io("list its packages")) {
                Ok(entries) => entries,
                Err(Error::NotFound) => return Ok(Some(Vec::new())),
                Err(error) => return Err(error),
            };
            let mut aged = Vec::new();
            for entry in entries {
                let entry = entry.map_err(Error::io("list its packages"))?;
                let Ok(digest) = format!("{name}{}", entry.file_name().to_string_lossy()).parse::<Digest>()
                else {
                    continue;
                };
                if is_aged(&entry.path(), age)? {
                    aged.push(digest);
                }
            }
            Ok(Some(aged))
        })
        .await
    }

    /// Removes a package unless it has become younger than `age`. Returns whether it is gone.
    pub async fn delete_aged(&self, digest: &Digest, age: Duration) -> Result<bool, Error> {
        let path = self.path_of(&Key::package(digest));
        let ages = self.ages.clone();
        super::upload::blocking(move || {
            let _held = ages.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if !is_aged(&path, age)? {
                return Ok(false);
            }
            fs::remove_file(&path).map_err(Error::io("delete a blob"))?;
            Ok(true)
        })
        .await
    }

    /// Renews the age of a package and returns its size; None where it is not stored.
    pub async fn touch_package(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        let path = self.path_of(&Key::package(digest));
        let ages = self.ages.clone();
        super::upload::blocking(move || {
            let _held = ages.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            match renew(&path) {
                Ok(size_bytes) => Ok(Some(size_bytes)),
                Err(Error::NotFound) => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await
    }
}

/// Makes a file as young as a new one and returns its size.
pub(super) fn renew(path: &Path) -> Result<u64, Error> {
    let file = fs::File::open(path).map_err(Error::io("open a blob"))?;
    file.set_modified(SystemTime::now()).map_err(Error::io("renew the age of a blob"))?;
    Ok(file.metadata().map_err(Error::io("look at a blob"))?.len())
}

fn is_aged(path: &Path, age: Duration) -> Result<bool, Error> {
    let stored_at =
        fs::metadata(path).and_then(|metadata| metadata.modified()).map_err(Error::io("look at a blob"))?;
    Ok(SystemTime::now().duration_since(stored_at).is_ok_and(|old| old >= age))
}
