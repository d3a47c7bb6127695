//! One checked entry, as a visitor sees it.

use std::io::{self, Read};

use crate::error::ArchiveError;
use crate::path::SafePath;

/// What a checked entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// `size` in bytes is what will be read, or reading fails. `executable`: any of the three x bits was set.
    File {
        size: u64,
        executable: bool,
    },
    Dir,
    /// The target is text to be stored in the link, judged by the link policy, not a path to open.
    Symlink {
        target: String,
    },
    /// The target is the path of a file that was shown before.
    Hardlink {
        target: SafePath,
    },
}

/// A checked entry. Reading it yields the content of a file, and nothing for other kinds.
pub struct Entry<'a> {
    path: SafePath,
    kind: EntryKind,
    content: &'a mut dyn Read,
}

impl<'a> Entry<'a> {
    pub(super) fn new(path: SafePath, kind: EntryKind, content: &'a mut dyn Read) -> Self {
        Self { path, kind, content }
    }

    pub fn path(&self) -> &SafePath {
        &self.path
    }

    pub fn kind(&self) -> &EntryKind {
        &self.kind
    }

    /// Reads the next piece of content into `buffer`; 0 is the end.
    ///
    /// # Errors
    /// As reading does, but in our own words instead of as an `io::Error`.
    pub fn read_piece(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        loop {
            match self.content.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ArchiveError::from_read(error, self.path.as_str())),
                Ok(count) => return Ok(count),
            }
        }
    }

    /// Reads the whole content of a small file.
    ///
    /// # Errors
    /// `FileTooBig` when there are more than `limit` bytes; whatever reading fails with.
    pub fn read_small(&mut self, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        let mut content = Vec::new();
        let mut buffer = [0; 8 << 10];
        loop {
            let count = self.read_piece(&mut buffer)?;
            if count == 0 {
                return Ok(content);
            }
            if (content.len() + count) as u64 > limit {
                return Err(ArchiveError::FileTooBig { entry: self.path.to_string(), limit });
            }
            content.extend_from_slice(&buffer[..count]);
        }
    }
}

impl Read for Entry<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.content.read(buffer)
    }
}

impl std::fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("path", &self.path).field("kind", &self.kind).finish_non_exhaustive()
    }
}
