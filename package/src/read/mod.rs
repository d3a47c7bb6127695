//! The one safe reader.
//!
//! [`Archive::visit`] shows every entry of an archive, in the archive's order, after it has been checked against
//! everything that came before it: the manager surveys uploads with it, nodes unpack with it, so both see the same tree
//! or the same refusal. It promises that
//!
//! * what a visitor is shown may be created below a directory by joining the path, without following any link;
//! * every byte is read and every checksum compared, whether the visitor reads an entry or not;
//! * links are judged once more when all entries are known, so `visit` may still fail after the last entry;
//! * memory does not depend on sizes stated in the archive, and work is bounded by [`Limits`](crate::Limits).
//!
//! It refuses rather than repairs, because two readers that repair differently see two different archives. Owners,
//! times, extended attributes and all permissions but "executable" are dropped: a package is content, not an inode.
//! Gzip members and zstd frames may be joined, as RFC 1952 and RFC 8878 have it; the tar inside must be one.

mod archive;
mod entry;
pub(crate) mod gate;
mod meter;
mod tar;
mod tar_names;
mod zip;
mod zip_end;
mod zip_file;

pub use archive::{Archive, Contents};
pub use entry::{Entry, EntryKind};
