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
use crate::retention::Collector;
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
    pub(crate) collector: Arc<Collector>,
    /// None: any name in `Host` will do.
    pub(crate) hosts: Option<Hosts>,
    pub(crate) max_upload_bytes: u64,
    pub(crate) start_at: DateTime<Utc>,
    /// Ends what would otherwise go on for ever: event streams, followed logs, links.
    pub(crate) shutdown: CancellationToken,
    /// The links' pumps, waited for at the end.
    pub(crate) pumps: TaskTracker,
}

#[cfg(test)]
impl State {
    /// A state with an engine of its own, which ends when the token is cancelled.
    pub(crate) async fn for_test(directory: &std::path::Path) -> (Arc<State>, CancellationToken) {
        let store = Arc::new(Store::open(&directory.join("lp.db").display().to_string()).await.unwrap());
        let (clock, shutdown) = (Clock::system(), CancellationToken::new());
        let settings = crate::engine::Settings {
            core: crate::core::Settings::default(),
            holder: "test".to_owned(),
            address: "127.0.0.1:1".to_owned(),
            lease_ttl: std::time::Duration::from_secs(15),
            docker_registry: None,
        };
        let (engine, _ends_with_the_token) = crate::engine::start(store.clone(), settings, shutdown.clone());
        let blobs = Blobs::open(&directory.join("blobs")).unwrap();
        let link = Link::new(engine.clone(), store.clone(), clock.clone());
        let parts = crate::retention::Parts {
            store: store.clone(),
            blobs: blobs.clone(),
            engine: engine.clone(),
            link: link.clone(),
            clock: clock.clone(),
        };
        let state = State {
            collector: Arc::new(Collector::new(parts, crate::retention::Policy::default(), Arc::default())),
            manager_id: "test".to_owned(),
            forwarder: Forwarder::default(),
            link,
            authenticator: Authenticator::new(store.clone(), clock.clone()),
            store,
            engine,
            blobs,
            catalogue: Catalogue::default(),
            metrics: Metrics::default(),
            swept: Arc::default(),
            hosts: Hosts::new(std::net::IpAddr::from([127, 0, 0, 1]), &[]),
            max_upload_bytes: 1 << 20,
            start_at: clock.now(),
            clock,
            shutdown: CancellationToken::new(),
            pumps: TaskTracker::new(),
        };
        (Arc::new(state), shutdown)
    }
}
