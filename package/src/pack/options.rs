//! What a packing is told and what it tells.

use std::path::PathBuf;

use crate::digest::Summed;
use crate::format::Format;
use crate::limits::{Limits, LinkPolicy};

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
    pub ignores: Ignores,
}

/// Whose rules about what is left out are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ignores {
    /// `.lpignore` and `.gitignore`.
    #[default]
    All,
    /// `.lpignore` alone. An environment is made, not written: uv puts a `.gitignore` into it that leaves everything out, and what is installed in it
    /// may bring some of its own.
    OwnOnly,
}

impl Default for PackOptions {
    fn default() -> Self {
        Self {
            format: Format::TarGz,
            root_name: None,
            leave_out: Vec::new(),
            links: LinkPolicy::InsideOnly,
            limits: Limits::default(),
            ignores: Ignores::All,
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
