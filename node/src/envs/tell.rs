//! Telling the manager what became of a build: the pack first, then the word, tried again for as long as somebody waits.

use std::path::Path;
use std::time::Duration;

use lp_protocol::env::{BuildReport, EnvAnswer};
use lp_protocol::frames::PackageRef;
use reqwest::{Method, header};

use crate::http::{Error, Manager};

/// 200 ms before the second try; the pause grows to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

/// What is not transient is tried so often: the manager may be between two leaders.
const TRIES: u32 = 5;

/// Uploads the pack of a build.
///
/// # Errors
/// None where the lease is gone, else the manager's refusal.
pub(super) async fn upload(
    manager: &Manager,
    (key, number): (&str, u32),
    archive: &Path,
    package: &PackageRef,
) -> Result<(), Option<Error>> {
    let number = number.to_string();
    again(|| async {
        let file = tokio::fs::File::open(archive).await.map_err(|_| None)?;
        let path = ["node", "v1", "builds", key, &number, "pack", &package.digest];
        let request = manager
            .request(Method::PUT, &path)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_LENGTH, package.size_bytes)
            .body(file);
        manager.send(request).await.map(drop).map_err(Some)
    })
    .await
}

/// Tells the outcome; what the manager answers holds from then on.
///
/// # Errors
/// As [`upload`].
pub(super) async fn report(
    manager: &Manager,
    key: &str,
    report: &BuildReport,
) -> Result<EnvAnswer, Option<Error>> {
    again(|| async {
        let request = manager.brief(Method::POST, &["node", "v1", "builds", key]).json(report);
        let response = manager.send(request).await.map_err(Some)?;
        let unreadable = |source| Some(Error::Unreachable { base: manager.base().clone(), source });
        response.json().await.map_err(unreadable)
    })
    .await
}

async fn again<T, F: Future<Output = Result<T, Option<Error>>>>(
    attempt: impl Fn() -> F,
) -> Result<T, Option<Error>> {
    let (mut pause, mut refusals) = (FIRST, 0);
    loop {
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(None | Some(Error::Conflict { .. })) => return Err(None),
            Err(Some(error)) => error,
        };
        refusals += u32::from(!error.is_transient());
        if refusals >= TRIES {
            return Err(Some(error));
        }
        tracing::debug!(error = crate::link::chain(&error), "the manager cannot be told of a build yet");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}
