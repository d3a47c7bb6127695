//! What people do with nodes, and with the workspaces on them.

use std::time::Duration;

use lp_protocol::NodeId;

use super::handle::{Engine, Error};
use crate::core::NodeRefusal;
use crate::core::record::{Drain, Unwanted};

impl Engine {
    /// Gives a node nothing new from now on. What still runs after `patience` is stopped and runs elsewhere.
    pub async fn drain_node(&self, node_id: NodeId, patience: Option<Duration>) -> Result<Drain, Error> {
        self.apply(move |core, now| Ok(core.drain_node(now, node_id, patience))).await
    }

    /// Ends a drain.
    pub async fn undrain_node(&self, node_id: NodeId) -> Result<(), Error> {
        self.apply(move |core, _| {
            core.undrain_node(node_id);
            Ok(())
        })
        .await
    }

    /// Removes a node for good.
    ///
    /// # Errors
    /// `NodeBusy` where it works, or may at any moment be given work, and `force` is not set.
    pub async fn remove_node(&self, node_id: NodeId, force: bool) -> Result<(), Error> {
        self.apply(move |core, now| {
            core.expel_node(now, node_id, force).map_err(|refusal| Error::NodeBusy { node_id, refusal })
        })
        .await
    }

    /// Notes that these workspaces are to go. Tell their nodes afterwards; those that do not hear it are told when they connect.
    pub async fn give_up_workspaces(&self, unwanted: Vec<Unwanted>) -> Result<(), Error> {
        self.apply(move |core, _| {
            core.give_up_workspaces(unwanted);
            Ok(())
        })
        .await
    }
}

impl std::fmt::Display for NodeRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NodeRefusal::Connected => f.write_str("is connected and not drained"),
            NodeRefusal::Holds { attempts: 1 } => f.write_str("still has an action with it"),
            NodeRefusal::Holds { attempts } => write!(f, "still has {attempts} actions with it"),
        }
    }
}
