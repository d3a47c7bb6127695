//! The packing itself: name the root, collect, write.

use std::io::Write;
use std::path::Path;

use crate::digest::HashingWriter;
use crate::junk::is_junk;
use crate::limits::{RootPolicy, Rules};
use crate::path::SafePath;

use super::collect::{self, Collected};
use super::{PackError, PackOptions, Packed, write};

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
    let Collected { items: _, skipped } = collected;
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
    let parsed = SafePath::parse(name.as_bytes(), &options.limits).ok().flatten();
    let is_plain = parsed.is_some_and(|path| path.as_str() == name && path.below_top().is_none());
    if is_plain && !is_junk(&name) { Ok(name) } else { Err(refused()) }
}

/// The rules a packed archive is made for.
pub(super) fn rules(options: &PackOptions) -> Rules {
    Rules { limits: options.limits, links: options.links, root: RootPolicy::StripSingle }
}
