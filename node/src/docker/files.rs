//! The two files a container has on the node: what its shim is told, and how it ended.
//!
//! `containers/<task>.<action>.<attempt>.spec` and `.end` in the node's data directory, and not in the workspace, which belongs to the
//! program. They stay until the end is in the journal.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bollard::models::ContainerCreateBody;
use lp_protocol::AttemptKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::data::Layout;
use crate::supervisor::wire::{Ended, How, OutOfMemory};

/// What is run in the container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Main {
    Words(Vec<String>),
    /// For a shell of the image.
    Script(String),
}

/// All a shim needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Spec {
    /// The engine's address.
    pub(super) host: String,
    pub(super) name: String,
    pub(super) attempt: AttemptKey,
    pub(super) main: Main,
    pub(super) body: ContainerCreateBody,
    pub(super) platform: Option<String>,
    /// Has a venv at its place in the container.
    pub(super) has_venv: bool,
    /// The directories of modules of the venv, as seen in the container.
    pub(super) site_packages: Vec<String>,
    /// The workspace on the node.
    pub(super) workspace: String,
    /// The `.end` file.
    pub(super) end: PathBuf,
    /// First line of the output.
    pub(super) note: Option<String>,
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    /// It is not there any more.
    pub(crate) is_removed: bool,
    /// What its processes used, where this machine could tell.
    #[serde(default)]
    pub(crate) used: Used,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Used {
    pub(crate) cpu_micros: u64,
    pub(crate) peak_memory_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// `signal`: the one we sent, where that ended it.
    Exited {
        code: i32,
        signal: Option<i32>,
    },
    OutOfMemory {
        limit_bytes: u64,
    },
    NotStarted {
        reason: String,
    },
    Lost {
        reason: String,
    },
}

impl End {
    /// The shim was killed before it could say.
    pub(crate) fn unknown() -> Self {
        let reason = "the process that watched its container was killed, and with it the knowledge of how the program ended";
        Self { outcome: Outcome::Lost { reason: reason.to_owned() }, is_removed: true, used: Used::default() }
    }

    /// The end of the shim as that of the program for which it stands.
    pub(crate) fn seen(&self, shim: &Ended) -> Ended {
        let how = match self.outcome {
            Outcome::Exited { signal: Some(signal), .. } => How::Signal(signal),
            Outcome::Exited { code, signal: None } => How::Code(code),
            Outcome::OutOfMemory { .. } => How::Signal(9),
            Outcome::NotStarted { .. } | Outcome::Lost { .. } => shim.how,
        };
        let out_of_memory = match self.outcome {
            // it had come up to it
            Outcome::OutOfMemory { limit_bytes } => {
                Some(OutOfMemory { limit_bytes, peak_bytes: self.used.peak_memory_bytes.max(limit_bytes) })
            }
            Outcome::Exited { .. } | Outcome::NotStarted { .. } | Outcome::Lost { .. } => None,
        };
        let Used { cpu_micros, peak_memory_bytes } = self.used;
        Ended {
            how,
            cpu_micros,
            max_rss_bytes: peak_memory_bytes,
            read_bytes: 0,
            written_bytes: 0,
            out_of_memory,
            ..shim.clone()
        }
    }
}

pub(crate) fn spec_path(layout: &Layout, key: &AttemptKey) -> PathBuf {
    path(layout, key, "spec")
}

pub(crate) fn end_path(layout: &Layout, key: &AttemptKey) -> PathBuf {
    path(layout, key, "end")
}

fn dir(layout: &Layout) -> PathBuf {
    layout.root().join("containers")
}

fn path(layout: &Layout, key: &AttemptKey, ending: &str) -> PathBuf {
    dir(layout).join(format!("{}.{}.{}.{ending}", key.task_id, key.action, key.attempt))
}

/// The attempt a file belongs to.
fn parse_name(name: &str) -> Option<AttemptKey> {
    let rest = name.strip_suffix(".spec").or_else(|| name.strip_suffix(".end"))?;
    let (rest, attempt) = rest.rsplit_once('.')?;
    let (task_id, action) = rest.split_once('.')?;
    Some(AttemptKey {
        task_id: task_id.parse().ok()?,
        action: action.to_owned(),
        attempt: attempt.parse().ok()?,
    })
}

/// Writes a file that only the node's user reads, whole or not at all.
pub(super) fn write(path: &Path, content: &impl Serialize) -> io::Result<()> {
    let bytes = serde_json::to_vec(content)?;
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    let aside = PathBuf::from(aside);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(&bytes)?;
    fs::rename(&aside, path)
}

pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

/// How the attempt's container ended, where its shim came to say so.
pub(crate) fn end(layout: &Layout, key: &AttemptKey) -> Option<End> {
    read(&end_path(layout, key)).ok()
}

/// Deletes what an attempt has here.
pub(crate) fn remove(layout: &Layout, key: &AttemptKey) {
    for path in [spec_path(layout, key), end_path(layout, key)] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "cannot delete a file of a container");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// Deletes what belongs to attempts that are not known any more.
pub(super) fn remove_strays(layout: &Layout, is_known: impl Fn(&AttemptKey) -> bool) {
    for entry in fs::read_dir(dir(layout)).into_iter().flatten().flatten() {
        let key = entry.file_name().to_str().and_then(parse_name);
        if !key.is_some_and(|key| is_known(&key)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_protocol::TaskId;

    #[test]
    fn files_are_private_and_go_with_their_attempts() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(dir.path()).unwrap();
        let key = |action: &str| AttemptKey { task_id: TaskId::random(), action: action.into(), attempt: 3 };
        let (kept, gone) = (key("a.b c"), key("x"));
        let written = End {
            outcome: Outcome::Exited { code: 3, signal: None },
            is_removed: true,
            used: Used::default(),
        };
        for key in [&kept, &gone] {
            write(&end_path(&layout, key), &written).unwrap();
        }

        remove_strays(&layout, |key| *key == kept);

        assert_eq!(end(&layout, &kept), Some(written));
        assert_eq!(end(&layout, &gone), None);
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &end_path(&layout, &kept).metadata().unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
        remove(&layout, &kept);
        assert_eq!(end(&layout, &kept), None);
    }
}
