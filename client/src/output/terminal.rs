//! Logs on a terminal: programs may colour their output, and nothing else.
//!
//! A log is whatever a program wrote, and a terminal obeys it: sequences set titles, move the cursor over earlier lines, answer as if
//! typed. So control characters and every escape sequence but colours (SGR) are made visible, as `cat -v` does, and text that turns the reading
//! direction is replaced. Works on chunks cut anywhere and holds back a few bytes at most.

use super::text::turns_text;

/// Longest parameter part of a colour sequence that is passed on; `38;2;255;255;255;48;2;...` has 36.
const MAX_PARAMETERS: usize = 64;

/// Makes a log harmless, chunk by chunk.
#[derive(Debug)]
pub(crate) struct Neutraliser {
    colours: bool,
    state: State,
    is_coloured: bool,
}

#[derive(Debug)]
enum State {
    Ground,
    Escape,
    /// Within `ESC [`: the parameters so far.
    Sequence(Vec<u8>),
    /// Within a character of several bytes.
    Character {
        bytes: [u8; 4],
        have: usize,
        want: usize,
    },
}

impl Neutraliser {
    /// With `colours` off, colour sequences are left out.
    pub(crate) fn new(colours: bool) -> Self {
        Self { colours, state: State::Ground, is_coloured: false }
    }

    pub(crate) fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut rest = input;
        while let [byte, after @ ..] = rest {
            if matches!(self.state, State::Ground) {
                // the common case in one copy
                let plain = rest.iter().take_while(|byte| is_plain(**byte)).count();
                if plain > 0 {
                    out.extend_from_slice(&rest[..plain]);
                    rest = &rest[plain..];
                    continue;
                }
            }
            if self.step(*byte, out) {
                rest = after;
            }
        }
    }

    /// Ends the log: what was held back is shown, colours are ended.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        match std::mem::replace(&mut self.state, State::Ground) {
            State::Ground => {}
            State::Escape => out.extend_from_slice(b"^["),
            State::Sequence(parameters) => show_sequence(&parameters, out),
            State::Character { .. } => push_replacement(out),
        }
        self.end_colours(out);
    }

    /// Ends colours that are still on, so that they do not run into what follows.
    pub(crate) fn end_colours(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.is_coloured) {
            out.extend_from_slice(b"\x1b[0m");
        }
    }

    /// Takes one byte; false where the state has changed and the byte is still to be looked at.
    fn step(&mut self, byte: u8, out: &mut Vec<u8>) -> bool {
        match &mut self.state {
            State::Ground => self.ground(byte, out),
            State::Escape if byte == b'[' => {
                self.state = State::Sequence(Vec::new());
                true
            }
            State::Escape => {
                out.extend_from_slice(b"^[");
                self.state = State::Ground;
                false
            }
            State::Sequence(parameters) => match byte {
                b'0'..=b'9' | b';' | b':' if parameters.len() < MAX_PARAMETERS => {
                    parameters.push(byte);
                    true
                }
                b'm' => {
                    if self.colours {
                        out.extend_from_slice(b"\x1b[");
                        out.extend_from_slice(parameters);
                        out.push(b'm');
                        self.is_coloured = !matches!(parameters.as_slice(), b"" | b"0");
                    }
                    self.state = State::Ground;
                    true
                }
                // "erase the line" comes with the colours of many tools and means nothing in a log
                b'K' => {
                    self.state = State::Ground;
                    true
                }
                _ => {
                    show_sequence(parameters, out);
                    self.state = State::Ground;
                    false
                }
            },
            State::Character { bytes, have, want } => {
                if byte & 0xc0 != 0x80 {
                    push_replacement(out);
                    self.state = State::Ground;
                    return false;
                }
                bytes[*have] = byte;
                *have += 1;
                if have == want {
                    push_character(&bytes[..*want], out);
                    self.state = State::Ground;
                }
                true
            }
        }
    }

    fn ground(&mut self, byte: u8, out: &mut Vec<u8>) -> bool {
        match byte {
            0x1b => self.state = State::Escape,
            b'\n' | b'\t' | b'\r' | 0x20..=0x7e => out.push(byte),
            0x7f => out.extend_from_slice(b"^?"),
            0x00..0x20 => out.extend_from_slice(&[b'^', byte + 0x40]),
            0xc2..=0xf4 => {
                let want = if byte < 0xe0 {
                    2
                } else if byte < 0xf0 {
                    3
                } else {
                    4
                };
                self.state = State::Character { bytes: [byte, 0, 0, 0], have: 1, want };
            }
            0x80..=0xc1 | 0xf5..=0xff => push_replacement(out),
        }
        true
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\t' | b'\r' | 0x20..=0x7e)
}

fn show_sequence(parameters: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"^[[");
    out.extend_from_slice(parameters);
}

fn push_replacement(out: &mut Vec<u8>) {
    out.extend_from_slice("\u{fffd}".as_bytes());
}

fn push_character(bytes: &[u8], out: &mut Vec<u8>) {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(|c| c.is_control() || turns_text(c)) => out.extend_from_slice(bytes),
        Ok(_) | Err(_) => push_replacement(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn neutral(input: &[u8], chunk: usize, colours: bool) -> String {
        let mut neutraliser = Neutraliser::new(colours);
        let mut out = Vec::new();
        for chunk in input.chunks(chunk) {
            neutraliser.push(chunk, &mut out);
        }
        neutraliser.finish(&mut out);
        String::from_utf8(out).expect("only whole characters come out")
    }

    const TABLE: &[(&[u8], &str)] = &[
        (b"plain\ttext\r\n", "plain\ttext\r\n"),
        ("ü 漢 🙂".as_bytes(), "ü 漢 🙂"),
        (b"\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"),
        (b"\x1b[31mleft on", "\x1b[31mleft on\x1b[0m"),
        (b"\x1b]0;title\x07", "^[]0;title^G"),
        (b"\x1b[2J\x1b[H", "^[[2J^[[H"),
        (b"\x1b[?25l", "^[[?25l"),
        (b"\x1b[6n", "^[[6n"),
        (b"erase\x1b[K\x1b[2K", "erase"),
        (b"\x1b\x1b[31mx\x1b[m", "^[\x1b[31mx\x1b[m"),
        (b"\x1bP1$r\x1b\\", "^[P1$r^[\\"),
        (b"nul\0bel\x07del\x7f", "nul^@bel^Gdel^?"),
        ("c1 \u{9b}31m".as_bytes(), "c1 \u{fffd}31m"),
        ("rtl \u{202e}x".as_bytes(), "rtl \u{fffd}x"),
        (b"bad \xff\xc3( \xe6\xbc", "bad \u{fffd}\u{fffd}( \u{fffd}"),
        (b"cut \x1b[3", "cut ^[[3"),
    ];

    #[test]
    fn only_text_and_colours_come_through_however_it_is_cut() {
        for (input, shown) in TABLE {
            for chunk in 1..=input.len() {
                assert_eq!(
                    neutral(input, chunk, true),
                    *shown,
                    "{:?} by {chunk}",
                    String::from_utf8_lossy(input)
                );
            }
        }
    }

    #[test]
    fn colours_can_be_left_out() {
        assert_eq!(neutral(b"\x1b[1;31mred\x1b[0m", 3, false), "red");
    }

    #[test]
    fn an_endless_colour_sequence_is_not_held_back() {
        let mut input = b"\x1b[".to_vec();
        input.extend(std::iter::repeat_n(b'1', 100_000));
        let mut neutraliser = Neutraliser::new(true);
        let mut out = Vec::new();

        neutraliser.push(&input, &mut out);

        assert_eq!(out.len(), 100_003);
    }
}
