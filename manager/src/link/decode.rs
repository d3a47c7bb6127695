//! Messages into frames.
//!
//! A frame of a newer node that we do not know is left out with a line in the log; a frame we know with a content we cannot read is an error
//! that ends the connection, since what it reported would otherwise be lost without a trace.

use lp_protocol::frames::NodeFrame;
use serde_json::value::RawValue;

/// The message is not what a node of this version sends.
#[derive(Debug, thiserror::Error)]
#[error("the message is malformed: {0}")]
pub(super) struct Malformed(#[from] serde_json::Error);

/// Names of the frames we know.
const KNOWN: &[&str] = &[
    "hello",
    "reports",
    "heartbeat",
    "preparing",
    "envs",
    "envs_dropped",
    "workspaces_deleted",
    "stream_failed",
    "packages",
];

pub(super) fn decode(message: &[u8]) -> Result<Vec<NodeFrame>, Malformed> {
    // in one go as long as both sides know the same frames, which is always but for the weeks of an upgrade
    if let Ok(frames) = serde_json::from_slice(message) {
        return Ok(frames);
    }
    let raw: Vec<&RawValue> = serde_json::from_slice(message)?;
    let mut frames = Vec::with_capacity(raw.len());
    for frame in raw {
        match serde_json::from_str(frame.get()) {
            Ok(frame) => frames.push(frame),
            Err(error) => match name_of(frame) {
                Some(name) if !KNOWN.contains(&name.as_str()) => {
                    let shown: String = name.chars().filter(|letter| !letter.is_control()).take(40).collect();
                    tracing::warn!(frame = shown, "a node sent a frame this version does not know");
                }
                _ => return Err(error.into()),
            },
        }
    }
    Ok(frames)
}

/// The name of a frame: its text, or the only key of its object.
fn name_of(frame: &RawValue) -> Option<String> {
    if let Ok(name) = serde_json::from_str::<String>(frame.get()) {
        return Some(name);
    }
    let object: std::collections::BTreeMap<String, &RawValue> = serde_json::from_str(frame.get()).ok()?;
    let mut names = object.into_keys();
    names.next().filter(|_| names.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_frames_are_left_out_and_the_others_kept_in_order() {
        let message = br#"[{"workspaces_deleted": {"attempts": []}}, {"of_the_future": {"a": 1}}, "bare_future",
            {"heartbeat": {"load": {"running": 1, "waiting": 0, "disk_free_bytes": 0, "disk_total_bytes": 0, "memory_available_bytes": 0, "load1": 0.5}}}]"#;

        let frames = decode(message).unwrap();

        assert!(
            matches!(frames[..], [NodeFrame::WorkspacesDeleted { .. }, NodeFrame::Heartbeat { .. }]),
            "{frames:?}"
        );
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for message in [
            "",
            "{",
            "{}",
            "1",
            "[1]",
            "[{}]",
            "[{\"a\": 1, \"b\": 2}]",
            r#"[{"reports": {"reports": [{"seq": -1}]}}]"#,
            "[\"hello\"]",
        ] {
            assert!(decode(message.as_bytes()).is_err(), "{message}");
        }
    }
}
