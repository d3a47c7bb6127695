//! An archive becomes a directory.
//!
//! The tree is made in a temporary sibling and renamed when it is complete and the archive has proved flawless to its
//! last byte, so nobody ever sees a half-made directory under the final name. What a crash leaves behind has a name that
//! [`sweep_temporary`] knows. Nothing is written outside of the temporary directory: the reader admits no path that
//! leaves it or leads through a link, and files are created, never opened.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::ArchiveError;
use crate::limits::{RootPolicy, Rules};
use crate::path::SafePath;
use crate::read::{Archive, Entry, EntryKind};

/// How the names of temporary directories begin. No package, user or tool makes such names.
pub const TEMPORARY_PREFIX: &str = ".lp-unpack-";

/// 128 KiB per write: a file of this size or less, nearly all of a package, takes one.
const PIECE_BYTES: usize = 128 << 10;

const FILE_MODE: u32 = 0o644;
const EXECUTABLE_MODE: u32 = 0o755;
const DIR_MODE: u32 = 0o755;

/// What was unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unpacked {
    /// Files and hard links.
    pub files: u64,
    /// Bytes of all files together.
    pub bytes: u64,
}

/// Why an archive was not unpacked. Nothing is left behind in any case.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("unpack to `{}`: it exists already", path.display())]
    Exists { path: PathBuf },
    #[error("create `{}`", path.display())]
    Create { path: PathBuf, source: io::Error },
    #[error("unpack: it was cancelled")]
    Cancelled,
}

/// Unpacks an archive into the new directory `dest`. Missing parents are made.
///
/// `progress` is called with the bytes written so far, at least once per file; `Break` cancels.
///
/// # Errors
/// `Exists` when `dest` exists; `Archive` when the archive is refused; `Create` when the disk refuses.
pub fn unpack(
    archive: &Path,
    dest: &Path,
    rules: Rules,
    mut progress: impl FnMut(u64) -> ControlFlow<()>,
) -> Result<Unpacked, UnpackError> {
    refuse_existing(dest)?;
    let archive = Archive::open(archive, rules)?;
    let temporary = Temporary::create(dest)?;
    let tree = temporary.path.join("tree");
    make_dir(&tree)?;
    let mut writer = Writer {
        tree: &tree,
        done: Unpacked::default(),
        buffer: vec![0; PIECE_BYTES],
        progress: &mut progress,
    };
    let contents = archive.visit(|entry| writer.write(entry))?;
    let done = writer.done;
    let root = match rules.root {
        RootPolicy::StripSingle => contents.tree.single_root().map(|root| tree.join(root)),
        RootPolicy::Keep => None,
    };
    refuse_existing(dest)?; // a rename would replace an empty directory
    fs::rename(root.as_deref().unwrap_or(&tree), dest).map_err(|source| create_error(dest, source))?;
    Ok(done)
}

/// Removes what crashed unpacks left in `parent` and returns how much was removed. To be called before the first unpack
/// into `parent`, since it cannot tell the temporary directories of running ones.
///
/// # Errors
/// Whatever listing or removing fails with; a missing `parent` holds nothing.
pub fn sweep_temporary(parent: &Path) -> io::Result<usize> {
    let listing = match fs::read_dir(parent) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        listing => listing?,
    };
    let mut removed = 0;
    for found in listing {
        let found = found?;
        let is_ours = found.file_name().as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes());
        if is_ours && found.file_type()?.is_dir() {
            fs::remove_dir_all(found.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn refuse_existing(dest: &Path) -> Result<(), UnpackError> {
    match dest.symlink_metadata() {
        Ok(_) => Err(UnpackError::Exists { path: dest.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(create_error(dest, source)),
    }
}

fn create_error(path: &Path, source: io::Error) -> UnpackError {
    UnpackError::Create { path: path.to_owned(), source }
}

/// A private directory beside the destination, removed with all that is left in it when it goes out of scope.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    fn create(dest: &Path) -> Result<Self, UnpackError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let parent = match dest.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(|source| create_error(parent, source))?;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = parent.join(format!("{TEMPORARY_PREFIX}{}-{number}", std::process::id()));
            // 0700: nobody else looks in before the modes are settled
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(create_error(&path, source)),
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // nothing can be done about a failure here; `sweep_temporary` tries again at the next start
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Creates what the reader shows.
struct Writer<'a> {
    tree: &'a Path,
    done: Unpacked,
    buffer: Vec<u8>,
    progress: &'a mut dyn FnMut(u64) -> ControlFlow<()>,
}

impl Writer<'_> {
    fn write(&mut self, entry: &mut Entry<'_>) -> Result<(), UnpackError> {
        let path = self.tree.join(entry.path().as_path());
        match entry.kind().clone() {
            EntryKind::Dir => self.write_dir(entry.path(), &path)?,
            EntryKind::File { executable, .. } => {
                self.make_parents(entry.path(), &path)?;
                self.write_file(entry, &path, if executable { EXECUTABLE_MODE } else { FILE_MODE })?;
                self.done.files += 1;
            }
            EntryKind::Symlink { target } => {
                self.make_parents(entry.path(), &path)?;
                std::os::unix::fs::symlink(target, &path).map_err(|source| create_error(&path, source))?;
            }
            EntryKind::Hardlink { target } => {
                self.make_parents(entry.path(), &path)?;
                let target = self.tree.join(target.as_path());
                fs::hard_link(target, &path).map_err(|source| create_error(&path, source))?;
                self.done.files += 1;
            }
        }
        self.tell()
    }

    fn write_dir(&self, name: &SafePath, path: &Path) -> Result<(), UnpackError> {
        self.make_parents(name, path)?;
        match make_dir(path) {
            // a directory that was implied by something before; the reader saw to it that it is a true one
            Err(UnpackError::Create { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
                Ok(())
            }
            other => other,
        }
    }

    /// Makes the directories above `path` that are missing. In most archives they come first and one look is enough.
    fn make_parents(&self, name: &SafePath, path: &Path) -> Result<(), UnpackError> {
        if path.parent().is_some_and(|parent| parent.symlink_metadata().is_ok()) {
            return Ok(());
        }
        let mut at = self.tree.to_owned();
        let mut components = name.components().peekable();
        while let Some(component) = components.next() {
            if components.peek().is_none() {
                break;
            }
            at.push(component);
            if at.symlink_metadata().is_err() {
                make_dir(&at)?;
            }
        }
        Ok(())
    }

    fn write_file(&mut self, entry: &mut Entry<'_>, path: &Path, mode: u32) -> Result<(), UnpackError> {
        let created = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
        let mut file: File = created.map_err(|source| create_error(path, source))?;
        loop {
            let count = entry.read_piece(&mut self.buffer)?;
            if count == 0 {
                break;
            }
            file.write_all(&self.buffer[..count]).map_err(|source| create_error(path, source))?;
            self.done.bytes += count as u64;
            self.tell()?;
        }
        // the umask may have taken bits away
        file.set_permissions(Permissions::from_mode(mode)).map_err(|source| create_error(path, source))
    }

    fn tell(&mut self) -> Result<(), UnpackError> {
        match (self.progress)(self.done.bytes) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(UnpackError::Cancelled),
        }
    }
}

fn make_dir(path: &Path) -> Result<(), UnpackError> {
    let made = fs::DirBuilder::new().mode(DIR_MODE).create(path);
    // the umask may have taken bits away; the directory was made just now, so this follows no link
    let made = made.and_then(|()| fs::set_permissions(path, Permissions::from_mode(DIR_MODE)));
    made.map_err(|source| create_error(path, source))
}
