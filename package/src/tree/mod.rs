//! The tree that the entries of an archive make, built while they go by.
//!
//! It answers the questions no single entry can: is this name taken, does the path lead through a link, where does a
//! chain of links end, is there one root directory, does the package hold this file. It holds names and kinds, never
//! content, and at most what [`Limits`](crate::Limits) allow. The packer builds the same tree, so what it makes the reader accepts.

mod links;
mod nodes;

pub(crate) use nodes::Inserted;
pub use nodes::{NodeKind, Tree};
