//! The steps of preparing one attempt, noted as they are made.

use std::sync::{Arc, Mutex};

use lp_protocol::preparing::MAX_STEPS;
use lp_protocol::{PreparingKind, PreparingStep};
use tokio::sync::Notify;

use crate::clock;
use crate::sync::lock;

/// Shared by those that prepare and the one that tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps {
    steps: Arc<Mutex<Vec<PreparingStep>>>,
    changed: Arc<Notify>,
}

impl Steps {
    /// Begins a step; the one before it has ended. The same step again goes on.
    pub(crate) fn begin(&self, kind: PreparingKind, what: &str) {
        let mut steps = lock(&self.steps);
        let now = clock::wall(clock::now());
        if let Some(last) = steps.last_mut().filter(|last| last.end_at.is_none()) {
            if last.kind == kind && last.what == what {
                return;
            }
            last.end_at = Some(now);
        }
        if steps.len() >= MAX_STEPS {
            // of what is tried again and again the latest is told
            steps.remove(1);
        }
        steps.push(PreparingStep { kind, what: what.to_owned(), start_at: now, end_at: None, detail: None });
        self.changed.notify_one();
    }

    /// Says how far the present step has got.
    pub(crate) fn detail(&self, text: &str) {
        let mut steps = lock(&self.steps);
        let Some(last) = steps.last_mut().filter(|last| last.end_at.is_none()) else { return };
        if last.detail.as_deref() != Some(text) {
            last.detail = Some(text.to_owned());
            self.changed.notify_one();
        }
    }

    /// Ends the present step.
    pub(crate) fn end(&self) {
        let now = clock::wall(clock::now());
        if let Some(last) = lock(&self.steps).last_mut().filter(|last| last.end_at.is_none()) {
            last.end_at = Some(now);
        }
    }

    pub(crate) fn told(&self) -> Vec<PreparingStep> {
        lock(&self.steps).clone()
    }

    /// Returns when something has changed since it last returned.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_ends_where_the_next_begins_and_the_same_goes_on() {
        let steps = Steps::default();
        steps.begin(PreparingKind::Fetch, "app");
        steps.begin(PreparingKind::Unpack, "app");
        steps.begin(PreparingKind::Unpack, "app");
        steps.detail("half");

        let told = steps.told();
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].end_at, Some(told[1].start_at));
        assert_eq!((told[1].end_at, told[1].detail.as_deref()), (None, Some("half")));
        steps.end();
        assert!(steps.told()[1].end_at.is_some());
        for number in 0..100 {
            steps.begin(PreparingKind::Wait, &number.to_string());
        }
        assert_eq!(steps.told().len(), MAX_STEPS);
        assert_eq!(steps.told().last().unwrap().what, "99");
    }
}
