//! The files of an archive and a digest of each, so that two archives can be compared.
//!
//! It goes through the one safe reader, so that what it says is what a node would unpack. Owners, times and the order of entries do not
//! count; directories only where they are empty, since some archives name every directory and others none. Memory is bounded by the
//! number of entries the rules allow (about 150 bytes each), not by their sizes.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::Digest as _;

use crate::error::ArchiveError;
use crate::limits::Rules;
use crate::read::{Archive, Entry, EntryKind};

/// 64 KiB per read, as where packages are summed.
const BUFFER_BYTES: usize = 64 << 10;

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    pub kind: FactKind,
    /// Bytes of a file; 0 otherwise.
    pub size: u64,
    /// The first half of the sha256 of a file's content or a link's target.
    content: [u8; 16],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactKind {
    File {
        executable: bool,
    },
    Link,
    /// An empty directory.
    Directory,
}

/// What an archive holds, by path relative to its root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    facts: BTreeMap<String, Fact>,
}

/// Reads a whole archive.
///
/// # Errors
/// Any [`ArchiveError`].
pub fn list(path: &Path, rules: Rules) -> Result<Listing, ArchiveError> {
    let mut facts: BTreeMap<String, Fact> = BTreeMap::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let contents = Archive::open(path, rules)?.visit(|entry| {
        let fact = fact_of(entry, &facts, &mut buffer)?;
        facts.insert(entry.path().as_str().to_owned(), fact);
        Ok::<(), ArchiveError>(())
    })?;
    if let Some(root) = contents.tree.single_root() {
        let below = format!("{root}/");
        facts = facts
            .into_iter()
            .filter_map(|(path, fact)| Some((path.strip_prefix(&below)?.to_owned(), fact)))
            .collect();
    }
    let full: Vec<String> = facts
        .iter()
        .filter(|(path, fact)| fact.kind == FactKind::Directory && has_below(&facts, path))
        .map(|(path, _)| path.clone())
        .collect();
    for path in full {
        facts.remove(&path);
    }
    Ok(Listing { facts })
}

fn fact_of(
    entry: &mut Entry<'_>,
    before: &BTreeMap<String, Fact>,
    buffer: &mut [u8],
) -> Result<Fact, ArchiveError> {
    Ok(match entry.kind().clone() {
        EntryKind::File { size, executable } => {
            let mut hasher = sha2::Sha256::new();
            loop {
                let count = entry.read_piece(buffer)?;
                if count == 0 {
                    break;
                }
                hasher.update(&buffer[..count]);
            }
            Fact { kind: FactKind::File { executable }, size, content: half(hasher) }
        }
        EntryKind::Dir => Fact { kind: FactKind::Directory, size: 0, content: [0; 16] },
        EntryKind::Symlink { target } => {
            let hasher = sha2::Sha256::new_with_prefix(target.as_bytes());
            Fact { kind: FactKind::Link, size: 0, content: half(hasher) }
        }
        // the reader has seen to it that the file was shown before; a second name of it is a file like any other
        EntryKind::Hardlink { target } => before.get(target.as_str()).copied().unwrap_or(Fact {
            kind: FactKind::File { executable: false },
            size: 0,
            content: [0; 16],
        }),
    })
}

fn half(hasher: sha2::Sha256) -> [u8; 16] {
    let whole: [u8; 32] = hasher.finalize().into();
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    half
}

fn has_below(facts: &BTreeMap<String, Fact>, directory: &str) -> bool {
    let below = format!("{directory}/");
    facts.range(below.clone()..).next().is_some_and(|(path, _)| path.starts_with(&below))
}

impl Listing {
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    pub fn len(&self) -> usize {
        self.facts.len()
    }

    pub fn get(&self, path: &str) -> Option<&Fact> {
        self.facts.get(path)
    }

    /// Every path of either, in order, with what lies there in this one and in the other.
    pub fn beside<'a>(
        &'a self,
        other: &'a Listing,
    ) -> impl Iterator<Item = (&'a str, Option<&'a Fact>, Option<&'a Fact>)> {
        let mut here = self.facts.iter().peekable();
        let mut there = other.facts.iter().peekable();
        std::iter::from_fn(move || {
            let order = match (here.peek(), there.peek()) {
                (None, None) => return None,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some((a, _)), Some((b, _))) => a.cmp(b),
            };
            match order {
                std::cmp::Ordering::Less => here.next().map(|(path, fact)| (path.as_str(), Some(fact), None)),
                std::cmp::Ordering::Greater => {
                    there.next().map(|(path, fact)| (path.as_str(), None, Some(fact)))
                }
                std::cmp::Ordering::Equal => {
                    let (path, fact) = here.next()?;
                    let (_, other) = there.next()?;
                    Some((path.as_str(), Some(fact), Some(other)))
                }
            }
        })
    }
}
