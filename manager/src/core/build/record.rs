//! What is kept of a build.

use chrono::{DateTime, Utc};
use lp_protocol::env::EnvRecipe;
use lp_protocol::frames::PackageRef;
use lp_protocol::{AppId, DigestHex, NodeId};

#[derive(Clone, Debug, PartialEq)]
pub struct BuildRecord {
    pub key: DigestHex,
    /// Its content is known.
    pub recipe: EnvRecipe,
    pub platform: String,
    /// `3.12`.
    pub python: String,
    /// The application that asked first.
    pub app_id: AppId,
    /// How often it was begun.
    pub number: u32,
    /// Failures and losses since it last succeeded or was given another chance.
    pub failures: u32,
    pub losses: u32,
    pub state: BuildState,
    pub create_at: DateTime<Utc>,
    /// When a node last asked for it or an attempt that uses it was assigned, to the hour.
    pub used_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum BuildState {
    /// The node has the lease.
    Building {
        node_id: NodeId,
        since: DateTime<Utc>,
    },
    /// Not there, and nobody builds it: it is begun again for the next that asks after `retry_at`.
    Later {
        node_id: NodeId,
        retry_at: DateTime<Utc>,
        error: String,
    },
    /// Given up for a while.
    Failed {
        node_id: NodeId,
        at: DateTime<Utc>,
        error: String,
    },
    Ready {
        node_id: NodeId,
        at: DateTime<Utc>,
        package: PackageRef,
        seconds: f64,
    },
}

impl BuildState {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Building { .. } => "building",
            Self::Later { .. } => "later",
            Self::Failed { .. } => "failed",
            Self::Ready { .. } => "ready",
        }
    }

    /// Since when, and what there is: what was wrong, or the pack and how many seconds it took.
    pub fn parts(&self) -> (DateTime<Utc>, Option<&str>, Option<(&PackageRef, f64)>) {
        match self {
            Self::Building { since, .. } => (*since, None, None),
            Self::Later { retry_at, error, .. } => (*retry_at, Some(error), None),
            Self::Failed { at, error, .. } => (*at, Some(error), None),
            Self::Ready { at, package, seconds, .. } => (*at, None, Some((package, *seconds))),
        }
    }

    /// The node that builds it or was the last to.
    pub fn node_id(&self) -> NodeId {
        match self {
            Self::Building { node_id, .. }
            | Self::Later { node_id, .. }
            | Self::Failed { node_id, .. }
            | Self::Ready { node_id, .. } => *node_id,
        }
    }
}
