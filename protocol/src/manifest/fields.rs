//! An object of the manifest, read key by key.
//!
//! The one place that words "`x` must be this, found that", so that all such messages read alike. A key whose value is
//! null counts as absent.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value};

use super::error::{Error, Place};
use super::grammar;
use super::names::shown;
use super::warning::{Warning, Warnings};
use crate::units;

/// Largest whole number that every JSON reader keeps exactly, 2^53.
pub(super) const MAX_EXACT: i64 = 1 << 53;

/// Longest single text given to a program, in bytes: Linux refuses an argument or variable of 128 KiB
/// (MAX_ARG_STRLEN in execve(2)), and the workspace's path is still to be added.
pub(super) const MAX_TEXT_BYTES: usize = 100_000;

const DURATION: &str = "a duration, in seconds or for example \"1h 30m\"";
const SIZE: &str = "a size, in bytes or for example \"2GiB\"";

#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) place: &'a Place,
    /// Key of this object within its place; empty for the place's own object.
    parent: &'static str,
    pub(crate) members: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(place: &'a Place, members: &'a Map<String, Value>) -> Self {
        Self { place, parent: "", members }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.members.get(key).filter(|value| !value.is_null())
    }

    /// Like [`Self::get`], but absent is also what Python takes for false, as LitePipeline does for this key.
    pub(crate) fn get_unless_false(&self, key: &str) -> Option<&'a Value> {
        self.get(key).filter(|value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::Bool(true) => true,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(members) => !members.is_empty(),
        })
    }

    /// The object under `key`.
    pub(crate) fn object(&self, key: &'static str, value: &'a Value) -> Result<Self, Error> {
        match value {
            Value::Object(members) => Ok(Self { place: self.place, parent: key, members }),
            other => Err(self.wrong_kind(key, "an object", other)),
        }
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong_kind(key, "a string", other)),
        }
    }

    /// A text of 1 to 255 bytes without control characters.
    pub(super) fn short_text(&self, key: &str) -> Result<Option<&'a str>, Error> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        if text.trim().is_empty() {
            return Err(self.rule(key, "must not be empty"));
        }
        if text.len() > 255 || text.chars().any(char::is_control) {
            return Err(self.rule(key, "must be at most 255 bytes long and without control characters"));
        }
        Ok(Some(text))
    }

    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.wrong_kind(key, "true or false", other)),
        }
    }

    pub(crate) fn whole(&self, key: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, Error> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match whole(value).filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let wanted = format!("a whole number from {} to {}", range.start(), range.end());
                Err(self.wrong(key, wanted, numbers_shown(value)))
            }
        }
    }

    pub(super) fn number(&self, key: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, Error> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_f64().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let wanted = format!("a number from {} to {}", range.start(), range.end());
                Err(self.wrong(key, wanted, numbers_shown(value)))
            }
        }
    }

    pub(super) fn duration(&self, key: &str) -> Result<Option<Duration>, Error> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let (duration, found) = match value {
            Value::Number(number) => {
                (number.as_f64().and_then(units::duration_from_seconds), number.to_string())
            }
            Value::String(text) => (units::parse_duration(text).ok(), quoted(text)),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                (None, kind(value).to_owned())
            }
        };
        duration.map(Some).ok_or_else(|| self.wrong(key, DURATION, found))
    }

    pub(super) fn size(&self, key: &str) -> Result<Option<u64>, Error> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let (size, found) = match value {
            Value::Number(number) => {
                (whole(value).and_then(|size| u64::try_from(size).ok()), number.to_string())
            }
            Value::String(text) => (units::parse_size(text).ok(), quoted(text)),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                (None, kind(value).to_owned())
            }
        };
        let size = size.filter(|size| *size <= MAX_EXACT as u64);
        size.map(Some).ok_or_else(|| self.wrong(key, SIZE, found))
    }

    pub(crate) fn missing(&self, key: &str) -> Error {
        Error::Missing { place: self.place.clone(), key: self.path(key) }
    }

    /// `value` is not even of the right kind.
    pub(crate) fn wrong_kind(&self, key: &str, wanted: impl Into<Cow<'static, str>>, value: &Value) -> Error {
        self.wrong(key, wanted, kind(value))
    }

    pub(crate) fn wrong(
        &self,
        key: &str,
        wanted: impl Into<Cow<'static, str>>,
        found: impl Into<Cow<'static, str>>,
    ) -> Error {
        Error::Wrong {
            place: self.place.clone(),
            key: self.path(key),
            wanted: wanted.into(),
            found: found.into(),
        }
    }

    pub(crate) fn rule(&self, key: &str, rule: impl Into<Cow<'static, str>>) -> Error {
        Error::Rule { place: self.place.clone(), key: self.path(key), rule: rule.into() }
    }

    pub(crate) fn warn_of_unknown(&self, known: &'static [&'static str], warnings: &mut Warnings) {
        for key in self.members.keys().filter(|key| !known.contains(&key.as_str())) {
            let nearest = if warnings.has_room() { grammar::nearest_key(key, known) } else { None };
            warnings.push(Warning::UnknownKey {
                place: self.place.clone(),
                key: self.path(key).into_owned(),
                nearest,
            });
        }
    }

    fn path(&self, key: &str) -> Cow<'static, str> {
        if self.parent.is_empty() { key.to_owned().into() } else { format!("{}.{key}", self.parent).into() }
    }
}

/// Names the kind of a value.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A whole number, also where it is written `3.0` or `1e3`.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let number = value.as_f64()?;
        (number.fract() == 0.0 && number.abs() <= MAX_EXACT as f64).then_some(number as i64)
    })
}

/// The number itself where a number was wanted and one was found, else the kind.
pub(crate) fn numbers_shown(value: &Value) -> Cow<'static, str> {
    match value {
        Value::Number(number) => number.to_string().into(),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            kind(value).into()
        }
    }
}

/// A text as a message shows it.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", shown(text))
}
