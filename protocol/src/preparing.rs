//! What a node does for an attempt before its program can start: the part of a timeline that is neither waiting nor running.
//!
//! A node tells it live with [`crate::frames::NodeFrame::Preparing`], which may be lost, and once more with the start or the end of the
//! attempt, which is kept. Where everything was there already nothing is told and nothing is stored.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Most steps of one attempt that are told: an application, an environment, an image, each waited for, fetched, made and unpacked.
pub const MAX_STEPS: usize = 16;

/// Longest text of a step; what is longer is cut.
pub const MAX_TEXT_BYTES: usize = 200;

/// One step, for instance the fetch of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PreparingStep {
    pub kind: PreparingKind,
    /// What is fetched or made: `app`, `venv`, `requirements.txt`, the name of an image.
    pub what: String,
    pub start_at: DateTime<Utc>,
    /// None while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_at: Option<DateTime<Utc>>,
    /// How far it has got, or why it takes long, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PreparingKind {
    /// A package is on its way from the manager.
    Fetch,
    /// A package is unpacked and made usable on this machine.
    Unpack,
    /// Another node builds the environment.
    Wait,
    /// An environment is built from its lock.
    Build,
    /// An image is pulled from its registry.
    Pull,
}

impl PreparingKind {
    pub const ALL: [PreparingKind; 5] = [
        PreparingKind::Fetch,
        PreparingKind::Unpack,
        PreparingKind::Wait,
        PreparingKind::Build,
        PreparingKind::Pull,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            PreparingKind::Fetch => "fetch",
            PreparingKind::Unpack => "unpack",
            PreparingKind::Wait => "wait",
            PreparingKind::Build => "build",
            PreparingKind::Pull => "pull",
        }
    }
}

/// What a node told, made small enough to be kept: it is not trusted to be brief.
pub fn bounded(mut steps: Vec<PreparingStep>) -> Box<[PreparingStep]> {
    steps.truncate(MAX_STEPS);
    for step in &mut steps {
        cut(&mut step.what);
        step.detail.iter_mut().for_each(cut);
    }
    steps.into_boxed_slice()
}

fn cut(text: &mut String) {
    if text.len() > MAX_TEXT_BYTES {
        let end = (0..=MAX_TEXT_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_node_tells_is_bounded() {
        let step = PreparingStep {
            kind: PreparingKind::Pull,
            what: "ä".repeat(150),
            start_at: DateTime::UNIX_EPOCH,
            end_at: None,
            detail: Some("x".repeat(1000)),
        };

        let kept = bounded(vec![step; 50]);

        assert_eq!(kept.len(), MAX_STEPS);
        assert_eq!(kept[0].what, "ä".repeat(100));
        assert_eq!(kept[0].detail.as_ref().unwrap().len(), MAX_TEXT_BYTES);
    }

    #[test]
    fn kinds_are_written_as_they_are_called() {
        for kind in PreparingKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
