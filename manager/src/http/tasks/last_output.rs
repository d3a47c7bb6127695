//! What the program that made a task fail said last: most often the sentence one looks for.
//!
//! Only what the manager has is read, a few KiB of it: the answer to "why" never waits for a node.

use lp_protocol::Status;
use lp_protocol::views::{ActionView, LastOutput};

use super::super::failure::Failure;
use super::super::state::State;
use crate::blobs::Key;
use crate::core::Shape;
use crate::core::derive::name_of;
use crate::core::record::AttemptId;
use crate::store::StoredTask;

/// Read of the end of a long output.
const TAIL_BYTES: u64 = 4096;

/// Characters shown.
const MAX_CHARS: usize = 300;

/// That of the first action that failed; None where none did, it wrote nothing, or its output is with its node only.
pub(super) async fn last_output(
    state: &State,
    task: &StoredTask,
    actions: &[ActionView],
) -> Result<Option<LastOutput>, Failure> {
    let failed = |action: &&ActionView| matches!(action.status, Some(Status::Fail | Status::Error));
    let Some(action) = actions.iter().find(failed) else { return Ok(None) };
    let shape = Shape::new(task.plan.clone());
    let own = task.attempts.iter().filter(|attempt| name_of(attempt, &shape) == Some(&action.name));
    let Some(attempt) = own.max_by_key(|attempt| attempt.id.number).filter(|last| last.log_bytes > 0) else {
        return Ok(None);
    };
    let found = match state.store.load_log(attempt.id).await? {
        Some(whole) => last_line(&whole).map(|(line, text)| (Some(line), text)),
        None => last_line(&tail(state, attempt.id).await?).map(|(_, text)| (None, text)),
    };
    Ok(found.map(|(line, text)| LastOutput {
        action: action.name.clone(),
        attempt: attempt.id.number,
        line,
        text,
    }))
}

/// The end of an output that came in segments; empty while its last one is not here.
async fn tail(state: &State, id: AttemptId) -> Result<Vec<u8>, Failure> {
    let mut tail = Vec::new();
    let segments = state.store.load_segments(id).await?;
    let Some(last) = segments.last().filter(|last| last.is_last) else { return Ok(tail) };
    let Some(key) = Key::parse(&last.blob_key) else { return Ok(tail) };
    // retention may take it away meanwhile
    let Ok(blob) = state.blobs.open_blob(&key).await else { return Ok(tail) };
    let mut chunks = blob.chunks(last.size_bytes.saturating_sub(TAIL_BYTES)..last.size_bytes);
    while let Some(bytes) = chunks.next().await? {
        tail.extend_from_slice(&bytes);
    }
    Ok(tail)
}

/// The last line that is not blank, and its number.
fn last_line(output: &[u8]) -> Option<(u64, String)> {
    let lines: Vec<&[u8]> = output.split(|byte| *byte == b'\n').collect();
    lines.iter().enumerate().rev().find_map(|(index, line)| {
        let text = plain(&String::from_utf8_lossy(line));
        (!text.is_empty()).then(|| (index as u64 + 1, text))
    })
}

/// As a terminal would leave it, without colours.
fn plain(line: &str) -> String {
    // a progress bar writes its line anew
    let line = line.trim_end().rsplit('\r').next().unwrap_or_default();
    let mut text = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\t' => text.push(' '),
            c if c.is_control() => {}
            c => text.push(c),
        }
    }
    let text = text.trim();
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Passes over a control sequence (ECMA-48, 5.4) or, up to its BEL, the title of a window.
fn skip_escape(chars: &mut std::str::Chars<'_>) {
    match chars.next() {
        Some('[') => _ = chars.find(|c| ('\u{40}'..='\u{7e}').contains(c)),
        Some(']') => _ = chars.find(|c| matches!(c, '\u{7}' | '\u{1b}')),
        Some(_) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_last_that_says_something() {
        for (output, line, text) in [
            ("a\nb\n", 2, "b"),
            ("Traceback\n  x\nValueError: no id\n\n  \n", 3, "ValueError: no id"),
            ("one", 1, "one"),
            ("10 %\r20 %\rdone\r\n", 1, "done"),
            ("\u{1b}[31;1mred\u{1b}[0m\n", 1, "red"),
            ("\u{1b}]0;title\u{7}text\n", 1, "text"),
            ("\u{1b}[", 1, ""),
        ] {
            let found = last_line(output.as_bytes());
            let wanted = (!text.is_empty()).then(|| (line, text.to_owned()));
            assert_eq!(found, wanted, "{output:?}");
        }
        assert_eq!(last_line(b""), None);
        let long = last_line("x".repeat(1000).as_bytes()).unwrap().1;
        assert_eq!(long.chars().count(), MAX_CHARS + 1);
    }
}
