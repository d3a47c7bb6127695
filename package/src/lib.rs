//! Archives: everything `lp` does with packages as bytes.
//!
//! * [`read`]: the one safe reader. The manager reads manifests with it, nodes unpack with it; both therefore see the
//!   same tree or the same refusal.
//! * [`survey`](mod@survey): one pass over an uploaded archive that checks all of it and brings back the manifest.
//! * [`files`]: a few files of an archive, for what an application says about its environments.
//! * [`unpack`](mod@unpack): an archive becomes a directory that appears whole or not at all.
//! * [`listing`](mod@listing): the files of an archive and what is in them, to be compared with those of another.
//! * [`pack`](mod@pack): a directory becomes the same bytes on every machine.
//! * [`venv`]: environments as files: relocation, recipes, inspection.
//! * [`digest`], [`format`](mod@format), [`limits`], [`path`], [`tree`], [`error`]: what these share.
//!
//! Everything here is synchronous and streams: memory does not grow with the size of files. Callers on an async runtime
//! use `spawn_blocking`.

#![warn(clippy::unwrap_used)]

pub mod digest;
pub mod error;
pub mod files;
pub mod format;
mod junk;
pub mod limits;
pub mod listing;
pub mod pack;
pub mod path;
pub mod read;
pub mod survey;
pub mod tree;
pub mod unpack;
pub mod venv;

pub use digest::{Digest, Hasher, Summed};
pub use error::ArchiveError;
pub use files::{Files, Want, read_files};
pub use format::Format;
pub use limits::{Limits, LinkPolicy, RootPolicy, Rules};
pub use listing::{Listing, list};
pub use pack::{Ignores, PackError, PackOptions, Packed, pack};
pub use path::SafePath;
pub use read::{Archive, Entry, EntryKind};
pub use survey::{Survey, survey};
pub use unpack::{UnpackError, Unpacked, sweep_temporary, unpack};
