//! The manifest through its one door, [`super::parse`]: what is refused and how, what compiles and to what, and that
//! nothing makes it panic.

mod bad;
mod bad_values;
mod good;
mod random;

use super::{Error, Options, Parsed, parse};

/// The paths of a pretended app.
fn has_path(path: &str) -> bool {
    ["venvs/venv.tar.gz", "unpacked/bin/activate", "tool", "conda/bin"].contains(&path)
}

fn parse_in_app(text: &str) -> Result<Parsed, Error> {
    parse(text.as_bytes(), &Options { strict: false, has_path: Some(&has_path) })
}

/// A manifest of one action `a` with `main` and the given further members.
fn one_action(members: &str) -> String {
    format!(r#"{{"actions": [{{"name": "a", "main": "true", {members}}}]}}"#)
}

/// Why a manifest is refused.
fn message(text: &str) -> String {
    match parse_in_app(text) {
        Ok(parsed) => panic!("compiled: {text}\n{parsed:?}"),
        Err(error) => error.to_string(),
    }
}
