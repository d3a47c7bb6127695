//! Whose health is watched, and the end of those that are found ill.

use std::sync::Arc;

use lp_protocol::AttemptKey;

use super::{Now, Phase, State};
use crate::journal::Cause;
use crate::runner::effects::Effects;
use crate::runner::health::Watch;
use crate::supervisor::wire::Moment;

const SIGTERM: i32 = 15;

impl State {
    /// Its program has been started, or adopted: its health command is run from now on, where it has one.
    pub(super) fn watch_health(&mut self, key: &AttemptKey, effects: &mut Effects) {
        // whoever watches an earlier start sees that it is over
        self.ring(key);
        let Some(attempt) = self.attempts.get(key) else { return };
        if let (Phase::Running { start, .. }, Some(_)) = (&attempt.phase, &attempt.order.assignment.health) {
            let (order, given) = (Arc::clone(&attempt.order), attempt.given.clone());
            effects.watch.push(Watch { order, given, start: *start });
        }
    }

    /// True while the program that was started then runs and nobody ends it.
    pub(crate) fn is_to_be_healthy(&self, key: &AttemptKey, started: Moment) -> bool {
        self.attempts.get(key).is_some_and(|attempt| {
            attempt.ending.is_none()
                && matches!(attempt.phase, Phase::Running { start, .. } if start == started)
        })
    }

    /// The health command has failed too often in a row: the program is ended as by a stop. One that ends already, or is another by
    /// now, is left alone.
    pub(crate) fn unhealthy(
        &mut self,
        key: &AttemptKey,
        started: Moment,
        reason: String,
        now: Now,
        effects: &mut Effects,
    ) {
        if !self.is_to_be_healthy(key, started) {
            return;
        }
        let Some(attempt) = self.attempts.get(key) else { return };
        let grace_ms = attempt.order.assignment.grace.as_millis() as u64;
        tracing::info!(attempt = %key, reason, "a program is stopped because it is not healthy");
        self.end(key, Cause::Unhealthy(reason), (SIGTERM, grace_ms), now, effects);
    }
}
