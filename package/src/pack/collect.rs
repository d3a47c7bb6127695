//! What of a directory goes into its package, in which order.
//!
//! The `ignore` crate walks and applies the rules; this module decides what the rules are, judges every name and link as
//! the reader will, and lists what was left out, so that a user who misses a file sees why.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use crate::error::ArchiveError;
use crate::path::shown;
use crate::read::EntryKind;
use crate::read::gate::{Claim, Gate};

use super::{Ignores, PackError, PackOptions, SkipReason, Skipped};

/// The rules of the package alone, for what the repository holds but a run does not need.
const IGNORE_FILE: &str = ".lpignore";
const VERSION_CONTROL: &str = ".git";

/// Largest size a tar header can state in octal.
const MAX_FILE_BYTES: u64 = 0o77_777_777_777;

/// Everything to pack, sorted by name in the archive.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) items: Vec<Item>,
    pub(super) skipped: Vec<Skipped>,
}

#[derive(Debug)]
pub(super) struct Item {
    /// Relative to the packed directory.
    pub(super) path: PathBuf,
    /// In the archive.
    pub(super) name: String,
    pub(super) kind: EntryKind,
}

pub(super) fn collect(dir: &Path, root: &str, options: &PackOptions) -> Result<Collected, PackError> {
    let metadata = fs::metadata(dir).map_err(|source| read_error(dir, source))?;
    if !metadata.is_dir() {
        return Err(PackError::NotADirectory { path: dir.to_owned() });
    }
    let left_out = identities(&options.leave_out)?;
    let mut skipped = Vec::new();
    let mut paths = Vec::new();
    for found in walk(dir, options.ignores) {
        let found = found.map_err(|error| walk_error(dir, error))?;
        if let Some(error) = found.error() {
            return Err(PackError::IgnoreRules { path: found.path().to_owned(), source: error.clone() });
        }
        let path = found.path().strip_prefix(dir).expect("the walk stays below its directory").to_owned();
        if path.as_os_str().is_empty() {
            continue;
        }
        let metadata = found.path().symlink_metadata().map_err(|source| read_error(found.path(), source))?;
        match skip_reason(&metadata, &left_out) {
            Some(why) => skipped.push(Skipped { path, why }),
            None => paths.push((path, metadata)),
        }
    }
    paths.sort_unstable_by(|(one, _), (other, _)| {
        one.as_os_str().as_bytes().cmp(other.as_os_str().as_bytes())
    });
    list_ignored(dir, &paths, &mut skipped)?;
    skipped.sort_unstable();
    let items = judge(dir, root, paths, options)?;
    Ok(Collected { items, skipped })
}

fn walk(dir: &Path, ignores: Ignores) -> ignore::Walk {
    WalkBuilder::new(dir)
        .standard_filters(false)
        .git_ignore(ignores == Ignores::All)
        .require_git(false) // the rules are part of the tree, whether it is a repository here or not
        .add_custom_ignore_filename(IGNORE_FILE)
        .follow_links(false)
        .filter_entry(|entry| entry.depth() == 0 || entry.file_name() != VERSION_CONTROL)
        .build()
}

/// Files are known by device and inode: a path could be written in many ways.
fn identities(paths: &[PathBuf]) -> Result<HashSet<(u64, u64)>, PackError> {
    let mut found = HashSet::new();
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) => drop(found.insert((metadata.dev(), metadata.ino()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(read_error(path, source)),
        }
    }
    Ok(found)
}

fn skip_reason(metadata: &Metadata, left_out: &HashSet<(u64, u64)>) -> Option<SkipReason> {
    let kind = metadata.file_type();
    if kind.is_file() && left_out.contains(&(metadata.dev(), metadata.ino())) {
        return Some(SkipReason::Output);
    }
    let is_special = kind.is_socket() || kind.is_fifo() || kind.is_char_device() || kind.is_block_device();
    is_special.then_some(SkipReason::Special)
}

/// The walk does not say what it passes over; listing the packed directories once more does.
fn list_ignored(
    dir: &Path,
    paths: &[(PathBuf, Metadata)],
    skipped: &mut Vec<Skipped>,
) -> Result<(), PackError> {
    let known: HashSet<PathBuf> =
        paths.iter().map(|(path, _)| path).chain(skipped.iter().map(|skip| &skip.path)).cloned().collect();
    let top = PathBuf::new();
    let packed_dirs = paths.iter().filter(|(_, metadata)| metadata.is_dir()).map(|(path, _)| path);
    for parent in std::iter::once(&top).chain(packed_dirs) {
        let full = dir.join(parent);
        for found in fs::read_dir(&full).map_err(|source| read_error(&full, source))? {
            let found = found.map_err(|source| read_error(&full, source))?;
            let path = parent.join(found.file_name());
            if known.contains(&path) {
                continue;
            }
            let is_git = found.file_name() == VERSION_CONTROL;
            let why = if is_git { SkipReason::VersionControl } else { SkipReason::Ignored };
            skipped.push(Skipped { path, why });
        }
    }
    Ok(())
}

/// Passes everything through the gate the reader will use.
fn judge(
    dir: &Path,
    root: &str,
    paths: Vec<(PathBuf, Metadata)>,
    options: &PackOptions,
) -> Result<Vec<Item>, PackError> {
    let mut gate = Gate::new(super::directory::rules(options));
    let mut items = Vec::with_capacity(paths.len() + 1);
    let (_, kind) = gate.admit(root.as_bytes(), &Claim::Dir)?.expect("the root's name was checked");
    items.push(Item { path: PathBuf::new(), name: root.to_owned(), kind });
    for (path, metadata) in paths {
        let full = dir.join(&path);
        let target = match metadata.is_symlink() {
            true => fs::read_link(&full).map_err(|source| read_error(&full, source))?,
            false => PathBuf::new(),
        };
        let claim = if metadata.is_symlink() {
            Claim::Symlink { target: target.as_os_str().as_bytes() }
        } else if metadata.is_dir() {
            Claim::Dir
        } else if metadata.len() > MAX_FILE_BYTES {
            return Err(PackError::TooBig { path });
        } else {
            // the owner's bit alone: the others depend on the umask of whoever checked the tree out
            Claim::File { size: metadata.len(), executable: metadata.mode() & 0o100 != 0 }
        };
        let name = [root.as_bytes(), b"/", path.as_os_str().as_bytes()].concat();
        let (name, kind) = gate.admit(&name, &claim)?.ok_or_else(|| not_admitted(&name))?;
        items.push(Item { path, name: name.as_str().to_owned(), kind });
    }
    gate.finish(options.format)?;
    Ok(items)
}

/// No path of a real directory is met twice or is the root.
fn not_admitted(name: &[u8]) -> ArchiveError {
    ArchiveError::Duplicate { entry: shown(name) }
}

fn walk_error(dir: &Path, error: ignore::Error) -> PackError {
    match error.io_error() {
        Some(source) => PackError::Read { path: dir.to_owned(), source: io::Error::from(source.kind()) },
        None => PackError::IgnoreRules { path: dir.to_owned(), source: error },
    }
}

fn read_error(path: &Path, source: io::Error) -> PackError {
    PackError::Read { path: path.to_owned(), source }
}
