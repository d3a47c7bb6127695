//! Removing what a shim could not.
//!
//! A shim removes its container itself. One that was killed leaves it: then it is removed before the attempt's end is told, for what is
//! reported as ended must not run any more. What nobody knows any longer (the supervisor died, an assignment was given up, a create was still
//! on its way to the engine) is found by its labels: at the node's start, when an engine comes, and whenever the bell is rung.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};
use lp_protocol::AttemptKey;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::engine::{connect, has_status, words};
use super::{files, names};
use crate::runner::Runner;
use crate::runner::effects::Reading;
use crate::runner::given::Given;
use crate::runner::order::Order;
use crate::supervisor::wire::Ended;

/// 30 s to remove a container: an engine that takes longer hangs, and its container is found by the next sweep.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);

/// 5 s after a sweep a second one: a request that was on its way to the engine when its shim was killed has arrived by then.
const SECOND_SWEEP: Duration = Duration::from_secs(5);

/// An attempt whose shim ended without having removed its container.
#[derive(Debug)]
pub(crate) struct Over {
    pub(crate) order: Arc<Order>,
    pub(crate) given: Given,
    pub(crate) ended: Ended,
    pub(crate) reading: Reading,
}

/// Removes until shutdown.
pub(crate) async fn keep(
    runner: Arc<Runner>,
    mut over: mpsc::UnboundedReceiver<Over>,
    shutdown: CancellationToken,
) {
    let tasks = TaskTracker::new();
    let watching = Arc::clone(&runner);
    let (until, sweeping) = (shutdown.clone(), shutdown.clone());
    tasks.spawn(async move {
        let containers = &watching.site.containers;
        containers.presence.keep(&containers.settings, &containers.sweep, &until).await;
    });
    let sweeper = Arc::clone(&runner);
    tasks.spawn(async move { sweep_when_rung(&sweeper, &sweeping).await });
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            next = over.recv() => {
                let Some(next) = next else { break };
                let (runner, shutdown) = (Arc::clone(&runner), shutdown.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        // the supervisor keeps the end, and the next start comes here again
                        () = shutdown.cancelled() => {}
                        () = remove_left(&runner, next) => {}
                    }
                });
            }
        }
    }
    tasks.close();
    tasks.wait().await;
}

async fn remove_left(runner: &Runner, over: Over) {
    let name = names::container(&over.order.assignment.attempt);
    let removing = async {
        while let Err(error) = remove_at(&runner.site.containers.settings.host, &name).await {
            tracing::debug!(container = name, error = words(&error), "cannot remove a container yet");
            tokio::time::sleep(PAUSE).await;
        }
    };
    if tokio::time::timeout(PATIENCE, removing).await.is_err() {
        tracing::warn!(
            container = name,
            "cannot remove a container; it is tried again when the engine comes back"
        );
    }
    runner.site.containers.sweep.notify_one();
    // its files are read here: a few milliseconds, for what happens rarely
    runner.container_over(&over);
}

async fn remove_at(host: &str, name: &str) -> Result<(), bollard::errors::Error> {
    remove(&connect(host).await?, name).await
}

/// Kills and removes a container with its own volumes; one that is not there is what is wanted.
pub(super) async fn remove(docker: &Docker, name: &str) -> Result<(), bollard::errors::Error> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    match docker.remove_container(name, Some(options)).await {
        // gone, or somebody else removes it at this moment
        Err(error) if has_status(&error, 404) || has_status(&error, 409) => Ok(()),
        result => result,
    }
}

async fn sweep_when_rung(runner: &Runner, shutdown: &CancellationToken) {
    let settings = &runner.site.containers.settings;
    if settings.support == super::settings::Support::Off {
        return;
    }
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = runner.site.containers.sweep.notified() => {}
        }
        for pause in [Duration::ZERO, SECOND_SWEEP] {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            if let Err(error) = sweep(runner).await {
                tracing::debug!(error = words(&error), "cannot look for containers that belong to nobody");
            }
        }
    }
}

/// One pass: what is there and belongs to no living attempt goes.
async fn sweep(runner: &Runner) -> Result<(), bollard::errors::Error> {
    let settings = &runner.site.containers.settings;
    let is_live = |key: &AttemptKey| runner.look(|state| state.is_live(key));
    files::remove_strays(&runner.site.layout, |key| runner.look(|state| state.is_held(key)));
    let docker = connect(&settings.host).await?;
    let filters = HashMap::from([("label", vec![format!("{}={}", names::NODE, settings.node_id)])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    for found in docker.list_containers(Some(options)).await? {
        let key = found.labels.as_ref().and_then(names::parse_labels);
        // looked at after the list was made: whoever is not alive now has no business there
        if key.as_ref().is_some_and(is_live) {
            continue;
        }
        let Some(id) = found.id else { continue };
        match remove(&docker, &id).await {
            Ok(()) => tracing::info!(container = id, "removed a container that belongs to no attempt"),
            Err(error) => tracing::warn!(container = id, error = words(&error), "cannot remove a container"),
        }
    }
    Ok(())
}
