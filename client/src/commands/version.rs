//! `lp version`: ours always, the manager's if there is one.

use std::time::Duration;

use serde::Serialize;

use super::Session;
use crate::failure::Failure;

/// The manager's version is an extra; nobody waits long for it.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Versions {
    version: &'static str,
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    manager: Option<ManagerVersion>,
}

#[derive(Serialize)]
struct ManagerVersion {
    url: String,
    version: String,
    status: String,
}

pub(crate) async fn run(session: &Session) -> Result<(), Failure> {
    let versions = Versions {
        version: env!("CARGO_PKG_VERSION"),
        target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        manager: managers(session).await,
    };
    session.out.document(&versions, || {
        let mut text = format!("lp {} ({})\n", versions.version, versions.target);
        match &versions.manager {
            Some(manager) => {
                text.push_str(&format!(
                    "manager {} at {} ({})\n",
                    manager.version, manager.url, manager.status
                ));
            }
            None => text.push_str("manager not reached\n"),
        }
        crate::output::text::visible_lines(&text)
    })
}

async fn managers(session: &Session) -> Option<ManagerVersion> {
    let client = session.client().ok()?;
    let health = tokio::time::timeout(PATIENCE, client.fetch_health()).await.ok()?.ok()?;
    Some(ManagerVersion { url: client.base_url().to_owned(), version: health.version, status: health.status })
}
