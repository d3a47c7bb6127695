//! The nodes of the tree and the rules for adding one.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::error::ArchiveError;
use crate::limits::Limits;
use crate::path::SafePath;

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// Hard links are files.
    File,
    Dir,
    Symlink,
}

/// Whether an insertion changed what will be on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    New,
    /// A directory that was named before. Tools list directories twice (`tar cf x a a/b`) and mean no harm.
    Known,
}

/// Top-level names kept for messages; must be at least 2 to know a single root.
const SHOWN_TOPS: usize = 8;

pub(super) const ROOT: u32 = 0;

/// The names and kinds of an archive's entries.
#[derive(Debug)]
pub struct Tree {
    pub(super) nodes: Vec<Node>,
    children: HashMap<(u32, Cow<'static, str>), u32>,
    pub(super) links: HashMap<u32, Link>,
    /// How many entries lie at the top, and the first few of them.
    top_count: usize,
    tops: Vec<(u32, Box<str>)>,
    name_bytes: usize,
    limits: Limits,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) parent: u32,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    /// Named by an entry of its own.
    Dir,
    /// Only implied by the path of something below.
    ImpliedDir,
    Symlink,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) entry: Box<str>,
    pub(super) target: Box<str>,
}

impl Tree {
    pub(crate) fn new(limits: Limits) -> Self {
        let root = Node { parent: ROOT, kind: Kind::Dir };
        Self {
            nodes: vec![root],
            children: HashMap::new(),
            links: HashMap::new(),
            top_count: 0,
            tops: Vec::new(),
            name_bytes: 0,
            limits,
        }
    }

    pub(crate) fn insert_file(&mut self, path: &SafePath) -> Result<(), ArchiveError> {
        self.insert(path, Kind::File).map(drop)
    }

    pub(crate) fn insert_dir(&mut self, path: &SafePath) -> Result<Inserted, ArchiveError> {
        let (node, inserted) = self.insert(path, Kind::Dir)?;
        if inserted == Inserted::Known && self.nodes[node as usize].kind == Kind::ImpliedDir {
            self.nodes[node as usize].kind = Kind::Dir;
            return Ok(Inserted::New);
        }
        Ok(inserted)
    }

    /// Inserts a symlink and refuses a target that leaves the archive by its text alone; `check_links` judges
    /// the rest when the whole tree is known.
    pub(crate) fn insert_symlink(&mut self, path: &SafePath, target: &str) -> Result<(), ArchiveError> {
        let outside = || ArchiveError::TargetOutside { entry: path.to_string(), target: target.to_owned() };
        if !target.starts_with('/') {
            let mut depth = path.components().count() - 1;
            for component in target.split('/') {
                match component {
                    "" | "." => {}
                    ".." => depth = depth.checked_sub(1).ok_or_else(outside)?,
                    _ => depth += 1,
                }
            }
        }
        self.count_name(target.len() + path.as_str().len())?;
        let (node, _) = self.insert(path, Kind::Symlink)?;
        self.links.insert(node, Link { entry: path.as_str().into(), target: target.into() });
        Ok(())
    }

    pub(crate) fn insert_hardlink(&mut self, path: &SafePath, target: &SafePath) -> Result<(), ArchiveError> {
        match self.kind_of(target.as_str()) {
            Some(NodeKind::File) => self.insert_file(path),
            Some(NodeKind::Dir | NodeKind::Symlink) | None => {
                Err(ArchiveError::HardlinkTarget { entry: path.to_string(), target: target.to_string() })
            }
        }
    }

    /// Returns what lies at a path, written as in [`SafePath`].
    pub fn kind_of(&self, path: &str) -> Option<NodeKind> {
        let mut node = ROOT;
        for component in path.split('/') {
            node = self.child(node, component)?;
        }
        match self.nodes[node as usize].kind {
            Kind::File => Some(NodeKind::File),
            Kind::Dir | Kind::ImpliedDir => Some(NodeKind::Dir),
            Kind::Symlink => Some(NodeKind::Symlink),
        }
    }

    /// Returns the number of files, directories (implied ones too) and links.
    pub fn len(&self) -> usize {
        self.nodes.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the name of the one directory that holds everything, if there is one.
    pub fn single_root(&self) -> Option<&str> {
        self.single_root_node().map(|(_, name)| name)
    }

    pub(super) fn single_root_node(&self) -> Option<(u32, &str)> {
        let [(top, name)] = self.tops.as_slice() else { return None };
        match self.nodes[*top as usize].kind {
            Kind::Dir | Kind::ImpliedDir => Some((*top, name)),
            Kind::File | Kind::Symlink => None,
        }
    }

    /// Returns the number of top-level entries and the names of the first few, for messages.
    pub fn tops(&self) -> (usize, impl Iterator<Item = &str>) {
        (self.top_count, self.tops.iter().map(|(_, name)| name.as_ref()))
    }

    fn insert(&mut self, path: &SafePath, kind: Kind) -> Result<(u32, Inserted), ArchiveError> {
        let mut at = ROOT;
        let mut walked = 0;
        let mut components = path.components().peekable();
        while let Some(name) = components.next() {
            walked += name.len() + 1;
            let is_last = components.peek().is_none();
            let wanted = if is_last { kind } else { Kind::ImpliedDir };
            at = match self.child(at, name) {
                None => self.add(at, name, wanted)?,
                Some(child) if is_last => return self.meet(path, child, kind),
                Some(child) => self.enter(path, &path.as_str()[..walked - 1], child)?,
            };
        }
        Ok((at, Inserted::New))
    }

    /// An entry whose name is taken.
    fn meet(&self, path: &SafePath, node: u32, kind: Kind) -> Result<(u32, Inserted), ArchiveError> {
        match (self.nodes[node as usize].kind, kind) {
            (Kind::Dir | Kind::ImpliedDir, Kind::Dir) => Ok((node, Inserted::Known)),
            _ => Err(ArchiveError::Duplicate { entry: path.to_string() }),
        }
    }

    /// A component in the middle of a path, which must be a true directory.
    fn enter(&self, path: &SafePath, so_far: &str, node: u32) -> Result<u32, ArchiveError> {
        let entry = path.to_string();
        match self.nodes[node as usize].kind {
            Kind::Dir | Kind::ImpliedDir => Ok(node),
            Kind::Symlink => Err(ArchiveError::ThroughSymlink { entry, link: so_far.to_owned() }),
            Kind::File => Err(ArchiveError::NotADirectory { entry, parent: so_far.to_owned() }),
        }
    }

    fn add(&mut self, parent: u32, name: &str, kind: Kind) -> Result<u32, ArchiveError> {
        let limit = self.limits.max_entries;
        let node = u32::try_from(self.nodes.len()).map_err(|_| ArchiveError::TooManyEntries { limit })?;
        if node > limit {
            return Err(ArchiveError::TooManyEntries { limit });
        }
        self.count_name(name.len())?;
        self.nodes.push(Node { parent, kind });
        self.children.insert((parent, Cow::Owned(name.to_owned())), node);
        if parent == ROOT {
            self.top_count += 1;
            if self.tops.len() < SHOWN_TOPS {
                self.tops.push((node, name.into()));
            }
        }
        Ok(node)
    }

    fn count_name(&mut self, bytes: usize) -> Result<(), ArchiveError> {
        self.name_bytes += bytes;
        let limit = self.limits.max_name_bytes;
        if self.name_bytes > limit { Err(ArchiveError::NamesTooBig { limit }) } else { Ok(()) }
    }

    pub(super) fn child(&self, parent: u32, name: &str) -> Option<u32> {
        // the map's key type shrinks to the lifetime of `name`, so that looking up allocates nothing
        let children: &HashMap<(u32, Cow<'_, str>), u32> = &self.children;
        children.get(&(parent, Cow::Borrowed(name))).copied()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn path(text: &str) -> SafePath {
        SafePath::parse(text.as_bytes(), &Limits::default()).unwrap().unwrap()
    }

    /// Builds a tree of files (`name`), directories (`name/`) and links (`name -> target`).
    pub(in crate::tree) fn tree(entries: &[&str]) -> Result<Tree, ArchiveError> {
        let mut tree = Tree::new(Limits::default());
        for entry in entries {
            if let Some((name, target)) = entry.split_once(" -> ") {
                tree.insert_symlink(&path(name), target)?;
            } else if entry.ends_with('/') {
                tree.insert_dir(&path(entry))?;
            } else {
                tree.insert_file(&path(entry))?;
            }
        }
        Ok(tree)
    }

    #[test]
    fn a_taken_name_or_a_path_through_a_non_directory_is_refused() {
        let duplicate: [&[&str]; 5] =
            [&["a", "a"], &["a", "a/"], &["a/b", "a"], &["l -> x", "l"], &["l -> x", "l/"]];
        for entries in duplicate {
            assert!(matches!(tree(entries), Err(ArchiveError::Duplicate { .. })), "{entries:?}");
        }
        assert!(matches!(tree(&["a", "a/b"]), Err(ArchiveError::NotADirectory { .. })));
        assert!(matches!(tree(&["l -> d", "d/", "l/b"]), Err(ArchiveError::ThroughSymlink { .. })));
        assert!(tree(&["a/b", "a/", "a/", "a/c"]).is_ok());
    }

    #[test]
    fn the_single_root_is_the_only_top_level_directory() {
        assert_eq!(tree(&["app/a", "app/b"]).unwrap().single_root(), Some("app"));
        assert_eq!(tree(&["app/a", "b"]).unwrap().single_root(), None);
        assert_eq!(tree(&["app"]).unwrap().single_root(), None);
        assert_eq!(tree(&[]).unwrap().single_root(), None);
    }

    #[test]
    fn implied_directories_and_names_count_against_the_limits() {
        let few = Limits { max_entries: 3, ..Limits::default() };
        let mut tree = Tree::new(few);
        assert!(tree.insert_file(&path("a/b/c")).is_ok());
        assert!(matches!(tree.insert_file(&path("d")), Err(ArchiveError::TooManyEntries { limit: 3 })));

        let mut tree = Tree::new(Limits { max_name_bytes: 5, ..Limits::default() });
        assert!(tree.insert_file(&path("abc")).is_ok());
        assert!(matches!(tree.insert_file(&path("def")), Err(ArchiveError::NamesTooBig { .. })));
    }
}
