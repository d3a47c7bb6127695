//! The lines of a batch: NDJSON of any length, read in memory that does not depend on it.

use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde_json::value::RawValue;

use super::super::failure::Failure;
use super::super::input::{Body, MAX_INPUT_DATA_BYTES, check_object};

/// Lines handed on at once: one transaction of a thousand rows costs a few milliseconds and delays nobody.
const MAX_LINES: usize = 1000;

/// Bytes handed on at once, 4 MiB or one line.
const MAX_BYTES: usize = 4 << 20;

/// Some lines, and why there are no more after them where one is broken.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// Number of the line, from 1, and its object.
    pub(super) inputs: Vec<(u64, Box<RawValue>)>,
    pub(super) broken: Option<Failure>,
}

pub(super) struct Lines {
    body: Body,
    idle: Duration,
    buffer: BytesMut,
    /// Beginning of the buffer that is known to hold no end of line.
    searched: usize,
    /// Lines taken so far.
    number: u64,
    at_end: bool,
}

impl Lines {
    pub(super) fn new(body: Body, idle: Duration) -> Self {
        Self { body, idle, buffer: BytesMut::new(), searched: 0, number: 0, at_end: false }
    }

    /// Returns what has arrived, at least one line; None at the end. Nothing is lost where the call is dropped while it waits.
    pub(super) async fn next_chunk(&mut self) -> Option<Chunk> {
        loop {
            self.take_what_is_there().await;
            let chunk = self.cut();
            if !chunk.inputs.is_empty() || chunk.broken.is_some() {
                return Some(chunk);
            }
            if self.at_end {
                return None;
            }
            match self.body.next(self.idle).await {
                Ok(Some(bytes)) => self.buffer.extend_from_slice(&bytes),
                Ok(None) => self.at_end = true,
                Err(failure) => return Some(Chunk { inputs: Vec::new(), broken: Some(failure) }),
            }
        }
    }

    /// Drops what the sender still sends, so that it gets to read the answer; within bounds.
    pub(super) async fn drain(mut self) {
        const DRAIN_BYTES: usize = 256 << 20;
        const DRAIN_FOR: Duration = Duration::from_secs(10);
        let drained = async {
            let mut dropped = 0;
            while let Ok(Some(bytes)) = self.body.next(DRAIN_FOR).await {
                dropped += bytes.len();
                if dropped > DRAIN_BYTES {
                    break;
                }
            }
        };
        let _enough_is_enough = tokio::time::timeout(DRAIN_FOR, drained).await;
    }

    /// Takes what the socket has without waiting, up to a chunk's worth.
    async fn take_what_is_there(&mut self) {
        while !self.at_end && self.buffer.len() < MAX_BYTES {
            let next = std::pin::pin!(self.body.next(self.idle));
            match futures_util::poll!(next) {
                Poll::Ready(Ok(Some(bytes))) => self.buffer.extend_from_slice(&bytes),
                Poll::Ready(Ok(None)) => self.at_end = true,
                // comes again when it is waited for
                Poll::Ready(Err(_)) | Poll::Pending => return,
            }
        }
    }

    /// Cuts whole lines off the buffer.
    fn cut(&mut self) -> Chunk {
        let mut chunk = Chunk::default();
        let mut bytes = 0;
        while chunk.inputs.len() < MAX_LINES && bytes < MAX_BYTES && chunk.broken.is_none() {
            let Some(line) = self.cut_line(&mut chunk) else { break };
            bytes += line.len();
            self.number += 1;
            if line.trim_ascii().is_empty() {
                continue;
            }
            match parse_line(&line) {
                Ok(input) => chunk.inputs.push((self.number, input)),
                Err(failure) => chunk.broken = Some(at_line(self.number, failure)),
            }
        }
        chunk
    }

    fn cut_line(&mut self, chunk: &mut Chunk) -> Option<Bytes> {
        match self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
            Some(found) => {
                let line = self.buffer.split_to(self.searched + found + 1).freeze();
                self.searched = 0;
                Some(line)
            }
            None if self.at_end && !self.buffer.is_empty() => {
                self.searched = 0;
                Some(self.buffer.split().freeze())
            }
            None => {
                self.searched = self.buffer.len();
                if self.buffer.len() > MAX_INPUT_DATA_BYTES + 2 {
                    let failure = Failure::new(
                        lp_protocol::ErrorCode::TooLarge,
                        format!("it has more than {MAX_INPUT_DATA_BYTES} bytes"),
                    );
                    chunk.broken = Some(at_line(self.number + 1, failure));
                }
                None
            }
        }
    }
}

fn parse_line(line: &[u8]) -> Result<Box<RawValue>, Failure> {
    let text =
        std::str::from_utf8(line.trim_ascii()).map_err(|_| Failure::invalid("it is not UTF-8 text"))?;
    let input: Box<RawValue> =
        serde_json::from_str(text).map_err(|error| Failure::invalid(format!("it is not JSON: {error}")))?;
    check_object(input.get(), "the input")?;
    Ok(input)
}

fn at_line(number: u64, mut failure: Failure) -> Failure {
    failure.error.message = format!("line {number} cannot be used: {}", failure.error.message);
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &'static str) -> (Vec<(u64, String)>, Option<String>) {
        let (_, mut payload) = actix_web::test::TestRequest::default().set_payload(text).to_http_parts();
        let mut lines = Lines::new(Body(payload.take()), Duration::from_secs(1));
        let (mut inputs, mut broken) = (Vec::new(), None);
        while let Some(chunk) = lines.next_chunk().await {
            inputs.extend(chunk.inputs.into_iter().map(|(number, input)| (number, input.get().to_owned())));
            if let Some(failure) = chunk.broken {
                broken = Some(failure.to_string());
                break;
            }
        }
        (inputs, broken)
    }

    #[actix_web::test]
    async fn lines_are_numbered_as_they_stand_and_blank_ones_make_nothing() {
        let (inputs, broken) = read("{\"a\":1}\r\n\n  \n{\"b\":2}\n{}").await;

        assert_eq!(inputs, [(1, "{\"a\":1}".to_owned()), (4, "{\"b\":2}".to_owned()), (5, "{}".to_owned())]);
        assert_eq!(broken, None);
        assert_eq!(read("").await, (Vec::new(), None));
    }

    #[actix_web::test]
    async fn a_broken_line_is_named_and_the_ones_before_it_are_kept() {
        for (text, part) in [
            ("{}\n{}\n[1]\n{}", "line 3 cannot be used: the input must be a JSON object"),
            ("{}\n{}\n{\n{}", "line 3 cannot be used: it is not JSON"),
            ("{}\n{}\n{} {}\n", "line 3 cannot be used: it is not JSON"),
        ] {
            let (inputs, broken) = read(text).await;
            assert_eq!(inputs.len(), 2);
            assert!(broken.as_deref().is_some_and(|broken| broken.starts_with(part)), "{broken:?}");
        }
    }
}
