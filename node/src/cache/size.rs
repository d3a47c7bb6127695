//! How much of the disk a directory takes.
//!
//! Files take whole blocks: a package of many small files takes much more than their lengths together. Counting goes through the whole
//! directory, so it is done once when it is made, and again at times when programs, which may write into it, have used it.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

/// 4 KiB, the block of nearly every file system.
pub(super) const BLOCK_BYTES: u64 = 4 << 10;

/// `<dir>.size`: written when the directory is complete; its time is that of the last use in an earlier process.
fn size_file(path: &Path) -> PathBuf {
    path.with_extension("size")
}

pub(super) fn write(path: &Path, bytes: u64) {
    // without it the size is counted at the next start
    let _ = fs::write(size_file(path), bytes.to_string());
}

pub(super) fn remove(path: &Path) {
    let _ = fs::remove_file(size_file(path));
}

pub(super) fn facts(path: &Path) -> Option<Metadata> {
    fs::metadata(size_file(path)).ok()
}

/// As it was written, else counted.
pub(super) fn read(path: &Path) -> u64 {
    let written = fs::read_to_string(size_file(path)).ok().and_then(|text| text.trim().parse().ok());
    written.unwrap_or_else(|| {
        let bytes = count(path);
        write(path, bytes);
        bytes
    })
}

/// What it takes now; 0 where it is gone.
pub(super) fn count(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(facts) if facts.is_dir() => count(&entry.path()),
        Ok(facts) if facts.is_file() => blocks(facts.len()),
        // links lie in their inodes
        Ok(_) | Err(_) => 0,
    };
    BLOCK_BYTES + entries.flatten().map(size).sum::<u64>()
}

pub(super) fn blocks(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK_BYTES).saturating_mul(BLOCK_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_directories_take_whole_blocks() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("package");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("sub/small"), "12345").unwrap();
        fs::write(root.join("large"), vec![0; 5000]).unwrap();
        fs::write(root.join("empty"), "").unwrap();
        std::os::unix::fs::symlink("large", root.join("link")).unwrap();

        assert_eq!(count(&root), 5 * BLOCK_BYTES);
        assert_eq!(read(&root), 5 * BLOCK_BYTES);
        fs::write(root.join("more"), "x").unwrap();
        assert_eq!(read(&root), 5 * BLOCK_BYTES, "what was written is believed");
        remove(&root);
        assert_eq!(read(&root), 6 * BLOCK_BYTES);
    }
}
