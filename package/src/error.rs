//! What can be wrong with an archive.
//!
//! One variant per thing a user can do something about, each naming the entry. Names inside are already made fit for
//! display (see [`crate::path`]). Nothing here says where on our disks anything lies, except [`ArchiveError::Io`].

use std::io;
use std::path::PathBuf;

use crate::format::Format;
use crate::path::PathFault;

/// Why an archive is refused. Except for `Io` the archive itself is at fault and reading it again will not help.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("read `{}`", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("recognise the archive: it is {found}{}", but_promised(*promised))]
    UnknownFormat { found: &'static str, promised: Option<Format> },

    // the container
    #[error("read on after `{after}`: the archive ends too early")]
    Truncated { after: String },
    #[error("unpack `{entry}`: its data are damaged")]
    Corrupt { entry: String, source: io::Error },
    #[error("read the header after `{after}`: {reason}")]
    BadHeader { after: String, reason: &'static str },
    #[error("accept the archive: something follows its end")]
    TrailingGarbage,
    #[error("read the directory of the zip: {reason}")]
    BadZip { reason: String },
    #[error("accept `{entry}`: it shares bytes with another entry")]
    Overlap { entry: String },

    // names
    #[error("accept `{entry}`: the name {fault}")]
    UnsafePath { entry: String, fault: PathFault },
    #[error("accept `{entry}`: the archive holds it twice")]
    Duplicate { entry: String },
    #[error("accept `{entry}`: `{parent}` is not a directory")]
    NotADirectory { entry: String, parent: String },
    #[error("accept `{entry}`: its path leads through the link `{link}`")]
    ThroughSymlink { entry: String, link: String },

    // kinds
    #[error("accept `{entry}`: it is a {kind}")]
    SpecialFile { entry: String, kind: &'static str },
    #[error("accept `{entry}`: tar entries of type {type_byte:?} are not supported")]
    UnsupportedType { entry: String, type_byte: char },
    #[error("accept `{entry}`: sparse files are not supported")]
    Sparse { entry: String },
    #[error("accept `{entry}`: {reason}")]
    Contradiction { entry: String, reason: &'static str },
    #[error("accept `{entry}`: it is encrypted")]
    Encrypted { entry: String },
    #[error("accept `{entry}`: the compression method {method} is not supported")]
    UnsupportedCompression { entry: String, method: String },

    // links
    #[error("accept the link `{entry}`: the target `{target}` {fault}")]
    UnsafeTarget { entry: String, target: String, fault: PathFault },
    #[error("accept the link `{entry}`: its target `{target}` is absolute")]
    AbsoluteTarget { entry: String, target: String },
    #[error("accept the link `{entry}`: its target `{target}` is outside of the archive")]
    TargetOutside { entry: String, target: String },
    #[error("accept the hard link `{entry}`: `{target}` is no file that came before it")]
    HardlinkTarget { entry: String, target: String },
    #[error("accept the links: following them takes more than {limit} steps")]
    LinkMaze { limit: u64 },

    // sizes
    #[error("accept `{entry}`: its size is not a plain octal number")]
    BadNumber { entry: String },
    #[error("accept `{entry}`: it says {stated} bytes in one place and {found} in another")]
    SizeConflict { entry: String, stated: u64, found: u64 },
    #[error("accept the archive: it holds more than {limit} entries and directories")]
    TooManyEntries { limit: u32 },
    #[error("accept the archive: unpacked it has more than {limit} bytes")]
    TooManyBytes { limit: u64 },
    #[error("accept the archive: it grows more than {limit} times when unpacked")]
    Ratio { limit: u64 },
    #[error("accept `{entry}`: its extended header has more than {limit} bytes")]
    MetadataTooBig { entry: String, limit: u64 },
    #[error("accept the archive: its names have more than {limit} bytes together")]
    NamesTooBig { limit: usize },
    #[error("read `{entry}`: it has more than {limit} bytes")]
    FileTooBig { entry: String, limit: u64 },
}

impl ArchiveError {
    /// Returns what the maker of the archive can do about it, as a sentence.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::UnknownFormat { .. } => Some(
                "Pack the directory as .tar.gz, .zip, .tar.zst or .tar; the content counts, not the file name.",
            ),
            Self::Truncated { .. } | Self::Corrupt { .. } | Self::BadHeader { .. } | Self::BadZip { .. } => {
                Some(
                    "The file may be incomplete: compare its size and checksum with the original, or pack it again.",
                )
            }
            Self::TrailingGarbage => {
                Some("Write one archive to one file; joined archives cannot be told from smuggled ones.")
            }
            Self::UnsafePath { fault, .. } => path_hint(*fault),
            Self::Duplicate { .. } => {
                Some("Pack from the directory anew instead of appending to an old archive.")
            }
            Self::NotADirectory { .. } | Self::ThroughSymlink { .. } | Self::Contradiction { .. } => {
                Some("Pack from the directory anew: no ordinary directory looks like this.")
            }
            Self::SpecialFile { .. } | Self::UnsupportedType { .. } => {
                Some("Leave out everything but files, directories and links.")
            }
            Self::Sparse { .. } => Some("Pack without the option for sparse files (tar -S)."),
            Self::Encrypted { .. } => Some("Pack without a password."),
            Self::UnsupportedCompression { .. } => Some("Use the zip methods `store` or `deflate`."),
            Self::AbsoluteTarget { .. } | Self::TargetOutside { .. } | Self::UnsafeTarget { .. } => {
                Some("Replace the link by the file it leads to (tar -h), or leave it out.")
            }
            Self::HardlinkTarget { .. } => {
                Some("Pack the file itself before the links to it, or use tar's --hard-dereference.")
            }
            Self::BadNumber { .. } | Self::SizeConflict { .. } => {
                Some("A file in a tar must be smaller than 8 GiB; larger ones can be packed as zip.")
            }
            Self::TooManyEntries { .. }
            | Self::TooManyBytes { .. }
            | Self::NamesTooBig { .. }
            | Self::FileTooBig { .. } => {
                Some("Leave out what is not needed at run, for instance with a .lpignore file.")
            }
            Self::Ratio { .. } => Some("Create large files of zeros at run instead of packing them."),
            Self::MetadataTooBig { .. } => Some("Pack without extended attributes (tar --no-xattrs)."),
            Self::Overlap { .. } => Some("Pack from the directory anew: no ordinary zip looks like this."),
            Self::LinkMaze { .. } => Some("Link directly to files instead of through chains of links."),
            Self::Io { .. } => None,
        }
    }

    /// Returns whether the archive is at fault, and not the disk it was read from.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Io { .. })
    }

    /// Sorts an error of a `read` inside of an entry: ours travel through decoders as `io::Error` and come out again.
    pub(crate) fn from_read(error: io::Error, entry: &str) -> Self {
        let error = match error.downcast::<ArchiveError>() {
            Ok(ours) => return ours,
            Err(error) => error,
        };
        if error.raw_os_error().is_some() {
            return Self::Io { path: PathBuf::from(entry), source: error };
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated { after: entry.to_owned() },
            _ => Self::Corrupt { entry: entry.to_owned(), source: error },
        }
    }

    pub(crate) fn into_io(self) -> io::Error {
        let kind = match &self {
            Self::Truncated { .. } => io::ErrorKind::UnexpectedEof,
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, self)
    }
}

fn but_promised(promised: Option<Format>) -> String {
    promised.map_or_else(String::new, |format| format!(", whatever its name promises ({format})"))
}

fn path_hint(fault: PathFault) -> Option<&'static str> {
    match fault {
        PathFault::Absolute
        | PathFault::Parent
        | PathFault::Drive
        | PathFault::Dot
        | PathFault::EmptyComponent => {
            Some("Pack with names relative to the directory, for instance `tar czf app.tar.gz app`.")
        }
        PathFault::Backslash => {
            Some("Pack with a tool that writes `/` between directories, as the zip format demands.")
        }
        PathFault::Control | PathFault::NotUtf8 | PathFault::Empty => {
            Some("Rename the file: names must be printable UTF-8.")
        }
        PathFault::TooLong | PathFault::ComponentTooLong | PathFault::TooDeep => {
            Some("Shorten the names or flatten the directories.")
        }
    }
}
