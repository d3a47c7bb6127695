//! Which Python an environment is built with: the wanted one, else the machine's.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use lp_package::venv::Tool;
use tokio::process::Command;

use super::build::Place;
use super::site::BuildSite;
use crate::cache::python;
use crate::sync::lock;

/// An hour: a Python that was installed or upgraded meanwhile is noticed then, and asking costs the start of an interpreter.
const BELIEVED_FOR: Duration = Duration::from_secs(3600);

#[derive(Debug, Default)]
pub(super) struct Pythons {
    own: Mutex<Option<(Instant, String)>>,
    missing: Mutex<HashMap<String, Instant>>,
}

impl Pythons {
    /// The minor version that an environment is named by.
    ///
    /// # Errors
    /// A sentence: none was asked for and the machine has none.
    pub(super) async fn version(&self, wanted: Option<&str>) -> Result<String, String> {
        if let Some(wanted) = wanted {
            return Ok(wanted.to_owned());
        }
        if let Some((at, known)) = &*lock(&self.own)
            && at.elapsed() < BELIEVED_FOR
        {
            return Ok(known.clone());
        }
        let found = tokio::task::spawn_blocking(|| python::find(None, None)).await.ok().flatten();
        let python = found.ok_or(
            "this node has no Python 3 to build its environment with: install python3 on it, or name the version \
             (`\"python\": \"3.12\"` in `env`), which uv fetches where it is installed",
        )?;
        *lock(&self.own) = Some((Instant::now(), python.version.clone()));
        Ok(python.version)
    }

    /// Whether the machine is known to have this Python; it is asked at most once in a while.
    pub(super) async fn is_missing(&self, site: &BuildSite, version: &str) -> bool {
        if let Some(at) = lock(&self.missing).get(version)
            && at.elapsed() < BELIEVED_FOR
        {
            return true;
        }
        let (wanted, brought) = (version.to_owned(), site.pythons.clone());
        let found = tokio::task::spawn_blocking(move || python::find(Some(&wanted), Some(&brought)))
            .await
            .ok()
            .flatten();
        let is_missing = found.is_none_or(|python| python.version != version);
        if is_missing {
            lock(&self.missing).insert(version.to_owned(), Instant::now());
        }
        is_missing
    }

    /// It has been brought.
    pub(super) fn found(&self, version: &str) {
        lock(&self.missing).remove(version);
    }
}

/// Has uv install this Python beside the node's data, where environments look for it.
///
/// # Errors
/// A sentence: there is no uv, or it failed.
pub(super) async fn fetch(site: &BuildSite, version: &str) -> Result<(), String> {
    let uv = match Tool::find(&site.path(), None) {
        Ok(Tool::Uv { uv }) => uv,
        Ok(Tool::Pip { .. }) | Err(_) => {
            return Err("uv, which would fetch it, is not on the PATH".to_owned());
        }
    };
    let place = Place::create(site).map_err(|error| error.to_string())?;
    let mut command = Command::new(uv);
    command
        .args(["python", "install", "--no-progress", "--no-bin", "--install-dir"])
        .arg(&site.pythons)
        .arg(version)
        .env_clear()
        .envs(site.environ(place.path()))
        .current_dir(place.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = tokio::time::timeout(site.limit, command.output())
        .await
        .map_err(|_| "it took too long".to_owned())?;
    let output = ended.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
