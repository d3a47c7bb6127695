//! The Pythons of this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
    let mut fallback = None;
    let own = exact.as_deref().zip(brought).map(|(name, dir)| in_directory(dir, name)).unwrap_or_default();
    let names = exact.iter().map(String::as_str).chain(own.iter().map(String::as_str));
    for name in names.chain(["python3", "python"]) {
        let Some(python) = ask(name) else { continue };
        if version.is_none_or(|version| python.version == version) {
            return Some(python);
        }
        fallback = fallback.or(Some(python));
    }
    fallback
}

/// `cpython-3.12.1-linux-x86_64-gnu/bin/python3.12`, for each directory that has it.
fn in_directory(dir: &Path, name: &str) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let programs = entries.map(|entry| entry.path().join("bin").join(name)).filter(|path| path.is_file());
    programs.filter_map(|path| path.to_str().map(str::to_owned)).collect()
}

/// Where those lie that uv has brought, for an environment at this place in the cache.
pub(crate) fn brought_beside(place: &Path) -> Option<PathBuf> {
    let cache = place.ancestors().find(|dir| dir.file_name().is_some_and(|name| name == "cache"))?;
    Some(cache.parent()?.join("pythons"))
}

fn ask(name: &str) -> Option<Python> {
    let answer = Command::new(name)
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
