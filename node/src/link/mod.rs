//! The link: one WebSocket to the manager, kept up for ever.
//!
//! It only carries: what arrives goes to the runner, what the runner has to tell is taken from its outbox. While it is down
//! everything else goes on. A manager that does not know our credential is not asked again; every other failure is
//! retried after a pause that grows and is drawn by lot, so that many nodes do not come back at once.

mod connect;
mod frames;
mod session;

use std::sync::Arc;
use std::time::{Duration, Instant};

use lp_protocol::NodeId;
use lp_protocol::frames::{NodeFacts, NodeFrame};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::http::Manager;
use crate::runner::Runner;
use crate::streams::Streams;

/// 50 ms before the second try: a manager that restarts is back in less than a second.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// A session this long counts as a success, and the pause begins small again.
const STEADY: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Http(#[from] crate::http::Error),
    #[error("take over the connection from HTTP")]
    Upgrade { source: reqwest::Error },
    #[error("what answers at the manager's address does not speak our link")]
    NotAManager,
    #[error("the manager was silent for too long")]
    Silent,
    #[error("the manager closed the link")]
    Closed,
    /// We closed it, to say anew what this node has.
    #[error("this node's container engine has come or gone")]
    FactsChanged,
    #[error("the link broke")]
    Broken(#[source] Box<tokio_tungstenite::tungstenite::Error>),
    /// Ends the node: trying again would not help.
    #[error("the manager refuses this node: {0}")]
    Refused(lp_protocol::ApiError),
}

impl Error {
    /// The manager has let go of this node, and said so on a link it had let it in by; what the node runs was given to others.
    pub(crate) fn is_removal(&self) -> bool {
        matches!(self, Error::Refused(error) if error.code == lp_protocol::ErrorCode::Unauthenticated)
    }

    fn is_final(&self) -> bool {
        match self {
            Error::Refused(_) => true,
            Error::Http(crate::http::Error::Refused { status, .. }) => matches!(status, 401 | 403),
            Error::Http(_)
            | Error::Upgrade { .. }
            | Error::NotAManager
            | Error::Silent
            | Error::Closed
            | Error::FactsChanged
            | Error::Broken(_) => false,
        }
    }
}

/// What the link needs.
pub(crate) struct Link {
    pub(crate) manager: Manager,
    pub(crate) runner: Arc<Runner>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) facts: NodeFacts,
    /// Frames of others: deleted workspaces, failed streams. They wait here while the link is down.
    pub(crate) frames: tokio::sync::Mutex<mpsc::UnboundedReceiver<NodeFrame>>,
    /// Longest pause between tries.
    pub(crate) retry_interval: Duration,
}

/// Told once, when the manager has welcomed the node for the first time.
pub(crate) type OnReady = Box<dyn FnOnce(NodeId) + Send>;

impl Link {
    /// Keeps the link up until shutdown.
    ///
    /// # Errors
    /// The manager does not want this node.
    pub(crate) async fn keep(
        &self,
        shutdown: &CancellationToken,
        mut on_ready: Option<OnReady>,
    ) -> Result<(), Error> {
        let mut pause = FIRST_PAUSE;
        let mut complained = false;
        loop {
            let begin = Instant::now();
            let ended = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                ended = self.session(&mut on_ready, &mut complained) => ended,
            };
            self.streams.close_all();
            let Err(error) = ended else { return Ok(()) };
            if error.is_final() {
                return Err(error);
            }
            if begin.elapsed() >= STEADY {
                pause = FIRST_PAUSE;
            }
            // once per outage: the retries are no news
            let is_news = !matches!(error, Error::FactsChanged);
            if is_news && !std::mem::replace(&mut complained, true) {
                tracing::warn!(manager = %self.manager.base(), error = %chain(&error), "no link to the manager; trying again");
            }
            let pause_now = jitter(pause);
            pause = (pause * 2).min(self.retry_interval);
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause_now) => {}
            }
        }
    }
}

/// Half to all of a pause.
fn jitter(pause: Duration) -> Duration {
    let [lot, ..] = uuid::Uuid::new_v4().into_bytes();
    pause.mul_f64(0.5 + f64::from(lot) / 512.0)
}

/// An error with its causes, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
