//! JSON made readable without changing it.
//!
//! Works on the text: numbers, keys and their order stay exactly as they were written, which parsing and printing anew would not
//! promise. No recursion, and what comes out is bounded, so hostile nesting costs nothing.

use askama::Template;
use askama::filters::HtmlSafe;

use super::text::stand_in;

/// Shown at most; more than a person reads, and little enough for a phone. The rest is a download away.
const MAX_SHOWN_BYTES: usize = 128 << 10;

/// Indentation stops growing here: a document nested 100,000 deep would otherwise be 10 GB of spaces.
const MAX_INDENT: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Json {
    pub(crate) text: String,
    /// True where only the beginning is shown.
    pub(crate) is_cut: bool,
}

/// JSON to look into: with scripts it folds, is coloured and can be copied.
#[derive(Clone, Debug, Template)]
#[template(path = "parts/json_view.html")]
pub(crate) struct JsonView {
    json: Json,
    /// What it is, for those who do not see it.
    label: String,
    /// Where all of it can be had.
    download: Option<String>,
}

impl HtmlSafe for JsonView {}

impl JsonView {
    pub(crate) fn new(raw: &str, label: impl Into<String>) -> Self {
        Self { json: json(raw), label: label.into(), download: None }
    }

    pub(crate) fn download(mut self, url: String) -> Self {
        self.download = Some(url);
        self
    }

    /// How much of the page it takes.
    pub(crate) fn shown_bytes(&self) -> usize {
        self.json.text.len()
    }
}

/// Lays out a JSON text with an indentation of two.
pub(crate) fn json(raw: &str) -> Json {
    let mut layout = Layout { out: String::with_capacity(raw.len().min(MAX_SHOWN_BYTES) * 2), depth: 0 };
    let mut chars = raw.chars().peekable();
    let mut in_string = false;
    let mut after_open = false;
    while let Some(c) = chars.next() {
        if layout.out.len() >= MAX_SHOWN_BYTES {
            return Json { text: layout.out, is_cut: true };
        }
        if in_string {
            layout.push(c);
            match c {
                '\\' => chars.next().into_iter().for_each(|escaped| layout.push(escaped)),
                '"' => in_string = false,
                _ => {}
            }
            continue;
        }
        if c.is_ascii_whitespace() {
            continue;
        }
        let is_close = matches!(c, '}' | ']');
        if is_close {
            layout.depth = layout.depth.saturating_sub(1);
        }
        // an empty object or list stays on its line
        if after_open != is_close && (after_open || is_close) {
            layout.new_line();
        }
        after_open = false;
        layout.push(c);
        match c {
            '"' => in_string = true,
            '{' | '[' => {
                layout.depth += 1;
                after_open = true;
            }
            ',' => layout.new_line(),
            ':' => layout.out.push(' '),
            _ => {}
        }
    }
    Json { text: layout.out, is_cut: false }
}

struct Layout {
    out: String,
    depth: usize,
}

impl Layout {
    fn push(&mut self, c: char) {
        self.out.push(stand_in(c).unwrap_or(c));
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', 2 * self.depth.min(MAX_INDENT)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_is_laid_out_and_left_as_it_is() {
        let shown =
            json(r#"{"a":[1,2.50,1e400],"b":{},"c":[],"d":"x, {y}: \"z\\","a":12345678901234567890}"#);

        assert_eq!(
            shown.text,
            "{\n  \"a\": [\n    1,\n    2.50,\n    1e400\n  ],\n  \"b\": {},\n  \"c\": [],\n  \"d\": \"x, {y}: \\\"z\\\\\",\n  \"a\": 12345678901234567890\n}"
        );
        assert!(!shown.is_cut);
    }

    #[test]
    fn depth_and_size_are_bounded() {
        for raw in ["[".repeat(1 << 20), format!("\"{}\"", "x".repeat(1 << 20)), "{\"a\":".repeat(100_000)] {
            let shown = json(&raw);
            assert!(shown.is_cut && shown.text.len() < 2 * MAX_SHOWN_BYTES);
        }
    }

    proptest! {
        #[test]
        fn taking_the_layout_away_gives_the_value_back(numbers in prop::collection::vec(any::<i64>(), 0..20), text in "[ -~]{0,40}") {
            let value = serde_json::json!({ "n": numbers, "t": text, "o": { "e": {} } });

            let shown = json(&value.to_string());

            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown.text).unwrap(), value);
        }

        #[test]
        fn no_text_makes_it_panic(raw in ".{0,200}") {
            json(&raw);
        }
    }
}
