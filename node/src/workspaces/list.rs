//! The files of a workspace.

use std::os::fd::OwnedFd;
use std::path::Path;

use chrono::DateTime;
use lp_protocol::views::{WorkspaceFile, WorkspaceListing};
use nix::sys::stat::SFlag;

use super::Error;
use super::beneath::{facts, kind, names, open_dir, open_root, text};

/// 10,000 files are listed, as the contract says; whoever has more downloads the workspace.
const MAX_FILES: usize = 10_000;

/// 64 directories deep: each holds a handle while it is walked.
const MAX_DEPTH: usize = 64;

/// Lists files, directories and links, depth first in the order of their names. Pipes, sockets and devices are left out.
pub(crate) fn list(workspace: &Path) -> Result<WorkspaceListing, Error> {
    let root = open_root(workspace)?;
    let mut listing = WorkspaceListing { files: Vec::new(), truncated: false };
    walk(&root, "", 0, &mut listing)?;
    Ok(listing)
}

fn walk(dir: &OwnedFd, prefix: &str, depth: usize, listing: &mut WorkspaceListing) -> Result<(), Error> {
    for name in names(dir)? {
        if listing.files.len() >= MAX_FILES {
            listing.truncated = true;
            return Ok(());
        }
        // a program that still runs may have removed it
        let Ok(facts) = facts(dir, &name) else { continue };
        let word = match kind(&facts) {
            SFlag::S_IFREG => "file",
            SFlag::S_IFDIR => "dir",
            SFlag::S_IFLNK => "symlink",
            _ => continue,
        };
        let path = format!("{prefix}{}", text(&name));
        let below = format!("{path}/");
        listing.files.push(WorkspaceFile {
            path,
            kind: word.to_owned(),
            size_bytes: u64::try_from(facts.st_size).unwrap_or(0),
            modify_at: DateTime::from_timestamp(facts.st_mtime, 0),
        });
        if word == "dir" {
            match open_dir(dir, &name) {
                Ok(inner) if depth < MAX_DEPTH => walk(&inner, &below, depth + 1, listing)?,
                // too deep, or closed to us by its mode
                Ok(_) | Err(_) => listing.truncated = true,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn files_directories_and_links_are_listed_and_links_not_entered() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("d")).unwrap();
        fs::write(dir.path().join("d/f"), "123").unwrap();
        symlink("/etc", dir.path().join("link")).unwrap();

        let listing = list(dir.path()).unwrap();

        let found: Vec<_> =
            listing.files.iter().map(|file| (file.path.as_str(), file.kind.as_str())).collect();
        assert_eq!(found, [("d", "dir"), ("d/f", "file"), ("link", "symlink")]);
        assert_eq!(listing.files[1].size_bytes, 3);
        assert!(!listing.truncated);
    }

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..=MAX_FILES {
            fs::write(dir.path().join(number.to_string()), "").unwrap();
        }

        let listing = list(dir.path()).unwrap();

        assert_eq!((listing.files.len(), listing.truncated), (MAX_FILES, true));
    }
}
