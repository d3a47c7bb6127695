//! From a file's bytes to a value: JSON as manifests are written, or YAML.
//!
//! YAML is read only as far as it says what JSON can say: no tags, no keys but strings, no key twice. Aliases are resolved by the parser,
//! which bounds what they may grow to.

use serde_json::{Map, Number, Value};
use serde_norway::Value as Yaml;

use super::{Error, MAX_BYTES};
use crate::manifest::json;

/// Reads a definition's text. It is JSON if it begins like an object, a list or a comment of JSON, else YAML.
///
/// # Errors
/// `TooLarge`, `Value` (with line and column), `Yaml` (likewise) or `NotJson`.
pub fn read(bytes: &[u8]) -> Result<Value, Error> {
    if bytes.len() > MAX_BYTES {
        return Err(Error::TooLarge { bytes: bytes.len() });
    }
    let begin = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let is_json =
        begin.is_empty() || begin.starts_with(b"{") || begin.starts_with(b"[") || begin.starts_with(b"/");
    if is_json {
        return Ok(json::parse(bytes)?);
    }
    let yaml: Yaml =
        serde_norway::from_slice(bytes).map_err(|error| Error::Yaml { what: error.to_string() })?;
    to_json(yaml, 1)
}

fn to_json(yaml: Yaml, depth: usize) -> Result<Value, Error> {
    if depth > json::MAX_DEPTH {
        let what = format!("lists and objects are nested deeper than {} levels", json::MAX_DEPTH);
        return Err(Error::Yaml { what });
    }
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => Value::Bool(flag),
        Yaml::String(text) => Value::String(text),
        Yaml::Number(number) => Value::Number(to_number(&number)?),
        Yaml::Sequence(items) => {
            let mut list = Vec::with_capacity(items.len());
            for item in items {
                list.push(to_json(item, depth + 1)?);
            }
            Value::Array(list)
        }
        Yaml::Mapping(members) => {
            let mut object = Map::new();
            for (key, value) in members {
                let Yaml::String(key) = key else {
                    let what = format!("the key `{}` is not a string", shown(&key));
                    return Err(Error::NotJson { what });
                };
                object.insert(key, to_json(value, depth + 1)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            return Err(Error::NotJson { what: format!("a value has the tag `{}`", tagged.tag) });
        }
    })
}

fn to_number(number: &serde_norway::Number) -> Result<Number, Error> {
    let whole = number.as_u64().map(Number::from).or_else(|| number.as_i64().map(Number::from));
    whole
        .or_else(|| number.as_f64().and_then(Number::from_f64))
        .ok_or_else(|| Error::NotJson { what: format!("a value is `{number}`") })
}

fn shown(key: &Yaml) -> String {
    let text = serde_norway::to_string(key).unwrap_or_default();
    crate::manifest::names::shown(text.trim())
}
