//! Input data of tasks: from the command line, from a file, from stdin; one object, or one on each line.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use lp_protocol::frames::MAX_INPUT_BYTES;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::ReaderStream;

use crate::failure::Failure;

/// Read at a time, 64 KiB.
const CHUNK_BYTES: usize = 64 << 10;

/// Reads `-i`: a JSON object, `@file` or `-`.
///
/// # Errors
/// `File` where it cannot be read, `Invalid` where it is no JSON object.
pub(crate) async fn one(given: &str) -> Result<Box<RawValue>, Failure> {
    let text = match given.strip_prefix('@') {
        _ if given == "-" => read_all("-").await?,
        Some(path) => read_all(path).await?,
        None => given.to_owned(),
    };
    parse(text)
}

fn parse(text: String) -> Result<Box<RawValue>, Failure> {
    let hint = || Some("for example -i '{\"x\": 1}', -i @input.json, or -i - for stdin".to_owned());
    let value: Box<RawValue> = serde_json::from_str(&text).map_err(|error| Failure::Invalid {
        what: format!("the input is not JSON: {error}"),
        hint: hint(),
    })?;
    match value.get().starts_with('{') {
        true => Ok(value),
        false => Err(Failure::Invalid { what: "the input is not a JSON object".to_owned(), hint: hint() }),
    }
}

async fn read_all(path: &str) -> Result<String, Failure> {
    let failed = |source| Failure::File { what: "read", path: path.into(), source };
    let mut text = String::new();
    let reader = open(path).await?;
    reader.take(MAX_INPUT_BYTES as u64 + 1).read_to_string(&mut text).await.map_err(failed)?;
    if text.len() > MAX_INPUT_BYTES {
        return Err(Failure::invalid(format!("the input is over {} MiB", MAX_INPUT_BYTES >> 20)));
    }
    Ok(text)
}

async fn open(path: &str) -> Result<Box<dyn AsyncRead + Send + Unpin>, Failure> {
    if path == "-" {
        return Ok(Box::new(tokio::io::stdin()));
    }
    let file = tokio::fs::File::open(path).await;
    file.map(|file| Box::new(file) as _).map_err(|source| Failure::File {
        what: "read",
        path: path.into(),
        source,
    })
}

/// Many inputs on their way, and how many have gone.
pub(crate) struct Inputs {
    pub(crate) stream: BoxStream<'static, io::Result<Bytes>>,
    pub(crate) sent: Arc<AtomicU64>,
}

/// Opens `--each`: NDJSON in a file, or `-`.
pub(crate) async fn many(path: &str) -> Result<Inputs, Failure> {
    let reader = open(path.strip_prefix('@').unwrap_or(path)).await?;
    let sent = Arc::new(AtomicU64::new(0));
    let counter = sent.clone();
    let mut lines = LineCounter::default();
    let stream = ReaderStream::with_capacity(reader, CHUNK_BYTES).inspect_ok(move |chunk| {
        counter.store(lines.count(chunk), Ordering::Relaxed);
    });
    Ok(Inputs { stream: stream.boxed(), sent })
}

/// Counts lines that are not blank; the last one may lack its newline.
#[derive(Default)]
struct LineCounter {
    lines: u64,
    is_in_line: bool,
}

impl LineCounter {
    fn count(&mut self, chunk: &[u8]) -> u64 {
        for byte in chunk {
            match byte {
                b'\n' => self.is_in_line = false,
                b' ' | b'\t' | b'\r' => {}
                _ if !self.is_in_line => {
                    self.is_in_line = true;
                    self.lines += 1;
                }
                _ => {}
            }
        }
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_one_json_object_and_stays_as_it_was_written() {
        for (text, parsed) in [
            (r#"{"x": 1.50}"#, Some(r#"{"x": 1.50}"#)),
            (" {}\n", Some("{}")),
            ("[1]", None),
            ("{bad", None),
            ("", None),
            ("{} {}", None),
        ] {
            let result = parse(text.to_owned());
            assert_eq!(result.as_ref().ok().map(|value| value.get()), parsed, "{text}");
            assert!(result.is_ok() || result.unwrap_err().exit_code() == 5);
        }
    }

    #[test]
    fn lines_are_counted_across_chunks_and_blank_ones_are_not() {
        let text = b"{}\n\n  \r\n{\"a\": 1}\r\n{}";
        for chunk in 1..=text.len() {
            let mut counter = LineCounter::default();
            let counts: Vec<_> = text.chunks(chunk).map(|chunk| counter.count(chunk)).collect();
            assert_eq!(counts.last(), Some(&3), "by {chunk}");
        }
    }
}
