//! Which nodes are connected to this process, and how frames that are not the engine's reach them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use lp_protocol::NodeId;
use lp_protocol::frames::{ManagerFrame, PackageNews};
use tokio::sync::mpsc::WeakSender;

use super::packages::Told;
use super::streams::Streams;
use crate::clock::Clock;
use crate::engine::{ConnectionId, Engine, Outbound};
use crate::store::Store;

/// Everything connections share; clones are the same link.
#[derive(Clone)]
pub struct Link {
    pub(super) engine: Engine,
    pub(super) store: Arc<Store>,
    pub(super) clock: Clock,
    pub(super) streams: Arc<Streams>,
    connected: Arc<Mutex<HashMap<NodeId, Connected>>>,
}

pub(super) struct Connected {
    connection: ConnectionId,
    /// Weak: the engine alone decides how long the connection lives.
    outbound: WeakSender<Vec<ManagerFrame>>,
    pub(super) name: String,
    pub(super) told: Told,
}

impl Link {
    pub fn new(engine: Engine, store: Arc<Store>, clock: Clock) -> Self {
        Self { engine, store, clock, streams: Arc::default(), connected: Arc::default() }
    }

    pub fn is_connected(&self, node_id: NodeId) -> bool {
        self.lock().get(&node_id).is_some_and(|connected| connected.outbound.strong_count() > 0)
    }

    /// Sends a frame to a node. Returns whether it is on its way; the node may still never get it.
    pub fn send(&self, node_id: NodeId, frame: ManagerFrame) -> bool {
        self.outbound(node_id).is_some_and(|(_, outbound)| outbound.try_send(vec![frame]).is_ok())
    }

    /// The node's present connection.
    pub(super) fn outbound(&self, node_id: NodeId) -> Option<(ConnectionId, Outbound)> {
        let connected = self.lock();
        let Connected { connection, outbound, .. } = connected.get(&node_id)?;
        Some((*connection, outbound.upgrade()?))
    }

    pub(super) fn enter(
        &self,
        node_id: NodeId,
        connection: ConnectionId,
        name: String,
        outbound: WeakSender<Vec<ManagerFrame>>,
    ) {
        self.lock().insert(node_id, Connected { connection, outbound, name, told: Told::default() });
    }

    /// Keeps what a node tells of its packages, unless it has another connection by now.
    pub(super) fn take_news(&self, node_id: NodeId, connection: ConnectionId, news: PackageNews) {
        if let Some(connected) = self.lock().get_mut(&node_id)
            && connected.connection == connection
        {
            connected.told.take(news);
        }
    }

    pub(super) fn told(&self) -> MutexGuard<'_, HashMap<NodeId, Connected>> {
        self.lock()
    }

    /// Ends what depended on the connection; a later one of the same node stays.
    pub(super) fn leave(&self, node_id: NodeId, connection: ConnectionId) {
        let mut connected = self.lock();
        if connected.get(&node_id).is_some_and(|connected| connected.connection == connection) {
            connected.remove(&node_id);
        }
        drop(connected);
        self.streams.cut_all_of(connection);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<NodeId, Connected>> {
        self.connected.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
