//! The Pythons of this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::isolation::is_open_to_all;

/// Asks the interpreter itself: what is on the PATH may be a script (pyenv) or a link of a venv.
const QUESTION: &str = "import os, sys; print('%d.%d' % sys.version_info[:2]); \
                        print(os.path.realpath(getattr(sys, '_base_executable', sys.executable)))";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Python {
    /// `3.11`.
    pub(super) version: String,
    pub(super) executable: PathBuf,
}

/// The Python of this minor version if there is one, else any Python 3. Starts interpreters: for rare occasions.
pub(super) fn find(version: Option<&str>) -> Option<Python> {
    let exact = version.map(|version| format!("python{version}"));
    let is_root = nix::unistd::geteuid().is_root();
    let (mut fallback, mut closed) = (None, None);
    for program in exact.iter().map(String::as_str).chain(["python3", "python"]).flat_map(on_path) {
        let Some(python) = ask(&program) else { continue };
        if is_root && !is_open_to_all(&python.executable) {
            // in root's home, for example: programs that run as other users could not use it
            closed = closed.or(Some(python));
            continue;
        }
        if version.is_none_or(|version| python.version == version) {
            return Some(python);
        }
        fallback = fallback.or(Some(python));
    }
    fallback.or(closed)
}

/// Every program of this name on the PATH, in its order.
fn on_path(name: &str) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name));
    found.filter(|program| program.is_absolute() && program.is_file()).collect()
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
