//! The form of server-sent events. All data is JSON, which has no line ends in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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

/// Some rows of a part have changed, and its others, their number and their order have not.
pub(super) fn patch(part: &str, rows: &[(&str, &str)]) -> Bytes {
    let rows: serde_json::Map<String, serde_json::Value> =
        rows.iter().map(|(id, html)| ((*id).to_owned(), json!(html))).collect();
    event("patch", &json!({ "part": part, "rows": rows }))
}

/// Some more of the output, as it was written; `next` is where it goes on, and what a reconnecting browser says it has.
pub(super) fn log(bytes: &[u8], next: u64) -> Bytes {
    let data = json!({ "bytes": STANDARD.encode(bytes), "next": next });
    Bytes::from(format!("id: {next}\nevent: log\ndata: {data}\n\n"))
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
        for bytes in [
            log(b"a\n\nevent: swap\ndata: x\r\n", 7),
            patch("p", &[("a\n\n", "<p>\n\n")]),
            swap("p", "<p>\n\n</p>"),
            stale("a\n\nb"),
        ] {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            assert_eq!(text.matches("\n\n").count(), 1, "{text}");
            assert_eq!(text.matches("event: ").count() - text.matches("\\nevent: ").count(), 1, "{text}");
        }
    }
}
