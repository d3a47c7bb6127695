//! Logs on stdout: one action's as it is, several ones' line by line under their names.

use std::collections::BTreeMap;

use super::clock::{Chunk, Stamp};
use super::read::Stamping;
use crate::commands::Session;
use crate::failure::Failure;
use crate::output::terminal::Neutraliser;
use crate::output::{Output, Tint, text};

/// Longest part of a line that is held back until its end comes, 64 KiB; a longer line is printed in pieces, each under its name.
const MAX_HELD_BYTES: usize = 64 << 10;

/// Colours of the names, in turn.
const TINTS: [Tint; 4] = [Tint::Busy, Tint::Warn, Tint::Good, Tint::Strong];

pub(crate) struct Printer<'a> {
    out: &'a Output,
    several: bool,
    stamping: Stamping,
    lanes: BTreeMap<String, Lane>,
}

/// What one action's output goes through.
struct Lane {
    filter: Option<Neutraliser>,
    prefix: Option<Prefix>,
    /// Of the line before.
    stamp: Option<Stamp>,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(session: &'a Session, actions: usize, stamping: Stamping) -> Self {
        Self { out: &session.out, several: actions > 1, stamping, lanes: BTreeMap::new() }
    }

    pub(crate) fn print(&mut self, action: &str, chunk: &Chunk) -> Result<(), Failure> {
        let out = self.out;
        let lane = self.lane(action);
        let mut lines = Vec::new();
        match &chunk.when {
            None if lane.prefix.is_none() && lane.filter.is_none() => return out.bytes(&chunk.bytes),
            None => lane.push(&chunk.bytes, &mut lines),
            Some(when) => {
                for (piece, stamp) in when.lines(&chunk.bytes) {
                    lane.stamp(stamp);
                    lane.push(piece, &mut lines);
                }
            }
        }
        if lines.is_empty() { Ok(()) } else { out.bytes(&lines) }
    }

    /// The attempt has ended: its last line is printed though it has no end.
    pub(crate) fn end(&mut self, action: &str) -> Result<(), Failure> {
        let Some(mut lane) = self.lanes.remove(action) else { return Ok(()) };
        let mut rest = Vec::new();
        if let Some(filter) = &mut lane.filter {
            filter.finish(&mut rest);
        }
        let mut lines = Vec::new();
        match &mut lane.prefix {
            Some(prefix) => {
                prefix.push(&rest, &mut lines);
                prefix.finish(&mut lines);
            }
            None => lines = rest,
        }
        if lines.is_empty() { Ok(()) } else { self.out.bytes(&lines) }
    }

    fn lane(&mut self, action: &str) -> &mut Lane {
        let turn = self.lanes.len();
        let (out, several, stamping) = (self.out, self.several, self.stamping);
        self.lanes.entry(action.to_owned()).or_insert_with(|| {
            let name = out.look().style.paint(TINTS[turn % TINTS.len()], &text::visible(action));
            let name = if several { format!("{name} | ") } else { String::new() };
            Lane {
                filter: out.is_terminal.then(|| Neutraliser::new(out.look().style.colours)),
                prefix: (several || stamping == Stamping::Yes).then(|| Prefix::new(name, out.is_terminal)),
                stamp: None,
            }
        })
    }
}

impl Lane {
    fn push(&mut self, bytes: &[u8], lines: &mut Vec<u8>) {
        let mut safe = Vec::new();
        let shown = match &mut self.filter {
            Some(filter) => {
                filter.push(bytes, &mut safe);
                &safe
            }
            None => bytes,
        };
        match &mut self.prefix {
            Some(prefix) => prefix.push(shown, lines),
            None => lines.extend_from_slice(shown),
        }
    }

    /// What ends next was written then. Many lines have the same moment, whose text is made once.
    fn stamp(&mut self, stamp: Stamp) {
        let stamp = stamp.not_before(self.stamp);
        if let Some(prefix) = self.prefix.as_mut().filter(|_| self.stamp != Some(stamp)) {
            prefix.stamp = stamp.text() + " ";
            self.stamp = Some(stamp);
        }
    }
}

/// Puts a name before each line, and when it was written.
struct Prefix {
    prefix: String,
    stamp: String,
    held: Vec<u8>,
    /// On a terminal a lone carriage return would write over the name: it ends a line there.
    returns_end_lines: bool,
    /// The last byte was a carriage return; a line feed after it belongs to it.
    is_returned: bool,
}

impl Prefix {
    fn new(prefix: String, returns_end_lines: bool) -> Self {
        Self { prefix, stamp: String::new(), held: Vec::new(), returns_end_lines, is_returned: false }
    }

    fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while let Some(first) = bytes.first() {
            // what was overwritten by nothing is no line
            if std::mem::take(&mut self.is_returned) && *first != b'\n' && !self.held.is_empty() {
                self.line(out);
            }
            let is_end = |byte: &u8| *byte == b'\n' || (*byte == b'\r' && self.returns_end_lines);
            let room = MAX_HELD_BYTES - self.held.len();
            let run = bytes.iter().take(room).position(is_end).unwrap_or(room.min(bytes.len()));
            self.held.extend_from_slice(&bytes[..run]);
            bytes = &bytes[run..];
            match bytes.first() {
                Some(b'\n') => {
                    self.line(out);
                    bytes = &bytes[1..];
                }
                Some(b'\r') if self.returns_end_lines => {
                    self.is_returned = true;
                    bytes = &bytes[1..];
                }
                Some(_) => self.line(out),
                None => {}
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if !self.held.is_empty() {
            self.line(out);
        }
    }

    fn line(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.prefix.as_bytes());
        out.extend_from_slice(self.stamp.as_bytes());
        out.append(&mut self.held);
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixed(text: &[u8], chunk: usize, returns_end_lines: bool) -> Vec<u8> {
        let mut prefix = Prefix::new("a | ".to_owned(), returns_end_lines);
        let mut out = Vec::new();
        for chunk in text.chunks(chunk) {
            prefix.push(chunk, &mut out);
            assert!(prefix.held.len() <= MAX_HELD_BYTES);
        }
        prefix.finish(&mut out);
        out
    }

    #[test]
    fn each_line_is_under_its_name_however_it_is_cut() {
        for (text, returns, lines) in [
            ("x\ny\n", false, "a | x\na | y\n"),
            ("no end", false, "a | no end\n"),
            ("\n\n", false, "a | \na | \n"),
            ("", false, ""),
            ("10%\r20%\r\nend\r\n", true, "a | 10%\na | 20%\na | end\n"),
            ("\r\rx", true, "a | x\n"),
            ("10%\r20%\n", false, "a | 10%\r20%\n"),
        ] {
            for chunk in 1..=text.len().max(1) {
                let out = prefixed(text.as_bytes(), chunk, returns);
                assert_eq!(String::from_utf8(out).unwrap(), lines, "{text:?} by {chunk}");
            }
        }
    }

    #[test]
    fn a_line_of_fifty_megabytes_is_printed_in_pieces_and_never_held_whole() {
        let line = vec![b'x'; 50 << 20];

        let out = prefixed(&line, 1 << 20, false);

        let content = out.split(|byte| *byte == b'\n').filter(|piece| !piece.is_empty());
        let lengths: Vec<_> = content.map(|piece| piece.len() - b"a | ".len()).collect();
        assert_eq!(lengths.iter().sum::<usize>(), line.len());
        assert!(lengths.iter().all(|length| *length <= MAX_HELD_BYTES));
    }

    #[test]
    fn a_line_of_just_the_held_length_is_one_line() {
        let mut line = vec![b'x'; MAX_HELD_BYTES];
        line.push(b'\n');
        for chunk in [line.len(), MAX_HELD_BYTES, 1000] {
            assert_eq!(
                prefixed(&line, chunk, false).iter().filter(|byte| **byte == b'\n').count(),
                1,
                "by {chunk}"
            );
        }
    }
}
