//! Why a directory was not packed.

use std::io;
use std::path::PathBuf;

use crate::error::ArchiveError;
use crate::format::Format;

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
