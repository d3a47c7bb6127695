//! What has to stand before a container can be started: the node's leave, an engine, the image.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lp_protocol::AttemptKey;
use lp_protocol::docker::{Args, Reference};
use lp_protocol::frames::Assignment;
use tokio::sync::{Notify, mpsc};

use super::keep::Over;
use super::settings::{Settings, Support};
use super::support::Presence;
use super::{engine, pull};
use crate::envs::Steps;
use crate::runner::Runner;
use crate::runner::order::Order;
use crate::sync::lock;

/// Why it does not stand.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// The sentence for the attempt's exit.
    #[error("{0}")]
    Never(String),
    /// Nothing has answered; worth another try.
    #[error("{0}")]
    NotYet(String),
}

/// The node's containers.
#[derive(Debug)]
pub(crate) struct Containers {
    pub(crate) settings: Settings,
    pub(crate) presence: Presence,
    /// Rung when there may be containers that belong to nobody.
    pub(crate) sweep: Notify,
    /// Attempts whose shim has left its container behind. Unbounded, for it holds at most the attempts that are held.
    pub(super) over: mpsc::UnboundedSender<Over>,
    /// One fetch of an image at a time; whoever else wants it waits for it.
    pulls: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// What was fetched for attempts that have not been launched yet.
    notes: Mutex<HashMap<AttemptKey, String>>,
}

impl Containers {
    pub(crate) fn new(settings: Settings, over: mpsc::UnboundedSender<Over>) -> Self {
        let presence = Presence::default();
        Self {
            settings,
            presence,
            sweep: Notify::new(),
            over,
            pulls: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    /// Makes all stand that the assignment's container needs.
    pub(crate) async fn prepare(&self, assignment: &Assignment, steps: &Steps) -> Result<(), Error> {
        let Some(spec) = &assignment.docker else { return Ok(()) };
        let settings = &self.settings;
        if settings.support == Support::Off {
            let text = "it wants a container, and this node runs none (docker_support is false)";
            return Err(Error::Never(text.to_owned()));
        }
        let args = Args::parse(&spec.args).map_err(|error| Error::Never(error.to_string()))?;
        settings.allowed.check(&args, &settings.host).map_err(Error::Never)?;
        let image = reference(assignment, settings).map_err(Error::Never)?;
        let docker = engine::connect(&settings.host).await.map_err(|error| {
            Error::NotYet(format!(
                "the container engine at {} does not answer: {}",
                settings.host,
                engine::words(&error)
            ))
        })?;
        let name = image.to_string();
        let maker = Arc::clone(lock(&self.pulls).entry(name.clone()).or_default());
        let making = maker.lock().await;
        let wanted =
            pull::Wanted { image: &image, policy: spec.pull, platform: args.process.platform.as_deref() };
        let result = pull::ensure(&docker, settings, &wanted, steps).await;
        drop(making);
        self.let_go(&name, &maker);
        if let Some(note) = result? {
            lock(&self.notes).insert(assignment.attempt.clone(), note);
        }
        Ok(())
    }

    /// Has its container removed before its end is told.
    pub(crate) fn remove_first(&self, over: Over) {
        // fails only when the node ends; the supervisor keeps the end for the next start
        let _ = self.over.send(over);
    }

    /// What was fetched for this attempt, once.
    pub(super) fn take_note(&self, key: &AttemptKey) -> Option<String> {
        lock(&self.notes).remove(key)
    }

    fn let_go(&self, name: &str, maker: &Arc<tokio::sync::Mutex<()>>) {
        let mut pulls = lock(&self.pulls);
        // the map's and the caller's: nobody else waits
        if Arc::strong_count(maker) <= 2 {
            pulls.remove(name);
        }
    }
}

/// The image of an assignment, by the node's settings.
///
/// # Errors
/// A sentence, where a plan of an old version names none that an engine takes.
pub(super) fn reference(assignment: &Assignment, settings: &Settings) -> Result<Reference, String> {
    let spec = assignment.docker.as_ref().ok_or("it has no container")?;
    spec.reference(settings.registry.as_deref()).map_err(|error| format!("the name of its image {error}"))
}

/// 60 s for an engine that was just there, and five tries of a registry that stumbles.
const PATIENCE: Duration = Duration::from_secs(60);
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(2);

/// Prepares what an order's container needs. Whoever waits for it no more drops this, and with it what the engine fetches.
///
/// # Errors
/// The sentence for the attempt's exit.
pub(crate) async fn until_it_stands(runner: &Runner, order: &Order, steps: &Steps) -> Result<(), String> {
    let begin = Instant::now();
    let mut tries = 0;
    loop {
        tries += 1;
        match runner.site.containers.prepare(&order.assignment, steps).await {
            Ok(()) => return Ok(()),
            Err(Error::Never(reason)) => return Err(reason),
            Err(Error::NotYet(reason)) if tries >= TRIES || begin.elapsed() > PATIENCE => return Err(reason),
            Err(Error::NotYet(reason)) => {
                steps.detail(&reason);
                tokio::time::sleep(PAUSE * tries).await;
            }
        }
    }
}
