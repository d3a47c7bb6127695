//! The state badge: a shape, a colour and the word, so that no meaning hangs on colour alone.

use askama::Template;
use askama::filters::HtmlSafe;
use lp_protocol::views::{NodeState, NodeView};
use lp_protocol::{Exit, Stage, Status};

/// How a state looks. The name of a look is its CSS class and the name of its shape in the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Pending,
    Waiting,
    Running,
    Stopping,
    Success,
    Fail,
    /// Ended by somebody's wish: kill, cancel, terminate.
    Ended,
    Error,
    Skipped,
    Lost,
}

impl Look {
    #[cfg(test)]
    const ALL: &[Look] = &[
        Look::Pending,
        Look::Waiting,
        Look::Running,
        Look::Stopping,
        Look::Success,
        Look::Fail,
        Look::Ended,
        Look::Error,
        Look::Skipped,
        Look::Lost,
    ];

    pub(crate) fn class(self) -> &'static str {
        match self {
            Look::Pending => "pending",
            Look::Waiting => "waiting",
            Look::Running => "running",
            Look::Stopping => "stopping",
            Look::Success => "success",
            Look::Fail => "fail",
            Look::Ended => "ended",
            Look::Error => "error",
            Look::Skipped => "skipped",
            Look::Lost => "lost",
        }
    }

    /// The shape as a character, for the titles of browser tabs.
    pub(crate) fn glyph(self) -> char {
        match self {
            Look::Pending => '○',
            Look::Waiting => '◔',
            Look::Running => '◉',
            Look::Stopping => '◍',
            Look::Success => '✓',
            Look::Fail => '✕',
            Look::Ended => '⊘',
            Look::Error => '!',
            Look::Skipped => '–',
            Look::Lost => '?',
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Template)]
#[template(path = "parts/badge.html")]
pub(crate) struct Badge {
    pub(crate) look: Look,
    pub(crate) word: &'static str,
}

// its template escapes what it shows
impl HtmlSafe for Badge {}

impl Badge {
    pub(crate) fn of(stage: Stage, status: Option<Status>) -> Self {
        match (stage, status) {
            (Stage::Pending, _) => Self { look: Look::Pending, word: stage.as_str() },
            (Stage::Running, _) => Self { look: Look::Running, word: stage.as_str() },
            (Stage::Stopping, _) => Self { look: Look::Stopping, word: stage.as_str() },
            (Stage::Finished, None) => Self { look: Look::Lost, word: stage.as_str() },
            (Stage::Finished, Some(status)) => Self { look: look_of(status), word: status.as_str() },
        }
    }

    /// An action that has not begun, told apart from one that is on its way.
    pub(crate) fn of_action(stage: Stage, status: Option<Status>, has_conditions: bool) -> Self {
        match stage {
            Stage::Pending if has_conditions => Self { look: Look::Waiting, word: "waiting" },
            Stage::Pending | Stage::Running | Stage::Stopping | Stage::Finished => Self::of(stage, status),
        }
    }

    pub(crate) fn of_attempt(stage: Stage, status: Option<Status>, exit: Option<&Exit>) -> Self {
        match exit {
            Some(Exit::Lost { .. }) => Self { look: Look::Lost, word: "lost" },
            Some(Exit::Drained) => Self { look: Look::Skipped, word: "drained" },
            Some(Exit::Returned) => Self { look: Look::Skipped, word: "returned" },
            Some(
                Exit::Code { .. }
                | Exit::Signal { .. }
                | Exit::TimedOut
                | Exit::Stopped { .. }
                | Exit::NotStarted { .. }
                | Exit::BadOutput { .. }
                | Exit::Unhealthy { .. }
                | Exit::OutOfMemory { .. },
            )
            | None => Self::of(stage, status),
        }
    }

    pub(crate) fn of_node(node: &NodeView) -> Self {
        let (look, word) = match (node.state, &node.drain) {
            (NodeState::Connected, None) => (Look::Success, node.state.as_str()),
            (NodeState::Connected, Some(drain)) if drain.drained => (Look::Stopping, "drained"),
            (NodeState::Connected, Some(_)) => (Look::Stopping, "draining"),
            (NodeState::Disconnected, _) => (Look::Stopping, node.state.as_str()),
            (NodeState::Lost, _) => (Look::Lost, node.state.as_str()),
        };
        Self { look, word }
    }
}

fn look_of(status: Status) -> Look {
    match status {
        Status::Success => Look::Success,
        Status::Fail => Look::Fail,
        Status::Kill | Status::Cancel | Status::Terminate => Look::Ended,
        Status::Error => Look::Error,
        Status::Skipped => Look::Skipped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_word_and_a_shape() {
        for stage in Stage::ALL {
            for status in Status::ALL.iter().map(|status| Some(*status)).chain([None]) {
                let html = Badge::of(*stage, status).render().unwrap();
                let word = match (stage, status) {
                    (Stage::Finished, Some(status)) => status.as_str(),
                    _ => stage.as_str(),
                };
                assert!(html.contains(word) && html.contains("#s-"), "{html}");
            }
        }
    }

    #[test]
    fn no_two_looks_share_a_class_or_a_shape() {
        for (n, look) in Look::ALL.iter().enumerate() {
            for other in &Look::ALL[n + 1..] {
                assert_ne!(look.class(), other.class());
                assert_ne!(look.glyph(), other.glyph());
            }
        }
    }

    #[test]
    fn a_lost_attempt_looks_lost_and_not_merely_failed() {
        let exit = Exit::Lost { reason: "x".to_owned() };

        assert_eq!(Badge::of_attempt(Stage::Finished, Some(Status::Fail), Some(&exit)).word, "lost");
    }
}
