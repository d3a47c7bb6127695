//! A few files of an archive: small ones with their content, others by their digest.
//!
//! For what an application says about its environments: requirements and locks are read, wheels only identified.

use std::collections::BTreeMap;
use std::path::Path;

use crate::digest::{Digest, Hasher};
use crate::error::ArchiveError;
use crate::limits::Rules;
use crate::read::{Archive, Entry, EntryKind};

/// 64 KiB per read, as where packages are summed.
const BUFFER_BYTES: usize = 64 << 10;

/// What to do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Its content, if it is not larger than this.
    Content {
        max_bytes: u64,
    },
    Digest,
    Nothing,
}

/// What was found, by path from the root.
#[derive(Debug, Default)]
pub struct Files {
    pub contents: BTreeMap<String, Vec<u8>>,
    pub digests: BTreeMap<String, Digest>,
}

/// Reads a whole archive whose one top-level directory is `root` (None: it is flat). A file that is too large for its content to be taken is
/// left out.
///
/// # Errors
/// Any [`ArchiveError`].
pub fn read_files(
    path: &Path,
    rules: Rules,
    root: Option<&str>,
    want: &dyn Fn(&str) -> Want,
) -> Result<Files, ArchiveError> {
    let mut files = Files::default();
    let mut buffer = vec![0; BUFFER_BYTES];
    Archive::open(path, rules)?.visit(|entry| {
        if !matches!(entry.kind(), EntryKind::File { .. }) {
            return Ok::<(), ArchiveError>(());
        }
        let path = entry.path().as_str();
        let below = match root {
            Some(root) => path.strip_prefix(root).and_then(|rest| rest.strip_prefix('/')),
            None => Some(path),
        };
        let Some(name) = below.map(str::to_owned) else { return Ok(()) };
        match want(&name) {
            Want::Nothing => {}
            Want::Content { max_bytes } => match entry.read_small(max_bytes) {
                Ok(content) => {
                    files.contents.insert(name, content);
                }
                Err(ArchiveError::FileTooBig { .. }) => {}
                Err(error) => return Err(error),
            },
            Want::Digest => {
                files.digests.insert(name, digest_of(entry, &mut buffer)?);
            }
        }
        Ok(())
    })?;
    Ok(files)
}

fn digest_of(entry: &mut Entry<'_>, buffer: &mut [u8]) -> Result<Digest, ArchiveError> {
    let mut hasher = Hasher::new();
    loop {
        let count = entry.read_piece(buffer)?;
        if count == 0 {
            return Ok(hasher.finish().digest);
        }
        hasher.update(&buffer[..count]);
    }
}
