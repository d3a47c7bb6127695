//! Tolerant JSON: text with comments and trailing commas to a value.
//!
//! Tolerates `//` and `/* */` comments, one trailing comma in a list or object, and a byte order mark; otherwise strict.
//! Refuses what two readers could read differently (a key twice in one object) and what costs more than its size
//! (nesting). Errors carry line and column, which is why this is not a filter in front of `serde_json`; strings and
//! numbers, where a parser's bugs live, are still read by it.

use serde_json::{Map, Number, Value};

use super::error::{Error, Position};
use super::{MAX_BYTES, names};

/// Deepest nesting. A manifest needs six levels; docker arguments may have a few more. Bounds the recursion below.
pub(crate) const MAX_DEPTH: usize = 64;

/// Parses a whole manifest.
///
/// # Errors
/// `TooLarge`, `NotUtf8`, `Empty`, `TooDeep`, `DuplicateKey` or `Syntax`.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Error> {
    if bytes.len() > MAX_BYTES {
        return Err(Error::TooLarge { bytes: bytes.len() });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        Error::NotUtf8 { at: position(&good, good.len()) }
    })?;
    let mut reader = Reader { text, at: 0 };
    reader.skip_blank()?;
    if reader.peek().is_none() {
        return Err(Error::Empty);
    }
    let value = reader.value(0)?;
    reader.skip_blank()?;
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.expected("the end of the file")),
    }
}

/// Line and column, both from 1 and the column in characters, of a byte offset.
fn position(text: &str, offset: usize) -> Position {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

struct Reader<'t> {
    text: &'t str,
    /// Offset of the next byte; always on a character boundary when an error is made.
    at: usize,
}

impl Reader<'_> {
    /// Reads one value; `depth` is the number of lists and objects around it.
    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        match self.peek() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.list(depth + 1),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(byte) if byte.is_ascii_alphabetic() => self.word(),
            Some(_) | None => Err(self.expected("a value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Error> {
        let start = self.open(depth)?;
        let mut members = Map::new();
        loop {
            self.skip_blank()?;
            if self.eat(b'}') {
                return Ok(Value::Object(members));
            }
            if self.peek() != Some(b'"') {
                return Err(self.unclosed_or_expected(start, "a key in double quotes or `}`"));
            }
            let key_at = self.at;
            let key = self.string()?;
            if members.contains_key(&key) {
                return Err(Error::DuplicateKey { at: position(self.text, key_at), key });
            }
            self.skip_blank()?;
            if !self.eat(b':') {
                return Err(self.unclosed_or_expected(start, "`:` after the key"));
            }
            self.skip_blank()?;
            let value = self.value(depth)?;
            members.insert(key, value);
            self.skip_blank()?;
            if !self.eat(b',') && self.peek() != Some(b'}') {
                return Err(self.unclosed_or_expected(start, "`,` or `}`"));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, Error> {
        let start = self.open(depth)?;
        let mut items = Vec::new();
        loop {
            self.skip_blank()?;
            if self.eat(b']') {
                return Ok(Value::Array(items));
            }
            if self.peek().is_none() {
                return Err(self.unclosed_or_expected(start, "a value or `]`"));
            }
            items.push(self.value(depth)?);
            self.skip_blank()?;
            if !self.eat(b',') && self.peek() != Some(b']') {
                return Err(self.unclosed_or_expected(start, "`,` or `]`"));
            }
        }
    }

    /// Steps over an opening bracket; returns its offset.
    fn open(&mut self, depth: usize) -> Result<usize, Error> {
        let start = self.at;
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep { at: position(self.text, start) });
        }
        self.at += 1;
        Ok(start)
    }

    fn string(&mut self) -> Result<String, Error> {
        let start = self.at;
        let wrong =
            |at, what: &str| Err(Error::Syntax { at: position(self.text, at), what: what.to_owned() });
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(b'\n') | None => return wrong(start, "the string is not closed on its line"),
                Some(byte) if *byte < 0x20 => {
                    return wrong(
                        end,
                        "a control character in a string must be written as an escape such as \\t",
                    );
                }
                Some(_) => end += 1,
            }
        }
        match serde_json::from_str(&self.text[start..=end]) {
            Ok(string) => {
                self.at = end + 1;
                Ok(string)
            }
            Err(_) => wrong(
                start,
                "the string has a wrong escape; known are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX",
            ),
        }
    }

    fn number(&mut self) -> Result<Value, Error> {
        let written =
            self.run_of(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.' | b'_'));
        match serde_json::from_str::<Number>(written) {
            Ok(number) => {
                self.at += written.len();
                Ok(Value::Number(number))
            }
            Err(_) => Err(self.syntax(format!("`{}` is not a number", names::shown(written)))),
        }
    }

    fn word(&mut self) -> Result<Value, Error> {
        let written = self.run_of(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let value = match written {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            other => {
                return Err(self.syntax(format!(
                    "`{}` is not a value; text is written in double quotes, the only words are true, false and null",
                    names::shown(other)
                )));
            }
        };
        self.at += written.len();
        Ok(value)
    }

    /// Steps over white space and comments.
    fn skip_blank(&mut self) -> Result<(), Error> {
        loop {
            let rest = &self.text[self.at..];
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let Some(end) = comment.find("*/") else {
                    return Err(self.syntax("the comment is not closed by `*/`".to_owned()));
                };
                self.at += end + 4;
            } else if rest.starts_with([' ', '\t', '\n', '\r']) {
                self.at += 1;
            } else {
                return Ok(());
            }
        }
    }

    fn run_of(&self, belongs: fn(u8) -> bool) -> &str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|byte| !belongs(byte)).unwrap_or(rest.len());
        &rest[..length]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn unclosed_or_expected(&self, start: usize, wanted: &str) -> Error {
        if self.peek().is_some() {
            return self.expected(wanted);
        }
        let bracket = &self.text[start..=start];
        let what =
            format!("the file ends before the `{bracket}` of {} is closed", position(self.text, start));
        self.syntax(what)
    }

    fn expected(&self, wanted: &str) -> Error {
        let found = match self.text[self.at..].chars().next() {
            None => "the end of the file".to_owned(),
            Some('\'') => "`'` (strings are written in double quotes)".to_owned(),
            Some(char) => format!("`{}`", names::shown(char.encode_utf8(&mut [0; 4]))),
        };
        self.syntax(format!("expected {wanted}, found {found}"))
    }

    fn syntax(&self, what: String) -> Error {
        Error::Syntax { at: position(self.text, self.at), what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn comments_trailing_commas_and_a_byte_order_mark_are_tolerated() {
        let text = "\u{feff}// first\n{\"a\": [1, 2,], /* \"b\": 2, * / */ \"c//\": \"/* no */\", \"d\": {\"e\": null,},} // end";

        let value = parse(text.as_bytes()).unwrap();

        assert_eq!(value, json!({"a": [1, 2], "c//": "/* no */", "d": {"e": null}}));
    }

    #[test]
    fn strict_json_means_what_it_means_elsewhere() {
        for text in [
            r#"{"a":[],"b":{},"c":[{},[[]]],"d":"\u00e9\ud83d\ude00\"\\\/\n","e":-1.5e3,"f":true,"g":0}"#,
            r#""text""#,
            "12345678901234567890123",
            "[1e5, 0.25, -0]",
            " \r\n\t[ ] ",
        ] {
            assert_eq!(
                parse(text.as_bytes()).unwrap(),
                serde_json::from_str::<Value>(text).unwrap(),
                "{text}"
            );
        }
    }

    #[test]
    fn nesting_up_to_the_limit_is_read_and_one_more_is_refused() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));

        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());

        let error = parse(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 1, column 65: lists and objects are nested deeper than 64 levels"
        );
    }

    #[test]
    fn the_column_counts_characters_not_bytes() {
        let error = parse("[\n \"éé\" x]".as_bytes()).unwrap_err();

        assert_eq!(error.to_string(), "line 2, column 7: expected `,` or `]`, found `x`");
    }
}
