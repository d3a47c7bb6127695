//! What a node says about how it keeps programs apart, in sentences for people.

use serde::{Deserialize, Serialize};

/// What is in force on a node, and where it is not the best there is, why. Empty texts: the node is too old to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Isolation {
    /// Which user programs run as.
    pub user: String,
    /// What of the node's files they see.
    pub files: String,
    /// What else the kernel keeps from them.
    pub kernel: String,
    /// How their limits of memory, processors and processes are enforced.
    pub limits: String,
}
