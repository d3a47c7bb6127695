//! `env`: which Python environment an action runs in.
//!
//! An object says what it is built from (`recipe.rs`).
//!
//! One string for three things, as in LitePipeline. Its order is kept: what looks like an id is a venv's id; a path of
//! the app comes next; only then is it the name of an uploaded venv, which LitePipeline does not have.

use serde_json::Value;
use uuid::Uuid;

use super::compile::Options;
use super::error::Error;
use super::fields::Fields;
use super::{names, recipe};
use crate::VenvId;
use crate::plan::EnvRef;

const MAX_PATH_BYTES: usize = 1024;

pub(super) fn read(action: &Fields<'_>, options: &Options<'_>) -> Result<Option<EnvRef>, Error> {
    if let Some(value @ Value::Object(_)) = action.get("env") {
        return recipe::read(action, value, options.has_path).map(|recipe| Some(EnvRef::Built(recipe)));
    }
    let Some(written) = action.text("env")? else { return Ok(None) };
    if let Some(id) = parse_id(written) {
        return Ok(Some(EnvRef::Venv(VenvId(id))));
    }
    if let Some(fault) = fault(written) {
        return Err(action.rule("env", fault));
    }
    // ./venvs//venv/ is venvs/venv: the node joins it to other paths and must find what was checked here
    let path =
        written.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/");
    let is_path = match options.has_path {
        Some(has_path) => is_environment(&path, has_path),
        None => written.contains('/'),
    };
    if is_path {
        Ok(Some(EnvRef::Path(path)))
    } else if written.contains('/') {
        Err(Error::NoSuchEnv { place: action.place.clone(), path })
    } else {
        named(action, written).map(Some)
    }
}

/// Reads 32 hexadecimal digits with or without dashes, as LitePipeline does.
pub(super) fn parse_id(text: &str) -> Option<Uuid> {
    let digits = text.replace('-', "");
    let is_id = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { Uuid::try_parse(&digits).ok() } else { None }
}

pub(super) fn fault(text: &str) -> Option<&'static str> {
    if text.trim().is_empty() {
        Some("must not be empty")
    } else if text.starts_with('/') {
        Some("must be a path inside the app, not an absolute one")
    } else if text.split('/').any(|part| part == "..") {
        Some("must not contain `..`: it is a path inside the app")
    } else if text.contains('\\') || text.chars().any(names::is_unseen) {
        Some("must not contain backslashes, control or invisible characters")
    } else if text.len() > MAX_PATH_BYTES {
        Some("must be at most 1024 bytes long")
    } else if text.split('/').all(|part| part.is_empty() || part == ".") {
        Some("must not be the app's own directory")
    } else {
        None
    }
}

fn is_environment(path: &str, has_path: &dyn Fn(&str) -> bool) -> bool {
    ["tar.gz", "bin/activate", "bin"]
        .iter()
        .zip([".", "/", "/"])
        .any(|(end, joint)| has_path(&format!("{path}{joint}{end}")))
}

/// `name` or `name@version`.
fn named(action: &Fields<'_>, written: &str) -> Result<EnvRef, Error> {
    let (name, version) = written.rsplit_once('@').unwrap_or((written, "1"));
    if version.is_empty() {
        return Err(action.rule("env", "has no version after its `@`; write `name` or `name@version`"));
    }
    if !version.bytes().all(|byte| byte.is_ascii_digit())
        || !version.parse().is_ok_and(|number: u32| number > 0)
    {
        let rule = "has no number after its `@`; the versions of a venv are 1, 2, 3, ...: see `lp venv history list NAME`";
        return Err(action.rule("env", rule));
    }
    match names::broken_rule(name) {
        Some(rule) => Err(action.rule("env", format!("is taken for the name of a venv, which {rule}"))),
        None => Ok(EnvRef::Named(written.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_32_hexadecimal_digits_wherever_the_dashes_are() {
        for text in [
            "d7b1c7ad-6f0b-4a6e-9d0a-5f0f0b8b9a11",
            "d7b1c7ad6f0b4a6e9d0a5f0f0b8b9a11",
            "D7B1C7AD-6F0B4A6E9D0A-5F0F0B8B9A11",
        ] {
            assert_eq!(
                parse_id(text).map(|id| id.to_string()).as_deref(),
                Some("d7b1c7ad-6f0b-4a6e-9d0a-5f0f0b8b9a11")
            );
        }
        for text in
            ["", "d7b1c7ad6f0b4a6e9d0a5f0f0b8b9a1", "{d7b1c7ad-6f0b-4a6e-9d0a-5f0f0b8b9a11}", "venvs/venv"]
        {
            assert_eq!(parse_id(text), None, "{text}");
        }
    }
}
