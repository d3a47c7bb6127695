//! The form of server-sent events. All data is JSON, which has no line ends in it.

use bytes::Bytes;
use serde_json::json;

/// First of all: when to come back after a lost connection, in milliseconds.
pub(super) fn hello() -> Bytes {
    Bytes::from_static(b"retry: 2000\n\n")
}

/// The manager's events come again, and what is shown is up to date.
pub(super) fn fresh() -> Bytes {
    event("fresh", &json!({}))
}

/// Nothing has happened, and the connection stands.
pub(super) fn beat() -> Bytes {
    event("beat", &json!({}))
}

/// A part of the page has changed.
pub(super) fn swap(part: &str, html: &str) -> Bytes {
    event("swap", &json!({ "part": part, "html": html }))
}

/// What is shown gets old: why.
pub(super) fn stale(message: &str) -> Bytes {
    event("stale", &json!({ "message": message }))
}

/// It will not come back: signed out, or the object is gone.
pub(super) fn over(message: &str) -> Bytes {
    event("over", &json!({ "message": message }))
}

/// Another attempt is to be shown: load the page anew.
pub(super) fn reload() -> Bytes {
    event("reload", &json!({}))
}

/// Some more of the output; `next` is where it goes on, and what a reconnecting browser says it has.
pub(super) fn log(text: &str, next: u64) -> Bytes {
    Bytes::from(format!("id: {next}\nevent: log\ndata: {}\n\n", json!({ "text": text })))
}

/// The output is complete.
pub(super) fn log_end() -> Bytes {
    event("logend", &json!({}))
}

fn event(name: &str, data: &serde_json::Value) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_end_an_event_or_begin_another() {
        for bytes in [log("a\n\nevent: swap\ndata: x\r\n", 7), swap("p", "<p>\n\n</p>"), stale("a\n\nb")] {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            assert_eq!(text.matches("\n\n").count(), 1, "{text}");
            assert_eq!(text.matches("event: ").count() - text.matches("\\nevent: ").count(), 1, "{text}");
        }
    }
}
