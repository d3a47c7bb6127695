//! A directory becomes an archive: the same bytes for the same tree, on any machine, in whatever order its file system
//! lists it and whenever its files were written.
//!
//! That makes a package's digest say something about its content: packing again after a checkout or in CI gives the
//! version that is already there. Everything is recorded that the reader gives back (names, content, "executable", links)
//! and nothing else: no times, owners or other modes. Names and links go through the reader's own rules, so what is packed
//! here is accepted there.

mod collect;
mod write;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::digest::{HashingWriter, Summed};
use crate::error::ArchiveError;
use crate::format::Format;
use crate::limits::{Limits, LinkPolicy, RootPolicy};

/// What to pack and how.
#[derive(Debug, Clone)]
pub struct PackOptions {
    /// `TarGz` or `TarZst`.
    pub format: Format,
    /// The name of the root directory in the archive; by default that of the packed directory.
    pub root_name: Option<String>,
    /// Files that are never packed although they lie in the directory, such as the archive that is being written.
    pub leave_out: Vec<PathBuf>,
    pub links: LinkPolicy,
    pub limits: Limits,
}

impl Default for PackOptions {
    fn default() -> Self {
        Self {
            format: Format::TarGz,
            root_name: None,
            leave_out: Vec::new(),
            links: LinkPolicy::InsideOnly,
            limits: Limits::default(),
        }
    }
}

/// What was packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Of the archive's bytes.
    pub summed: Summed,
    /// The name of the root directory in the archive.
    pub root: String,
    /// Files, without directories and links.
    pub files: u64,
    /// Bytes of all files together.
    pub bytes: u64,
    /// What was left out, sorted by path. Of a directory only its own path is listed.
    pub skipped: Vec<Skipped>,
}

/// Something that was left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// Relative to the packed directory.
    pub path: PathBuf,
    pub why: SkipReason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum SkipReason {
    #[error("an ignore rule")]
    Ignored,
    #[error("version control")]
    VersionControl,
    #[error("it is the archive being written")]
    Output,
    #[error("it is a socket, FIFO or device")]
    Special,
}

/// Why a directory was not packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    #[error("read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("pack `{}`: it is not a directory", path.display())]
    NotADirectory { path: PathBuf },
    #[error("pack `{}`: its name cannot be that of a package's root", path.display())]
    RootName { path: PathBuf },
    #[error("understand the ignore rules of `{}`", path.display())]
    IgnoreRules { path: PathBuf, source: ignore::Error },
    /// Something the reader would refuse: names, links that lead outside, limits.
    #[error(transparent)]
    Unacceptable(#[from] ArchiveError),
    #[error("pack `{}`: it changed while it was read", path.display())]
    Changed { path: PathBuf },
    #[error("pack `{}`: a file in a tar must be smaller than 8 GiB", path.display())]
    TooBig { path: PathBuf },
    #[error("write as {format}: only tar.gz and tar.zst can be written")]
    Format { format: Format },
    #[error("write the archive")]
    Write { source: io::Error },
}

impl PackError {
    /// Returns what the user can do about it, as a sentence.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unacceptable(error) => error.hint(),
            Self::NotADirectory { .. } => Some("Name the directory that holds configuration.json."),
            Self::RootName { .. } => Some("Rename the directory: letters, digits, `-` and `_` always work."),
            Self::IgnoreRules { .. } => {
                Some("Correct the pattern: guessing could pack what was to be left out.")
            }
            Self::Changed { .. } => Some("Pack again when nothing writes to the directory."),
            Self::TooBig { .. } => Some("Split the file, or fetch it at run."),
            Self::Read { .. } | Self::Format { .. } | Self::Write { .. } => None,
        }
    }
}

/// Packs the directory `dir` and returns the writer (flushed) with what was packed.
///
/// `.lpignore` and `.gitignore` files in the directory and below are honoured, `.lpignore` before `.gitignore`; those of
/// parents, of the user and of git's own configuration are not, since they are not part of the tree. `.git` is never packed.
///
/// # Errors
/// Any [`PackError`]. Some of the archive may have been written by then.
pub fn pack<W: Write>(dir: &Path, writer: W, options: &PackOptions) -> Result<(W, Packed), PackError> {
    let root = root_name(dir, options)?;
    let collected = collect::collect(dir, &root, options)?;
    let writer = HashingWriter::new(writer);
    let (writer, done) = write::write(dir, &root, &collected, options.format, writer)?;
    let (mut writer, summed) = writer.finish();
    writer.flush().map_err(|source| PackError::Write { source })?;
    let collect::Collected { items: _, skipped } = collected;
    Ok((writer, Packed { summed, root, files: done.files, bytes: done.bytes, skipped }))
}

/// The root's name must survive as one ordinary component that readers do not take for macOS metadata.
fn root_name(dir: &Path, options: &PackOptions) -> Result<String, PackError> {
    let refused = || PackError::RootName { path: dir.to_owned() };
    let name = match &options.root_name {
        Some(name) => name.clone(),
        None => {
            let full =
                dir.canonicalize().map_err(|source| PackError::Read { path: dir.to_owned(), source })?;
            full.file_name().and_then(|name| name.to_str()).ok_or_else(refused)?.to_owned()
        }
    };
    let parsed = crate::SafePath::parse(name.as_bytes(), &options.limits).ok().flatten();
    let is_plain = parsed.is_some_and(|path| path.as_str() == name && path.below_top().is_none());
    if is_plain && !crate::junk::is_junk(&name) { Ok(name) } else { Err(refused()) }
}

/// The rules a packed archive is made for.
fn rules(options: &PackOptions) -> crate::Rules {
    crate::Rules { limits: options.limits, links: options.links, root: RootPolicy::StripSingle }
}
