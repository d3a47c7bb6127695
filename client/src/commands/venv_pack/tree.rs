//! A second tree of the same files.
//!
//! Links where the file system allows, copies where not. What is changed afterwards is replaced, never written to, so the first tree stays as it
//! is; what is deleted is only a name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{blocking, failed};
use crate::failure::Failure;

/// Makes `to` of what is in `from`.
pub(super) async fn link(from: &Path, to: &Path) -> Result<(), Failure> {
    let (from, to) = (from.to_owned(), to.to_owned());
    blocking(move || copy_dir(&from, &to).map_err(|(path, source)| failed("read", &path, source))).await
}

type At = (PathBuf, io::Error);

fn copy_dir(from: &Path, to: &Path) -> Result<(), At> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| (path, source)
    };
    fs::create_dir(to).map_err(at(to))?;
    for entry in fs::read_dir(from).map_err(at(from))? {
        let entry = entry.map_err(at(from))?;
        let (old, new) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(at(&old))?;
        if kind.is_dir() {
            copy_dir(&old, &new)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(&old).map_err(at(&old))?;
            std::os::unix::fs::symlink(target, &new).map_err(at(&new))?;
        } else if kind.is_file() && fs::hard_link(&old, &new).is_err() {
            fs::copy(&old, &new).map_err(at(&old))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_tree_has_the_same_files_and_links() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("bin/sub")).unwrap();
        fs::write(from.join("bin/tool"), "x").unwrap();
        std::os::unix::fs::symlink("tool", from.join("bin/link")).unwrap();

        copy_dir(&from, &to).unwrap();
        fs::remove_file(to.join("bin/tool")).unwrap();

        assert!(to.join("bin/sub").is_dir());
        assert_eq!(fs::read_link(to.join("bin/link")).unwrap(), Path::new("tool"));
        assert_eq!(fs::read_to_string(from.join("bin/tool")).unwrap(), "x", "the first is as it was");
    }
}
