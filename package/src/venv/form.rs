//! What kind of environment a directory is.
//!
//! Any directory with a `bin` is one. The rest of the distinctions are for what has to be done to it: a venv borrows its Python from the
//! machine, a conda environment brings its own and is full of absolute paths, and what `pixi-pack` writes is no environment yet.

use std::fs;
use std::path::{Path, PathBuf};

/// The script that conda-pack leaves to be run once after unpacking.
pub const CONDA_UNPACK: &str = "bin/conda-unpack";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A Python venv: `pyvenv.cfg` and a Python of the machine.
    Venv,
    /// A conda environment, with or without Python.
    Conda,
    /// Programs in a `bin`: Node.js, static binaries, anything.
    Programs,
    /// What `pixi-pack` writes: packages that are installed where it is unpacked ([`super::pixi`]).
    PixiPack,
    /// No `bin`.
    Nothing,
}

impl Form {
    /// By what lies directly in the environment's root; `has` tells whether a path is there.
    pub fn of(has: impl Fn(&str) -> bool) -> Self {
        if has("pixi-pack.json") && has("channel") {
            Self::PixiPack
        } else if !has("bin") {
            Self::Nothing
        } else if has("conda-meta") {
            Self::Conda
        } else if has("pyvenv.cfg") {
            Self::Venv
        } else {
            Self::Programs
        }
    }

    pub fn of_directory(root: &Path) -> Self {
        Self::of(|path| root.join(path).symlink_metadata().is_ok())
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Venv => "a venv",
            Self::Conda => "a conda environment",
            Self::Programs => "programs",
            Self::PixiPack => "a pixi-pack archive",
            Self::Nothing => "no environment",
        }
    }

    /// What to do about a directory that cannot be run in.
    pub fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Venv | Self::Conda | Self::Programs => None,
            Self::PixiPack => Some(
                "it holds packages that are not installed yet: give the archive itself, `lp venv create -f environment.tar`; nodes install what \
                 is in it",
            ),
            Self::Nothing => Some(
                "it has no `bin` directory, at the top or in its one directory: pack the environment itself, as `lp venv pack`, venv-pack \
                 and conda-pack do",
            ),
        }
    }
}

/// Where in an unpacked archive the environment is: the directory itself, its one directory, or the `env` beside the `activate.sh` that
/// `pixi-unpack` makes.
pub fn find_root(unpacked: &Path) -> PathBuf {
    if Form::of_directory(unpacked) != Form::Nothing {
        return unpacked.to_owned();
    }
    let is_environment = |path: &Path| path.is_dir() && Form::of_directory(path) != Form::Nothing;
    let beside_activate = unpacked.join("env");
    if unpacked.join("activate.sh").is_file() && is_environment(&beside_activate) {
        return beside_activate;
    }
    let mut entries = fs::read_dir(unpacked).into_iter().flatten().flatten();
    match (entries.next(), entries.next()) {
        (Some(only), None) if only.file_type().is_ok_and(|kind| kind.is_dir()) => only.path(),
        _ => unpacked.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for entry in entries {
            let path = dir.path().join(entry);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        dir
    }

    #[test]
    fn an_environment_is_known_by_what_lies_at_its_top() {
        for (entries, form) in [
            (&["pyvenv.cfg", "bin/python"][..], Form::Venv),
            (&["conda-meta/history", "bin/python"], Form::Conda),
            (&["bin/node"], Form::Programs),
            (&["pixi-pack.json", "channel/noarch/x.conda", "environment.yml"], Form::PixiPack),
            (&["lib/x", "pyvenv.cfg"], Form::Nothing),
        ] {
            assert_eq!(Form::of_directory(tree(entries).path()), form, "{entries:?}");
        }
    }

    #[test]
    fn it_begins_at_the_top_or_in_the_one_directory() {
        for (entries, root) in [
            (&["bin/tool"][..], ""),
            (&["app/bin/tool"], "app"),
            (&["activate.sh", "env/bin/python", "env/conda-meta/history"], "env"),
            (&["a/bin/tool", "b/bin/tool"], ""),
            (&["app/pixi-pack.json", "app/channel/x"], "app"),
        ] {
            let dir = tree(entries);
            assert_eq!(find_root(dir.path()), dir.path().join(root), "{entries:?}");
        }
    }
}
