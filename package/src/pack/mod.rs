//! A directory becomes an archive: the same bytes for the same tree, on any machine, in whatever order its file system
//! lists it and whenever its files were written.
//!
//! That makes a package's digest say something about its content: packing again after a checkout or in CI gives the
//! version that is already there. Everything is recorded that the reader gives back (names, content, "executable", links)
//! and nothing else: no times, owners or other modes. Names and links go through the reader's own rules, so what is packed
//! here is accepted there.

mod collect;
mod directory;
mod error;
mod options;
mod write;

pub use directory::pack;
pub use error::PackError;
pub use options::{Ignores, PackOptions, Packed, SkipReason, Skipped};
