//! The check an upload goes through: the whole archive is read once, the manifest is brought back.
//!
//! LitePipeline's application archives hold exactly one directory with `configuration.json` and files; archives with
//! `configuration.json` at the top are accepted too. The manifest's place is only certain at the end (one more top-level
//! entry changes it), so candidates are kept and the right one is chosen when the tree is known. Because every entry is
//! read through, an archive that passed will unpack on a node.

use std::path::Path;

use crate::error::ArchiveError;
use crate::format::Format;
use crate::limits::Rules;
use crate::path::SafePath;
use crate::read::{Archive, Entry, EntryKind};
use crate::tree::{NodeKind, Tree};

/// What an archive holds.
#[derive(Debug)]
pub struct Survey {
    pub format: Format,
    /// The one top-level directory everything is in, or `None` if the archive is flat.
    pub root: Option<String>,
    /// The content of the file that was asked for.
    pub file: Option<Vec<u8>>,
    /// Files, directories and links.
    pub entries: u64,
    /// Bytes of all files together.
    pub unpacked_bytes: u64,
    tree: Tree,
}

/// Reads a whole archive and returns what it holds, with the content of the file `name` in its root.
///
/// # Errors
/// Any [`ArchiveError`]; `FileTooBig` when the file has more than `max_bytes`.
pub fn survey(path: &Path, rules: Rules, name: &str, max_bytes: u64) -> Result<Survey, ArchiveError> {
    let mut at_top = None;
    let mut below = None;
    let contents = Archive::open(path, rules)?.visit(|entry| {
        if is_file(entry) && entry.path().as_str() == name {
            at_top = Some(Candidate::read(entry, max_bytes)?);
        } else if is_file(entry) && below.is_none() && entry.path().below_top() == Some(name) {
            below = Some(Candidate::read(entry, max_bytes)?);
        }
        Ok::<(), ArchiveError>(())
    })?;
    let root = contents.tree.single_root().map(str::to_owned);
    // with a single root the first candidate below the top is the only one there can be
    let chosen = if root.is_some() { below } else { at_top };
    Ok(Survey {
        format: contents.format,
        root,
        file: chosen.map(Candidate::into_content).transpose()?,
        entries: contents.entries,
        unpacked_bytes: contents.content_bytes,
        tree: contents.tree,
    })
}

impl Survey {
    /// Returns what lies at `path`, relative to the root. Paths that are not plain (`..`, absolute) lie nowhere.
    pub fn kind_of(&self, path: &str) -> Option<NodeKind> {
        let path = path.strip_suffix('/').unwrap_or(path);
        match &self.root {
            Some(root) => self.tree.kind_of(&format!("{root}/{path}")),
            None => self.tree.kind_of(path),
        }
    }

    /// Returns whether there is a file at `path`, relative to the root.
    pub fn has_file(&self, path: &str) -> bool {
        self.kind_of(path) == Some(NodeKind::File)
    }

    /// Describes the top level for an error message, for instance "2 things at the top: `a`, `b`".
    pub fn describe_top(&self) -> String {
        let (count, names) = self.tree.tops();
        let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        let more = if count > names.len() { ", …" } else { "" };
        let things = if count == 1 { "thing" } else { "things" };
        match count {
            0 => "nothing at the top".to_owned(),
            _ => format!("{count} {things} at the top: {}{more}", names.join(", ")),
        }
    }
}

fn is_file(entry: &Entry<'_>) -> bool {
    matches!(entry.kind(), EntryKind::File { .. })
}

/// A file that may turn out to be the one asked for. Its size matters only if it does.
enum Candidate {
    Content(Vec<u8>),
    TooBig { path: SafePath, limit: u64 },
}

impl Candidate {
    fn read(entry: &mut Entry<'_>, limit: u64) -> Result<Self, ArchiveError> {
        match entry.read_small(limit) {
            Ok(content) => Ok(Self::Content(content)),
            Err(ArchiveError::FileTooBig { .. }) => Ok(Self::TooBig { path: entry.path().clone(), limit }),
            Err(error) => Err(error),
        }
    }

    fn into_content(self) -> Result<Vec<u8>, ArchiveError> {
        match self {
            Self::Content(content) => Ok(content),
            Self::TooBig { path, limit } => Err(ArchiveError::FileTooBig { entry: path.to_string(), limit }),
        }
    }
}
