//! An attempt's output as text for a page.
//!
//! Takes the bytes as they come, in pieces of any size, and gives text back: broken UTF-8 is replaced, terminal commands (colours,
//! titles, cursor movements) are left out, other control and direction characters become visible. A terminal command that never
//! ends swallows no more than [`MAX_COMMAND_CHARS`].

use super::text::stand_in;

/// Longest terminal command left out; real ones are far shorter, except pictures, which nobody reads here.
const MAX_COMMAND_CHARS: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct LogText {
    /// The beginning of a character whose end has not come yet, 3 bytes at most.
    partial: Vec<u8>,
    mode: Mode,
    /// A carriage return that may be half of a line end.
    is_after_return: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// After `ESC (` and the like: one more character.
    Charset,
    /// After `ESC [`, until a letter.
    Control { left: usize },
    /// After `ESC ]` and the like, until BEL or `ESC \`.
    Words { left: usize },
    /// After ESC within the last.
    WordsEscape { left: usize },
}

impl LogText {
    /// Takes some more bytes and returns the text they complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> String {
        let joined;
        let mut rest = if self.partial.is_empty() {
            bytes
        } else {
            joined = [std::mem::take(&mut self.partial).as_slice(), bytes].concat();
            joined.as_slice()
        };
        let mut out = String::with_capacity(rest.len());
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.take(text, &mut out);
                    return out;
                }
                Err(error) => {
                    let (good, bad) = rest.split_at(error.valid_up_to());
                    // `good` is valid by the line above; nothing is lost if it were not
                    self.take(&String::from_utf8_lossy(good), &mut out);
                    match error.error_len() {
                        Some(length) => {
                            self.take("\u{fffd}", &mut out);
                            rest = &bad[length..];
                        }
                        None => {
                            self.partial = bad.to_vec();
                            return out;
                        }
                    }
                }
            }
        }
    }

    fn take(&mut self, text: &str, out: &mut String) {
        for c in text.chars() {
            self.mode = match self.mode {
                Mode::Text => self.plain(c, out),
                Mode::Escape => after_escape(c),
                Mode::Charset => Mode::Text,
                Mode::Control { .. } if matches!(c, '\u{40}'..='\u{7e}') => Mode::Text,
                // a line end never belongs to a command
                Mode::Control { .. } if c == '\n' => self.plain(c, out),
                Mode::Control { left: 0 } | Mode::Words { left: 0 } | Mode::WordsEscape { left: 0 } => {
                    self.plain(c, out)
                }
                Mode::Control { left } => Mode::Control { left: left - 1 },
                Mode::Words { .. } if c == '\x07' => Mode::Text,
                Mode::Words { .. } if c == '\n' => self.plain(c, out),
                Mode::Words { left } if c == '\x1b' => Mode::WordsEscape { left },
                Mode::Words { left } => Mode::Words { left: left - 1 },
                Mode::WordsEscape { .. } if c == '\\' => Mode::Text,
                Mode::WordsEscape { left } => Mode::Words { left: left - 1 },
            };
        }
    }

    fn plain(&mut self, c: char, out: &mut String) -> Mode {
        if std::mem::take(&mut self.is_after_return) && c != '\n' {
            // progress bars draw over their line; here each state gets its own
            out.push('\n');
        }
        match c {
            '\x1b' => return Mode::Escape,
            '\r' => self.is_after_return = true,
            '\n' | '\t' => out.push(c),
            c => out.push(stand_in(c).unwrap_or(c)),
        }
        Mode::Text
    }
}

fn after_escape(c: char) -> Mode {
    match c {
        '[' => Mode::Control { left: MAX_COMMAND_CHARS },
        ']' | 'P' | 'X' | '^' | '_' => Mode::Words { left: MAX_COMMAND_CHARS },
        ' '..='/' => Mode::Charset,
        '\x1b' => Mode::Escape,
        _ => Mode::Text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(bytes: &[u8]) -> String {
        LogText::default().feed(bytes)
    }

    #[test]
    fn terminal_commands_are_left_out_and_the_text_between_them_stays() {
        for (bytes, shown) in [
            (&b"\x1b[1;31mred\x1b[0m plain"[..], "red plain"),
            (b"\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "alink"),
            (b"\x1b(Ba\x1bcb", "ab"),
            (b"10%\r20%\r\ndone\r\n", "10%\n20%\ndone\n"),
            (b"\x1b]never ends\nnext line", "\nnext line"),
            (b"\x1b[12\nnext", "\nnext"),
            (b"a\0b\x08c", "a␀b␈c"),
            (b"\xff\xfe ok \xc3", "�� ok "),
            ("turned \u{202e}around".as_bytes(), "turned �around"),
            (b"<script>alert(1)</script>", "<script>alert(1)</script>"),
        ] {
            assert_eq!(text(bytes), shown, "{bytes:?}");
        }
    }

    #[test]
    fn a_command_that_never_ends_swallows_little() {
        let shown = text(format!("\x1b]{}", "x".repeat(10_000)).as_bytes());

        assert!(shown.len() > 5_000);
    }

    proptest! {
        #[test]
        fn the_pieces_bytes_come_in_make_no_difference(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 1_usize..7) {
            let mut log = LogText::default();

            let pieces: String = bytes.chunks(size).map(|piece| log.feed(piece)).collect();

            prop_assert_eq!(pieces, text(&bytes));
        }

        #[test]
        fn no_escape_reaches_the_page(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(!text(&bytes).contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
        }
    }
}
