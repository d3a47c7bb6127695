//! The end of a container.
//!
//! An engine that is restarted breaks every connection; where it keeps its containers (`live-restore`) they go on, and so does the waiting.

use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::ContainerState;
use bollard::query_parameters::WaitContainerOptionsBuilder;
use futures_util::StreamExt;

use crate::docker::engine::{has_status, is_answer, words};

/// 60 s for an engine to come back: an upgrade of it takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(500);

/// What came of the waiting.
pub(super) enum Waited {
    Ended(Box<ContainerState>),
    /// The engine was away, the container still runs: its output has to be asked for anew.
    Again,
    Lost(String),
}

/// Waits once.
pub(super) async fn wait(docker: &Docker, name: &str) -> Waited {
    let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
    let answer = std::pin::pin!(docker.wait_container(name, Some(options))).next().await;
    let broken = !matches!(answer, Some(Ok(_) | Err(Error::DockerContainerWaitError { .. })));
    match tokio::time::timeout(PATIENCE, state(docker, name)).await {
        Ok(Ok(state)) if state.running == Some(true) && broken => Waited::Again,
        Ok(Ok(state)) => Waited::Ended(Box::new(state)),
        Ok(Err(reason)) => Waited::Lost(reason),
        Err(_) => Waited::Lost("the container engine went away and did not come back".to_owned()),
    }
}

/// The container's state, as soon as an engine tells it.
async fn state(docker: &Docker, name: &str) -> Result<ContainerState, String> {
    loop {
        match docker.inspect_container(name, None).await {
            Ok(found) => {
                return found
                    .state
                    .ok_or_else(|| "the engine does not tell how the container ended".to_owned());
            }
            Err(error) if has_status(&error, 404) => {
                return Err("somebody removed the container while it ran".to_owned());
            }
            Err(error) if is_answer(&error) => return Err(words(&error)),
            // an engine that starts refuses connections for a moment
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
