//! What all handlers share.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::catalogue::Catalogue;
use super::forward::Forwarder;
use super::hosts::Hosts;
use super::metrics::Metrics;
use crate::auth::Authenticator;
use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::link::Link;
use crate::store::Store;
use crate::sweep::Swept;

pub(crate) struct State {
    /// As in the lease.
    pub(crate) manager_id: String,
    pub(crate) forwarder: Forwarder,
    pub(crate) store: Arc<Store>,
    pub(crate) engine: Engine,
    pub(crate) blobs: Blobs,
    pub(crate) link: Link,
    pub(crate) clock: Clock,
    pub(crate) authenticator: Authenticator,
    pub(crate) catalogue: Catalogue,
    pub(crate) metrics: Metrics,
    pub(crate) swept: Arc<Swept>,
    /// None: any name in `Host` will do.
    pub(crate) hosts: Option<Hosts>,
    pub(crate) max_upload_bytes: u64,
    pub(crate) start_at: DateTime<Utc>,
    /// Ends what would otherwise go on for ever: event streams, followed logs, links.
    pub(crate) shutdown: CancellationToken,
    /// The links' pumps, waited for at the end.
    pub(crate) pumps: TaskTracker,
}
