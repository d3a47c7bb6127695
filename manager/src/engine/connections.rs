//! Where frames for nodes go: one bounded channel per connection, filled in order, once per batch.

use std::collections::HashMap;

use lp_protocol::frames::ManagerFrame;

use super::handle::Outbound;
use crate::core::ConnectionId;

#[derive(Default)]
pub(super) struct Connections {
    senders: HashMap<ConnectionId, Outbound>,
    next: u64,
}

impl Connections {
    /// Gives a new connection its id.
    pub(super) fn insert(&mut self, outbound: Outbound) -> ConnectionId {
        self.next += 1;
        let connection = ConnectionId(self.next);
        self.senders.insert(connection, outbound);
        connection
    }

    /// Drops the channel, on which the link closes the socket.
    pub(super) fn remove(&mut self, connection: ConnectionId) {
        self.senders.remove(&connection);
    }

    pub(super) fn clear(&mut self) {
        self.senders.clear();
    }

    /// Sends each connection its frames. Returns those that could not take them: gone, or too far behind.
    pub(super) fn send(&mut self, frames: Vec<(ConnectionId, Vec<ManagerFrame>)>) -> Vec<ConnectionId> {
        let mut failed = Vec::new();
        for (connection, frames) in frames {
            let Some(sender) = self.senders.get(&connection) else { continue };
            if let Err(error) = sender.try_send(frames) {
                tracing::warn!(connection = connection.0, error = %error, "a node's connection is closed or stuck");
                self.senders.remove(&connection);
                failed.push(connection);
            }
        }
        failed
    }
}

/// Gathers frames per connection in the order of the effects; assignments in a row share one frame.
#[derive(Default)]
pub(super) struct Outgoing {
    frames: Vec<(ConnectionId, Vec<ManagerFrame>)>,
    index: HashMap<ConnectionId, usize>,
}

impl Outgoing {
    pub(super) fn push(&mut self, connection: ConnectionId, frame: ManagerFrame) {
        let index = *self.index.entry(connection).or_insert_with(|| {
            self.frames.push((connection, Vec::new()));
            self.frames.len() - 1
        });
        let frames = &mut self.frames[index].1;
        match (frames.last_mut(), frame) {
            (Some(ManagerFrame::Assign { assignments }), ManagerFrame::Assign { assignments: more }) => {
                assignments.extend(more)
            }
            (Some(ManagerFrame::Stop { stops }), ManagerFrame::Stop { stops: more }) => stops.extend(more),
            (Some(ManagerFrame::Ack { through }), ManagerFrame::Ack { through: more }) => {
                *through = more.max(*through)
            }
            (_, frame) => frames.push(frame),
        }
    }

    pub(super) fn into_frames(self) -> Vec<(ConnectionId, Vec<ManagerFrame>)> {
        self.frames
    }
}
