//! Where entries of both formats are admitted or refused.
//!
//! The formats only say what an entry claims to be ([`Claim`]); everything that makes it acceptable is decided here, once.

use crate::error::ArchiveError;
use crate::format::Format;
use crate::junk::is_junk;
use crate::limits::{LinkPolicy, Rules};
use crate::path::{SafePath, check_text, shown};
use crate::tree::{Inserted, Tree};

use super::{Contents, EntryKind};

/// What an entry says it is, before anything was checked.
#[derive(Debug)]
pub(crate) enum Claim<'a> {
    File { size: u64, executable: bool },
    Dir,
    Symlink { target: &'a [u8] },
    Hardlink { target: &'a [u8] },
}

/// The state of one reading.
pub(crate) struct Gate {
    rules: Rules,
    tree: Tree,
    headers: u32,
    entries: u64,
    content_bytes: u64,
}

impl Gate {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules, tree: Tree::new(rules.limits), headers: 0, entries: 0, content_bytes: 0 }
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Counts one header of any kind, extension headers included, so that endless ones end.
    pub(crate) fn count_header(&mut self) -> Result<(), ArchiveError> {
        let limit = self.rules.limits.max_entries;
        self.headers = self.headers.saturating_add(1);
        // an extension header and the entry it describes are two
        if self.headers > limit.saturating_mul(2) {
            Err(ArchiveError::TooManyEntries { limit })
        } else {
            Ok(())
        }
    }

    /// Checks an entry against the rules and all before it. `None`: harmless, and nothing to show or create.
    pub(crate) fn admit(
        &mut self,
        name: &[u8],
        claim: &Claim<'_>,
    ) -> Result<Option<(SafePath, EntryKind)>, ArchiveError> {
        let parsed = SafePath::parse(name, &self.rules.limits);
        let path = match parsed.map_err(|fault| ArchiveError::UnsafePath { entry: shown(name), fault })? {
            Some(path) => path,
            None if matches!(claim, Claim::Dir) => return Ok(None),
            None => {
                let reason = "the root can only be a directory";
                return Err(ArchiveError::Contradiction { entry: shown(name), reason });
            }
        };
        if is_junk(path.top()) {
            return Ok(None);
        }
        let Some(kind) = self.insert(&path, claim)? else { return Ok(None) };
        self.entries += 1;
        Ok(Some((path, kind)))
    }

    fn insert(&mut self, path: &SafePath, claim: &Claim<'_>) -> Result<Option<EntryKind>, ArchiveError> {
        match *claim {
            Claim::File { size, executable } => {
                self.tree.insert_file(path)?;
                self.content_bytes = self.content_bytes.saturating_add(size);
                Ok(Some(EntryKind::File { size, executable }))
            }
            Claim::Dir => match self.tree.insert_dir(path)? {
                Inserted::New => Ok(Some(EntryKind::Dir)),
                Inserted::Known => Ok(None),
            },
            Claim::Symlink { target } => {
                let target = self.check_symlink(path, target)?;
                self.tree.insert_symlink(path, &target)?;
                Ok(Some(EntryKind::Symlink { target }))
            }
            Claim::Hardlink { target } => {
                let target = self.check_hardlink(path, target)?;
                self.tree.insert_hardlink(path, &target)?;
                Ok(Some(EntryKind::Hardlink { target }))
            }
        }
    }

    fn check_symlink(&self, path: &SafePath, target: &[u8]) -> Result<String, ArchiveError> {
        let text = check_text(target, &self.rules.limits).map_err(|fault| ArchiveError::UnsafeTarget {
            entry: path.to_string(),
            target: shown(target),
            fault,
        })?;
        match (text.starts_with('/'), self.rules.links) {
            (true, LinkPolicy::InsideOnly) => {
                Err(ArchiveError::AbsoluteTarget { entry: path.to_string(), target: shown(target) })
            }
            (true, LinkPolicy::AllowAbsoluteTargets) | (false, _) => Ok(text.to_owned()),
        }
    }

    fn check_hardlink(&self, path: &SafePath, target: &[u8]) -> Result<SafePath, ArchiveError> {
        let entry = || path.to_string();
        match SafePath::parse(target, &self.rules.limits) {
            Ok(Some(target)) => Ok(target),
            Ok(None) => Err(ArchiveError::HardlinkTarget { entry: entry(), target: shown(target) }),
            Err(fault) => Err(ArchiveError::UnsafeTarget { entry: entry(), target: shown(target), fault }),
        }
    }

    pub(crate) fn finish(self, format: Format) -> Result<Contents, ArchiveError> {
        self.tree.check_links(self.rules.root)?;
        let Self { tree, entries, content_bytes, .. } = self;
        Ok(Contents { format, entries, content_bytes, tree })
    }
}
