//! The Pythons of this machine.

use std::path::PathBuf;
use std::process::{Command, Stdio};

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
    let mut fallback = None;
    for name in exact.iter().map(String::as_str).chain(["python3", "python"]) {
        let Some(python) = ask(name) else { continue };
        if version.is_none_or(|version| python.version == version) {
            return Some(python);
        }
        fallback = fallback.or(Some(python));
    }
    fallback
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
