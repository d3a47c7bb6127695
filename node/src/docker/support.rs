//! Whether an engine answers, now and from now on.
//!
//! Nothing is asked again and again while there is one: a stream of its events stands, and ends with it. While there is none it is looked for
//! after pauses that grow. What changes is told to the manager by connecting anew, which costs one round trip and needs no frame of its own.

use std::time::Duration;

use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::engine;
use super::settings::{Settings, Support};

/// 3 s for an engine to say its version; one that is busy takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// 1 s to 30 s between looks for an engine that is away: a restart of it is noticed soon, its absence costs nothing.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What is known of the engine.
#[derive(Debug)]
pub(crate) struct Presence {
    answers: watch::Sender<bool>,
}

impl Default for Presence {
    fn default() -> Self {
        Self { answers: watch::Sender::new(false) }
    }
}

impl Presence {
    /// A view that is told of changes.
    pub(crate) fn watch(&self) -> watch::Receiver<bool> {
        self.answers.subscribe()
    }

    /// One look, so that the first word to the manager is right.
    pub(crate) async fn look(&self, settings: &Settings) {
        if settings.support == Support::Off {
            return;
        }
        let found = tokio::time::timeout(PATIENCE, engine::connect(&settings.host)).await;
        let answers = matches!(found, Ok(Ok(_)));
        if !answers && settings.support == Support::On {
            tracing::warn!(engine = settings.host, "docker_support is true, and no container engine answers");
        }
        self.answers.send_replace(answers);
    }

    /// Watches until shutdown; `found` is rung whenever an engine has come.
    pub(crate) async fn keep(&self, settings: &Settings, found: &Notify, shutdown: &CancellationToken) {
        if settings.support == Support::Off {
            return;
        }
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                has_answered = self.stay(settings, found) => if has_answered { pause = FIRST_PAUSE },
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
    }

    /// Stays with the engine for as long as it is there; false where there was none.
    async fn stay(&self, settings: &Settings, found: &Notify) -> bool {
        let Ok(Ok(docker)) = tokio::time::timeout(PATIENCE, engine::connect(&settings.host)).await else {
            self.set(settings, false);
            return false;
        };
        self.set(settings, true);
        found.notify_one();
        // of the daemon itself: next to none ever come
        let filters = std::collections::HashMap::from([("type", vec!["daemon"])]);
        let options = EventsOptionsBuilder::default().filters(&filters).build();
        let mut events = std::pin::pin!(docker.events(Some(options)));
        while let Some(Ok(_)) = events.next().await {}
        self.set(settings, false);
        true
    }

    fn set(&self, settings: &Settings, answers: bool) {
        let changed = self.answers.send_if_modified(|known| std::mem::replace(known, answers) != answers);
        match (changed, answers) {
            (true, true) => tracing::info!(engine = settings.host, "a container engine answers"),
            (true, false) => tracing::warn!(engine = settings.host, "the container engine has gone"),
            (false, _) => {}
        }
    }
}
