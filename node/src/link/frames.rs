//! Frames to text and back.
//!
//! Reading is frame by frame, and an assignment that is not understood is told apart from its neighbours: a manager one version ahead must not
//! cost the work it sends in words we know.

use std::sync::Arc;

use lp_protocol::AttemptKey;
use lp_protocol::frames::{Assignment, Hello, ManagerFrame, NodeFrame, Report};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One message of the manager, taken apart.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) frames: Vec<ManagerFrame>,
    /// Assignments in words we do not know, and what was wrong.
    pub(super) strange: Vec<(AttemptKey, String)>,
}

/// Takes a message apart; what is not understood is logged and skipped.
pub(super) fn parse(text: &str) -> Received {
    let mut received = Received::default();
    let parts: Vec<&RawValue> = match serde_json::from_str(text) {
        Ok(parts) => parts,
        Err(error) => {
            tracing::warn!(%error, "the manager sent what is not an array of frames");
            return received;
        }
    };
    for part in parts {
        match serde_json::from_str(part.get()) {
            Ok(frame) => received.frames.push(frame),
            Err(error) => salvage(part.get(), &error, &mut received),
        }
    }
    received
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Loose<'a> {
    Assign {
        #[serde(borrow)]
        assignments: Vec<&'a RawValue>,
    },
}

#[derive(Deserialize)]
struct Named {
    attempt: AttemptKey,
}

fn salvage(text: &str, error: &serde_json::Error, received: &mut Received) {
    let Ok(Loose::Assign { assignments }) = serde_json::from_str(text) else {
        let begin: String = text.chars().take(40).collect();
        tracing::warn!(%error, frame = begin, "skipped a frame that is not understood");
        return;
    };
    let mut understood: Vec<Assignment> = Vec::new();
    for part in assignments {
        match (serde_json::from_str(part.get()), serde_json::from_str::<Named>(part.get())) {
            (Ok(assignment), _) => understood.push(assignment),
            (Err(error), Ok(named)) => received.strange.push((named.attempt, error.to_string())),
            (Err(error), Err(_)) => tracing::warn!(%error, "skipped an assignment that names no attempt"),
        }
    }
    received.frames.push(ManagerFrame::Assign { assignments: understood });
}

/// [`NodeFrame`] as it is written, without copying the reports.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outgoing {
    Reports {
        reports: Vec<Arc<Report>>,
    },
    #[serde(untagged)]
    Frame(Box<NodeFrame>),
}

impl From<NodeFrame> for Outgoing {
    fn from(frame: NodeFrame) -> Self {
        Outgoing::Frame(Box::new(frame))
    }
}

impl From<Hello> for Outgoing {
    fn from(hello: Hello) -> Self {
        NodeFrame::Hello(hello).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::order::tests::assignment;
    use lp_protocol::frames::AttemptEvent;

    #[test]
    fn reports_are_written_as_the_frame_they_are() {
        let report = Report { seq: 7, attempt: assignment("a").attempt, event: AttemptEvent::Returned };
        let frames = [
            Outgoing::Reports { reports: vec![Arc::new(report.clone())] },
            NodeFrame::WorkspacesDeleted { attempts: vec![report.attempt.clone()] }.into(),
        ];

        let text = serde_json::to_string(&frames).unwrap();

        let frames: Vec<NodeFrame> = serde_json::from_str(&text).unwrap();
        assert!(matches!(&frames[0], NodeFrame::Reports { reports } if reports[0].seq == 7));
        assert!(matches!(&frames[1], NodeFrame::WorkspacesDeleted { .. }));
    }

    #[test]
    fn unknown_frames_and_strange_assignments_cost_only_themselves() {
        let known = serde_json::to_string(&assignment("known")).unwrap();
        let strange = known.replace("\"line\"", "\"telepathy\"").replace("known", "strange");
        let text = format!(
            r#"["heartbeat_ack", {{"dance": {{}}}}, "jump", 7, {{"assign": {{"assignments": [{known}, {strange}, 1]}}}}, {{"ack": {{"through": 3}}}}]"#
        );

        let received = parse(&text);

        assert!(matches!(
            received.frames.as_slice(),
            [ManagerFrame::HeartbeatAck, ManagerFrame::Assign { assignments }, ManagerFrame::Ack { through: 3 }]
                if assignments.len() == 1 && assignments[0].attempt.action == "known"
        ));
        assert_eq!(received.strange.len(), 1);
        assert_eq!(received.strange[0].0.action, "strange");
        assert!(parse("{}").frames.is_empty());
    }
}
