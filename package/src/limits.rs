//! How much an archive may ask of us, and which links it may hold.
//!
//! The numbers bound work and memory before any of it is done; none of them depends on what the archive says about
//! itself. The defaults are generous for real packages (the largest environments in use hold some 100,000 files and
//! 10 GiB) and still finite. The manager and the nodes must use the same [`Rules`] for the same kind of package, or a
//! package could be accepted at upload and refused at run.

/// Upper bounds for one archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries plus the directories that their paths imply, so that it bounds inodes and the reader's memory (about
    /// 180 bytes each), not only headers.
    pub max_entries: u32,
    /// Entries of a zip. Lower than [`Self::max_entries`], since the directory of a zip is held in memory, some 300 bytes an
    /// entry; larger trees can come as tar.
    pub max_zip_entries: u32,
    /// Bytes that come out of the decompressor, headers and padding included.
    pub max_unpacked_bytes: u64,
    /// Bytes of a path or link target. 4096 is Linux's PATH_MAX; longer ones could not be opened by name.
    pub max_path_bytes: usize,
    /// Bytes of one path component. 255 is NAME_MAX of every usual file system.
    pub max_component_bytes: usize,
    /// Components of a path. Deeper trees break tools that recurse, and no package needs them.
    pub max_depth: usize,
    /// Bytes out per byte in, looked at once [`Self::ratio_free_bytes`] have come out.
    pub max_ratio: u64,
    /// Bytes that may come out before the ratio counts. Small archives of zeros are harmless and common in tests.
    pub ratio_free_bytes: u64,
    /// Bytes of one tar extension header (PAX record block, GNU long name), which are held in memory.
    pub max_metadata_bytes: u64,
    /// Bytes of all component names and link targets together, which the reader holds in memory to find duplicates and
    /// escaping links.
    pub max_name_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_entries: 1_000_000,
            max_zip_entries: 250_000,
            max_unpacked_bytes: 64 << 30,
            max_path_bytes: 4096,
            max_component_bytes: 255,
            max_depth: 100,
            max_ratio: 1000,
            ratio_free_bytes: 64 << 20,
            max_metadata_bytes: 1 << 20,
            max_name_bytes: 64 << 20,
        }
    }
}

/// Which symlink targets are accepted. Targets are always judged, and never followed while unpacking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkPolicy {
    /// A target is relative and stays inside the root, however links are chained.
    #[default]
    InsideOnly,
    /// As `InsideOnly`, and absolute targets are created as they are. venv-pack and `python -m venv` make
    /// `bin/python -> /usr/bin/python3`.
    AllowAbsoluteTargets,
}

/// What the root of the unpacked tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RootPolicy {
    /// If everything lies in one top-level directory, that directory is the root; otherwise the archive itself is.
    #[default]
    StripSingle,
    /// The archive itself.
    Keep,
}

/// Everything the reader has to know to judge an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    pub limits: Limits,
    pub links: LinkPolicy,
    pub root: RootPolicy,
}

impl Rules {
    /// The rules for application packages: one root directory at most, links stay inside.
    pub fn app() -> Self {
        Self { limits: Limits::default(), links: LinkPolicy::InsideOnly, root: RootPolicy::StripSingle }
    }

    /// The rules for environment packages, as venv-pack makes them (flat) or with one root directory.
    pub fn venv() -> Self {
        Self { links: LinkPolicy::AllowAbsoluteTargets, ..Self::app() }
    }

    /// The same rules with other limits.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }
}
