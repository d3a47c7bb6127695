//! The Pythons of this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::isolation::is_open_to_all;

/// Asks the interpreter itself: what is on the PATH may be a script (pyenv) or a link of a venv.
const QUESTION: &str = "import os, sys; print('%d.%d' % sys.version_info[:2]); \
                        print(os.path.realpath(getattr(sys, '_base_executable', sys.executable)))";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Python {
    /// `3.11`.
    pub(crate) version: String,
    pub(crate) executable: PathBuf,
}

/// The Python of this minor version if there is one, else any Python 3. `brought` is the directory where uv installs those that the machine
/// lacks. Starts interpreters: for rare occasions.
pub(crate) fn find(version: Option<&str>, brought: Option<&Path>) -> Option<Python> {
    let exact = version.map(|version| format!("python{version}"));
    let is_root = nix::unistd::geteuid().is_root();
    let (mut fallback, mut closed) = (None, None);
    let own = exact.as_deref().zip(brought).map(|(name, dir)| in_directory(dir, name)).unwrap_or_default();
    let first = exact.as_deref().map(on_path).unwrap_or_default();
    let others = ["python3", "python"].into_iter().flat_map(on_path);
    for program in first.into_iter().chain(own).chain(others) {
        let Some(python) = ask(&program) else { continue };
        let is_wanted = version.is_none_or(|version| python.version == version);
        if is_root && !is_open_to_all(&python.executable) {
            // in root's home, for example: programs that run as other users cannot use it
            closed = closed.or(is_wanted.then_some(python));
            continue;
        }
        if is_wanted {
            return Some(python);
        }
        fallback = fallback.or(Some(python));
    }
    closed.or(fallback)
}

/// Every program of this name on the PATH, in its order.
fn on_path(name: &str) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name));
    found.filter(|program| program.is_absolute() && program.is_file()).collect()
}

/// `cpython-3.12.1-linux-x86_64-gnu/bin/python3.12`, for each directory that has it.
fn in_directory(dir: &Path, name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path().join("bin").join(name)).filter(|path| path.is_file()).collect()
}

/// Where those lie that uv has brought, for an environment at this place in the cache.
pub(crate) fn brought_beside(place: &Path) -> Option<PathBuf> {
    let cache = place.ancestors().find(|dir| dir.file_name().is_some_and(|name| name == "cache"))?;
    Some(cache.parent()?.join("pythons"))
}

fn ask(program: &Path) -> Option<Python> {
    let answer = Command::new(program)
        .args(["-I", "-c", QUESTION])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    let (version, executable) = text.trim_end().split_once('\n')?;
    let is_python3 = answer.status.success() && version.starts_with("3.");
    is_python3.then(|| Python { version: version.to_owned(), executable: PathBuf::from(executable) })
}
