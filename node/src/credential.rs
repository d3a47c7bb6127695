//! Who this node is to its manager: an id and a credential, obtained once with a join token and kept in a file only its user can read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lp_protocol::NodeId;
use lp_protocol::frames::{JoinRequest, Joined};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::http::Manager;

/// 200 ms before the second try to join, as the manager may be starting at the same moment.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` is not a credential; remove it and give a join token to join anew", path.display())]
    Damaged { path: PathBuf, source: serde_json::Error },
    #[error("write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(
        "this node has not joined a manager yet; set join_token or join_token_file (`lp node token` on the manager makes one)"
    )]
    NoToken,
    #[error("join the manager")]
    Join(#[source] crate::http::Error),
}

#[derive(Deserialize, Serialize)]
pub(crate) struct Credential {
    pub(crate) node_id: NodeId,
    pub(crate) credential: String,
}

/// The credential of an earlier start, or a new one. Waits for a manager that cannot be reached.
pub(crate) async fn obtain(path: &Path, config: &Config, manager: &Manager) -> Result<Credential, Error> {
    if let Some(credential) = find(path)? {
        return Ok(credential);
    }
    let token = token(config)?;
    let mut pause = FIRST_PAUSE;
    let joined = loop {
        match join(&config.node_name(), &token, manager).await {
            Ok(joined) => break joined,
            Err(error) if error.is_transient() => {
                tracing::warn!(error = %crate::link::chain(&error), "cannot join the manager yet; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(config.retry_interval);
            }
            Err(error) => return Err(Error::Join(error)),
        }
    };
    let credential = Credential { node_id: joined.node_id, credential: joined.credential };
    store(path, &credential).map_err(|source| Error::Write { path: path.to_owned(), source })?;
    tracing::info!(node.id = %credential.node_id, "joined the manager");
    Ok(credential)
}

fn find(path: &Path) -> Result<Option<Credential>, Error> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| Error::Damaged { path: path.to_owned(), source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Read { path: path.to_owned(), source }),
    }
}

fn token(config: &Config) -> Result<String, Error> {
    if let Some(token) = &config.join_token {
        return Ok(token.reveal().to_owned());
    }
    let path = config.join_token_file.as_ref().ok_or(Error::NoToken)?;
    let text = fs::read_to_string(path).map_err(|source| Error::Read { path: path.clone(), source })?;
    Ok(text.trim().to_owned())
}

async fn join(name: &str, token: &str, manager: &Manager) -> Result<Joined, crate::http::Error> {
    let request = JoinRequest { name: name.to_owned() };
    let request = manager.request_as(Method::POST, &["node", "v1", "join"], token).json(&request);
    let response = manager.send(request.timeout(crate::http::READ_TIMEOUT)).await?;
    let unreachable = |source| crate::http::Error::Unreachable { base: manager.base().clone(), source };
    response.json().await.map_err(unreachable)
}

/// Whole or not at all: half a credential would keep the node from joining anew.
fn store(path: &Path, credential: &Credential) -> io::Result<()> {
    let aside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(&serde_json::to_vec(credential)?)?;
    file.sync_all()?;
    fs::rename(&aside, path)
}
