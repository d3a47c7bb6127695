//! The arguments, one by one: the forms docker-py takes them in.
//!
//! The one place that words "must be this, found that" about them. An argument whose value is null counts as absent, as `None` does there.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::manifest::fields::{kind, numbers_shown, quoted, whole};

/// Longest text, 32 KiB: far above any path, name or variable, and below what makes a request of megabytes.
const MAX_TEXT_BYTES: usize = 32 << 10;

/// Most entries of one list or object.
const MAX_ENTRIES: usize = 1000;

/// Largest number of bytes or other units that every JSON reader keeps exactly.
const MAX_EXACT: i64 = 1 << 53;

/// An argument that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`docker.args.{key}` {problem}")]
pub struct ArgError {
    /// The argument, with the path into its value.
    pub key: String,
    /// Reads after the key: "must be a string, found a list".
    pub problem: String,
}

impl ArgError {
    pub(super) fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into() }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) args: &'a Map<String, Value>,
}

impl<'a> Reader<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.args.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, ArgError> {
        self.get(key).map(|value| text(key, value)).transpose()
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, ArgError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(wrong(key, "true or false", other)),
        }
    }

    pub(super) fn number(&self, key: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, ArgError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match whole(value).filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let wanted = format!("a whole number from {} to {}", range.start(), range.end());
                Err(wrong(key, &wanted, value))
            }
        }
    }

    /// Bytes, or a text such as "10m".
    pub(super) fn size(&self, key: &str) -> Result<Option<i64>, ArgError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let bytes = match value {
            Value::Number(_) => whole(value).filter(|bytes| (0..=MAX_EXACT).contains(bytes)),
            Value::String(text) => parse_size(text),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        bytes.map(Some).ok_or_else(|| wrong(key, "a size, in bytes or for example \"10m\"", value))
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>, ArgError> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let Value::Array(items) = value else { return Err(wrong(key, "a list of strings", value)) };
        few(key, items.len())?;
        items.iter().enumerate().map(|(at, item)| text(&format!("{key}[{at}]"), item)).collect()
    }

    /// An object of texts, or a list of texts `name<separator>value`; None for a name without a value.
    pub(super) fn pairs(
        &self,
        key: &str,
        separator: char,
    ) -> Result<Vec<(String, Option<String>)>, ArgError> {
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Object(members)) => {
                few(key, members.len())?;
                let pair = |(name, value): (&String, &Value)| {
                    let path = format!("{key}.{name}");
                    check_text(&path, name)?;
                    match value {
                        Value::Null => Ok((name.clone(), None)),
                        value => Ok((name.clone(), Some(scalar(&path, value)?))),
                    }
                };
                members.iter().map(pair).collect()
            }
            Some(Value::Array(_)) => {
                let split = |text: String| match text.split_once(separator) {
                    Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                    None => (text, None),
                };
                Ok(self.texts(key)?.into_iter().map(split).collect())
            }
            Some(other) => Err(wrong(key, "an object or a list of strings", other)),
        }
    }

    /// The objects of a list.
    pub(super) fn items(&self, key: &str) -> Result<Vec<(String, &'a Value)>, ArgError> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let Value::Array(items) = value else { return Err(wrong(key, "a list", value)) };
        few(key, items.len())?;
        Ok(items.iter().enumerate().map(|(at, item)| (format!("{key}[{at}]"), item)).collect())
    }
}

/// `value` is not what is wanted.
pub(super) fn wrong(key: &str, wanted: &str, value: &Value) -> ArgError {
    let found = match value {
        Value::String(text) => quoted(text),
        other => numbers_shown(other).into_owned(),
    };
    ArgError::new(key, format!("must be {wanted}, found {found}"))
}

pub(super) fn few(key: &str, count: usize) -> Result<(), ArgError> {
    if count <= MAX_ENTRIES {
        return Ok(());
    }
    Err(ArgError::new(key, format!("must have at most {MAX_ENTRIES} entries, it has {count}")))
}

pub(super) fn text(key: &str, value: &Value) -> Result<String, ArgError> {
    let Value::String(text) = value else {
        return Err(ArgError::new(key, format!("must be a string, found {}", kind(value))));
    };
    check_text(key, text)?;
    Ok(text.clone())
}

/// A text, or a number or boolean as its text.
pub(super) fn scalar(key: &str, value: &Value) -> Result<String, ArgError> {
    match value {
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => text(key, other),
    }
}

fn check_text(key: &str, text: &str) -> Result<(), ArgError> {
    if text.contains('\0') {
        return Err(ArgError::new(key, "must not contain a NUL character"));
    }
    if text.len() > MAX_TEXT_BYTES {
        return Err(ArgError::new(key, format!("must be at most {MAX_TEXT_BYTES} bytes long")));
    }
    Ok(())
}

/// `10m`, `1.5g`, `64kb`: the units are powers of 1024, as docker-py has them, whatever their spelling.
fn parse_size(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let power = match text[end..].trim() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        _ => return None,
    };
    let bytes = number * 1024f64.powi(power);
    (0.0..=MAX_EXACT as f64).contains(&bytes).then_some(bytes as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_docker_pys() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("100b", Some(100)),
            ("10m", Some(10 << 20)),
            ("10MB", Some(10 << 20)),
            ("1.5g", Some(3 << 29)),
            ("2 KiB", Some(2048)),
            ("", None),
            ("m", None),
            ("-1", None),
            ("10x", None),
            ("9999999t", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text}");
        }
    }
}
