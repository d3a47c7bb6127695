//! From the text of a variable or flag to the value the same key has in a file.

use serde_norway::{Mapping, Value};

/// How the text of a key is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers as such, all else as it stands: `8000`, `1h 30m`, `10GiB`.
    Scalar,
    /// As it stands: a name or a token of digits is a text all the same.
    Text,
    /// As YAML: `true`, `3`.
    Yaml,
    /// Texts with commas between: `a,b`.
    List,
    /// `key=value` with commas between, or a YAML mapping; laid over lower layers entry by entry. Values are scalars.
    Map,
    /// As [`Kind::Map`], and every value is a text.
    TextMap,
}

pub(crate) fn parse(kind: Kind, text: &str) -> Result<Value, String> {
    match kind {
        Kind::Scalar => Ok(scalar(text)),
        Kind::Text => Ok(Value::from(text)),
        Kind::Yaml => serde_norway::from_str(text).map_err(|error| error.to_string()),
        Kind::List => {
            Ok(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(Value::from).collect())
        }
        Kind::Map | Kind::TextMap => map(text).map(|value| of_file(kind, value)),
    }
}

/// A value of a file, as its kind wants it: a name like `7` is a number to YAML and a name to us.
pub(crate) fn of_file(kind: Kind, value: Value) -> Value {
    match (kind, value) {
        (Kind::Text, value) => as_text(value),
        (Kind::TextMap, Value::Mapping(entries)) => {
            Value::Mapping(entries.into_iter().map(|(key, value)| (as_text(key), as_text(value))).collect())
        }
        (_, value) => value,
    }
}

fn as_text(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::String(number.to_string()),
        Value::Bool(word) => Value::String(word.to_string()),
        other => other,
    }
}

fn scalar(text: &str) -> Value {
    match serde_norway::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Null)) => value,
        _ => Value::from(text),
    }
}

fn map(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with('{') {
        return serde_norway::from_str(text).map_err(|error| error.to_string());
    }
    let mut entries = Mapping::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').ok_or_else(|| format!("`{part}` is not KEY=VALUE"))?;
        entries.insert(Value::from(key.trim()), scalar(value.trim()));
    }
    Ok(Value::Mapping(entries))
}
