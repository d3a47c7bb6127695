//! Workspaces that are to go: a node is told of all it owes when it connects, and what it confirms is forgotten.
//!
//! The orders are rows from the moment somebody gives them, so neither a link that breaks at the wrong moment nor a restart of either side
//! loses one. A node that has deleted already says so again, and one that is removed takes its orders along.

use lp_protocol::frames::ManagerFrame;
use lp_protocol::{AttemptKey, NodeId};

use super::Link;

/// Orders in one frame: some hundred kilobytes, and one query each.
const PAGE: u32 = 1000;

impl Link {
    /// Says to a node that has just connected what it is still to delete. Ends early where the connection does.
    pub(super) async fn ask_for_unwanted(&self, node_id: NodeId) {
        let mut after: Option<AttemptKey> = None;
        loop {
            let attempts = match self.store.list_unwanted(node_id, after.as_ref(), PAGE).await {
                Ok(attempts) => attempts,
                Err(error) => {
                    tracing::warn!(node.id = %node_id, error = %error, "cannot read what a node is to delete; it is told at its next connection");
                    return;
                }
            };
            let Some(last) = attempts.last() else { return };
            after = Some(last.clone());
            let Some((_, outbound)) = self.outbound(node_id) else { return };
            // waits for room: there is no hurry, and a full channel would end the connection
            if outbound.send(vec![ManagerFrame::DeleteWorkspaces { attempts }]).await.is_err() {
                return;
            }
        }
    }

    /// The node has deleted these.
    pub(super) async fn confirm_deleted(&self, node_id: NodeId, attempts: &[AttemptKey]) {
        let forgotten = match self.engine.epoch() {
            Ok(epoch) => self.store.forget_unwanted(epoch, node_id, attempts).await,
            // whoever leads now asks again
            Err(_) => return,
        };
        if let Err(error) = forgotten {
            tracing::warn!(node.id = %node_id, error = %error, "cannot note that workspaces are deleted; the node is asked again at its next connection");
        }
    }
}
