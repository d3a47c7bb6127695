//! Labels: what a node's owner says about it in words, and what an action may ask of them.
//!
//! A rule is a text or a list of texts: `"a100"` (this value), `["a100", "h100"]` (one of these), `"*"` (any value, but the label must be
//! there), and with `!` the opposite: `"!a100"` (not this value, or no such label), `"!*"` (no such label). In a list one of the plain texts
//! must hold, and all with `!`. Nothing more: a rule is read at a glance in `lp why`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest key of a label.
const MAX_KEY_BYTES: usize = 63;

/// Longest value of a label.
const MAX_VALUE_BYTES: usize = 255;

/// Most texts in a rule: bounds what each placement compares.
const MAX_TEXTS: usize = 100;

/// Stands for every value.
const ANY: &str = "*";

/// What a label of a node must be.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
pub struct LabelRule {
    /// One of these; `*` is any value. Empty: nothing is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub any_of: Vec<String>,
    /// None of these; `*` says that the label must not be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub none_of: Vec<String>,
}

/// Why a text is no label or no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(
        "must begin with a letter or digit and have only letters, digits, `.`, `_`, `-` and `/`, at most {MAX_KEY_BYTES}"
    )]
    Key,
    #[error("must have 1 to {MAX_VALUE_BYTES} bytes, no control characters, and no blank at either end")]
    Value,
    #[error("must name at least one value")]
    Empty,
    #[error("must have at most {MAX_TEXTS} values")]
    TooMany,
    #[error("must not begin with `!`, which in a condition means \"not\"")]
    Reserved,
}

/// Checks a key of a label.
///
/// # Errors
/// [`Error::Key`].
pub fn check_key(key: &str) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    let begins = key.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins && key.len() <= MAX_KEY_BYTES && key.bytes().all(plain) { Ok(()) } else { Err(Error::Key) }
}

/// Checks a label as a node has it.
///
/// # Errors
/// `Key`, `Value`, or `Reserved` for a value that no condition could name.
pub fn check(key: &str, value: &str) -> Result<(), Error> {
    check_key(key)?;
    check_value(value)?;
    if value.starts_with('!') || value == ANY { Err(Error::Reserved) } else { Ok(()) }
}

fn check_value(value: &str) -> Result<(), Error> {
    let plain = !value.is_empty()
        && value.len() <= MAX_VALUE_BYTES
        && value.trim() == value
        && !value.chars().any(char::is_control);
    if plain { Ok(()) } else { Err(Error::Value) }
}

impl LabelRule {
    /// Reads the texts of a rule.
    ///
    /// # Errors
    /// `Empty`, `TooMany`, or `Value` for a text that no label can have.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, Error> {
        let mut rule = Self::default();
        for (text, nth) in texts.into_iter().zip(1..) {
            if nth > MAX_TEXTS {
                return Err(Error::TooMany);
            }
            let (side, value) = match text.strip_prefix('!') {
                Some(value) => (&mut rule.none_of, value),
                None => (&mut rule.any_of, text),
            };
            check_value(value)?;
            side.push(value.to_owned());
        }
        if rule == Self::default() {
            return Err(Error::Empty);
        }
        // rules that say the same are equal: actions of equal wants wait in one line
        for side in [&mut rule.any_of, &mut rule.none_of] {
            side.sort_unstable();
            side.dedup();
        }
        Ok(rule)
    }

    /// Tells whether a label with this value, or the lack of one, keeps the rule.
    pub fn holds(&self, value: Option<&str>) -> bool {
        let names =
            |side: &[String]| value.is_some_and(|value| side.iter().any(|text| text == ANY || text == value));
        (self.any_of.is_empty() || names(&self.any_of)) && !names(&self.none_of)
    }
}

/// As it may be written in a manifest: `a100`, or `a100, h100, !old`.
impl fmt::Display for LabelRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.any_of.iter().map(|text| ("", text));
        let barred = self.none_of.iter().map(|text| ("!", text));
        for ((mark, text), nth) in plain.chain(barred).zip(0..) {
            write!(f, "{}{mark}{text}", if nth > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_asks_for_one_of_the_plain_texts_and_none_of_the_barred_ones() {
        for (texts, keeps, breaks) in [
            (&["a100"][..], &[Some("a100")][..], &[Some("h100"), Some("A100"), None][..]),
            (&["a100", "h100"], &[Some("a100"), Some("h100")], &[Some("v100"), None]),
            (&["!a100"], &[Some("h100"), None], &[Some("a100")]),
            (&["*"], &[Some("x")], &[None]),
            (&["!*"], &[None], &[Some("x")]),
            (&["*", "!old"], &[Some("new")], &[Some("old"), None]),
            (&["!a", "!b"], &[Some("c"), None], &[Some("a"), Some("b")]),
        ] {
            let rule = LabelRule::parse(texts.iter().copied()).unwrap();
            for value in keeps {
                assert!(rule.holds(*value), "{texts:?} {value:?}");
            }
            for value in breaks {
                assert!(!rule.holds(*value), "{texts:?} {value:?}");
            }
        }
    }

    #[test]
    fn rules_that_say_the_same_are_equal_and_read_back_as_they_show() {
        let rule = |texts: &[&str]| LabelRule::parse(texts.iter().copied()).unwrap();

        assert_eq!(rule(&["b", "!x", "a", "b"]), rule(&["a", "b", "!x"]));
        assert_eq!(rule(&["b", "!x", "a"]).to_string(), "a, b, !x");
    }

    #[test]
    fn what_no_node_could_have_is_refused() {
        let long = "x".repeat(256);
        for texts in [&[][..], &[""], &["!"], &["a\n"], &[" a"], &[&long]] {
            assert!(LabelRule::parse(texts.iter().copied()).is_err(), "{texts:?}");
        }
        assert_eq!(LabelRule::parse(std::iter::repeat_n("a", 101)), Err(Error::TooMany));
        for (key, value) in
            [("", "a"), ("a b", "a"), ("-a", "a"), ("a", ""), ("a", "!b"), ("a", "*"), ("a", "b ")]
        {
            assert!(check(key, value).is_err(), "{key}={value}");
        }
        for (key, value) in [("gpu", "a100"), ("example.org/rack", "r 12"), ("0", "ü")] {
            assert!(check(key, value).is_ok(), "{key}={value}");
        }
    }
}
