//! What a pack need not carry.
//!
//! * `__pycache__`: Python believes it only if the source has the time that is written in it, and a pack carries no times; it would be
//!   read, found wrong and made anew on every node. (`lp venv pack` makes it anew in the form that carries a mark instead of a time.)
//! * `uv_cache.json`, in which uv keeps times of files of the machine that installed.
//! * What `uv venv` adds for people who keep a venv in a repository: `.gitignore`, `CACHEDIR.TAG`, `.lock`.

use std::fs;
use std::io;
use std::path::Path;

/// Of the environment's root.
const AT_THE_TOP: [&str; 3] = [".gitignore", "CACHEDIR.TAG", ".lock"];

/// How deep packages are nested at most; as archives.
const MAX_DEPTH: usize = 100;

/// Removes it all and returns how many bytes that was.
///
/// # Errors
/// Whatever listing and removing fails with.
pub fn prune(root: &Path) -> io::Result<u64> {
    let mut freed = 0;
    for name in AT_THE_TOP {
        freed += remove_file(&root.join(name))?;
    }
    freed += below(root, MAX_DEPTH)?;
    Ok(freed)
}

fn below(dir: &Path, depth: usize) -> io::Result<u64> {
    let mut freed = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && entry.file_name() == "__pycache__" {
            freed += size(&entry.path())?;
            fs::remove_dir_all(entry.path())?;
        } else if kind.is_dir() && depth > 0 {
            freed += below(&entry.path(), depth - 1)?;
        } else if kind.is_file() && entry.file_name() == "uv_cache.json" {
            freed += remove_file(&entry.path())?;
        }
    }
    Ok(freed)
}

fn size(dir: &Path) -> io::Result<u64> {
    let sizes = fs::read_dir(dir)?.map(|entry| Ok(entry?.path().symlink_metadata()?.len()));
    sizes.sum()
}

fn remove_file(path: &Path) -> io::Result<u64> {
    match path.symlink_metadata() {
        Ok(facts) if facts.is_file() => {
            fs::remove_file(path)?;
            Ok(facts.len())
        }
        Ok(_) => Ok(0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_and_times_go_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        for (path, content) in [
            (".gitignore", "*"),
            ("lib/python3.11/site-packages/p/__init__.py", ""),
            ("lib/python3.11/site-packages/p/__pycache__/__init__.cpython-311.pyc", "12345"),
            ("lib/python3.11/site-packages/p/.gitignore", "kept"),
            ("lib/python3.11/site-packages/p-1.dist-info/uv_cache.json", "{}"),
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        std::os::unix::fs::symlink("/nowhere", dir.path().join("CACHEDIR.TAG")).unwrap();

        assert_eq!(prune(dir.path()).unwrap(), 8);

        let package = dir.path().join("lib/python3.11/site-packages/p");
        assert!(package.join("__init__.py").exists() && package.join(".gitignore").exists());
        assert!(!package.join("__pycache__").exists());
        assert_eq!(prune(dir.path()).unwrap(), 0);
    }
}
