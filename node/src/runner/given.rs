//! What an attempt has on its node beside its counted resources: a user and GPUs, by name.
//!
//! Derived from the attempts that run, like all that is in use. The journal holds what cannot be worked out from the attempt alone, so that a
//! restarted node gives nobody what a program it adopts has.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Given {
    /// Where each task has a user of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) uid: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) gpus: Vec<String>,
}
