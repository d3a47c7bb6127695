//! The name of an image: `[registry/]path[:tag][@digest]`, by the rules of the engines' own reference grammar.
//!
//! The registry is what stands before the first slash where it has a dot or a colon or is `localhost`; `team/image` has none.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest name without tag and digest, as engines have it.
const MAX_NAME_BYTES: usize = 255;
const MAX_TAG_BYTES: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// `registry.example:5000`; None: the engine's default registry.
    pub registry: Option<String>,
    pub path: String,
    pub tag: Option<String>,
    /// `sha256:...`.
    pub digest: Option<String>,
}

/// What is wrong with it; reads after the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("must not be empty")]
    Empty,
    #[error("must have at most {MAX_NAME_BYTES} characters before its tag")]
    TooLong,
    #[error("must be written in lower case before its tag: `{0}`")]
    UpperCase(String),
    #[error("has `{0}` for a registry, which is not a host with or without a port")]
    Registry(String),
    #[error(
        "has the part `{0}`, which is not letters and digits with single `.`, `_`, `__` or dashes between them"
    )]
    Path(String),
    #[error(
        "has the tag `{0}`, which is not a letter, digit or `_`, then letters, digits and any of `._-`, at most {MAX_TAG_BYTES} in all"
    )]
    Tag(String),
    #[error("has the digest `{0}`, which is not `sha256:` and 64 hexadecimal digits")]
    Digest(String),
}

impl Reference {
    /// Reads a reference as it is written.
    ///
    /// # Errors
    /// The first part that breaks a rule.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (text, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(parse_digest(digest)?)),
            None => (text, None),
        };
        // a colon before a slash is a port
        let (name, tag) = match text.rsplit_once(':') {
            Some((rest, tag)) if !tag.contains('/') => (rest, Some(parse_tag(tag)?)),
            Some(_) | None => (text, None),
        };
        if name.is_empty() {
            return Err(Error::Empty);
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(Error::TooLong);
        }
        let (registry, path) = match name.split_once('/') {
            Some((first, rest)) if is_registry(first) => (Some(parse_registry(first)?), rest),
            Some(_) | None => (None, name),
        };
        for part in path.split('/') {
            check_part(part)?;
        }
        Ok(Self { registry, path: path.to_owned(), tag, digest })
    }

    /// This image in `registry` where its own name has none.
    pub fn in_registry(mut self, registry: Option<&str>) -> Self {
        let registry =
            registry.map(|registry| registry.trim_end_matches('/')).filter(|text| !text.is_empty());
        if let (None, Some(registry)) = (&self.registry, registry) {
            // `docker_registry` may go on with a path: registry.example/team
            let (host, prefix) = registry.split_once('/').unwrap_or((registry, ""));
            self.registry = Some(host.to_owned());
            if !prefix.is_empty() {
                self.path = format!("{prefix}/{}", self.path);
            }
        }
        self
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(registry) = &self.registry {
            write!(f, "{registry}/")?;
        }
        f.write_str(&self.path)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

/// True for a registry as a configuration names it: a host, a port, perhaps a path.
pub fn is_registry_setting(text: &str) -> bool {
    let (host, path) = text.trim_end_matches('/').split_once('/').unwrap_or((text.trim_end_matches('/'), ""));
    parse_registry(host).is_ok() && (path.is_empty() || path.split('/').all(|part| check_part(part).is_ok()))
}

fn is_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

fn parse_registry(text: &str) -> Result<String, Error> {
    let wrong = || Error::Registry(text.to_owned());
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (text, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err(wrong());
    }
    let is_label = |label: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty() && label.chars().all(plain) && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_v6 = || {
        host.strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok())
    };
    if host.split('.').all(is_label) || is_v6() { Ok(text.to_owned()) } else { Err(wrong()) }
}

fn check_part(part: &str) -> Result<(), Error> {
    if part.chars().any(|c| c.is_ascii_uppercase()) {
        return Err(Error::UpperCase(part.to_owned()));
    }
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let words_stand = part.starts_with(is_word) && part.ends_with(is_word);
    let separators: Vec<&str> = part.split(is_word).filter(|text| !text.is_empty()).collect();
    let is_separator = |text: &str| [".", "_", "__"].contains(&text) || text.bytes().all(|byte| byte == b'-');
    if words_stand && separators.into_iter().all(is_separator) {
        return Ok(());
    }
    Err(Error::Path(part.to_owned()))
}

pub(super) fn parse_tag(text: &str) -> Result<String, Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if begins && text.len() <= MAX_TAG_BYTES && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Err(Error::Tag(text.to_owned()))
}

fn parse_digest(text: &str) -> Result<String, Error> {
    let hex = text.strip_prefix("sha256:");
    let is_hex = |hex: &str| hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if hex.is_some_and(is_hex) { Ok(text.to_owned()) } else { Err(Error::Digest(text.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn references_are_taken_apart_and_put_together_again() {
        for (text, registry, path, tag) in [
            ("busybox", None, "busybox", None),
            ("busybox:1.36", None, "busybox", Some("1.36")),
            ("team/image:a_B-1.0", None, "team/image", Some("a_B-1.0")),
            ("localhost/image", Some("localhost"), "image", None),
            ("localhost:5000/a/b:1", Some("localhost:5000"), "a/b", Some("1")),
            ("registry.example/a__b--c.d", Some("registry.example"), "a__b--c.d", None),
            ("[::1]:5000/a", Some("[::1]:5000"), "a", None),
            ("10.0.0.1:5000/a", Some("10.0.0.1:5000"), "a", None),
        ] {
            for (text, digest) in [(text.to_owned(), None), (format!("{text}@{DIGEST}"), Some(DIGEST))] {
                let found = Reference::parse(&text).unwrap();
                assert_eq!(found.to_string(), text);
                assert_eq!((found.registry.as_deref(), found.path.as_str()), (registry, path));
                assert_eq!((found.tag.as_deref(), found.digest.as_deref()), (tag, digest));
            }
        }
    }

    #[test]
    fn what_no_engine_would_take_is_refused_by_the_part() {
        for (text, expected) in [
            ("", "empty"),
            (":1", "empty"),
            ("-v", "the part `-v`"),
            ("a//b", "the part ``"),
            ("a b", "the part `a b`"),
            ("a..b", "the part `a..b`"),
            ("a/../b", "the part `..`"),
            ("Team/image", "lower case"),
            ("img:", "the tag ``"),
            ("img:a b", "the tag `a b`"),
            ("img@sha256:12", "the digest `sha256:12`"),
            ("img@md5:12", "the digest"),
            ("registry.example:port/img", "for a registry"),
            ("-registry.example/img", "for a registry"),
        ] {
            let error = Reference::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert_eq!(Reference::parse(&"a".repeat(256)), Err(Error::TooLong));
    }

    #[test]
    fn a_configured_registry_stands_before_names_that_have_none() {
        for (text, registry, whole) in [
            ("img:1", None, "img:1"),
            ("img:1", Some(""), "img:1"),
            ("img:1", Some("hub.example:5000"), "hub.example:5000/img:1"),
            ("team/img:1", Some("hub.example/all/"), "hub.example/all/team/img:1"),
            ("localhost:5000/img:1", Some("hub.example"), "localhost:5000/img:1"),
        ] {
            assert_eq!(Reference::parse(text).unwrap().in_registry(registry).to_string(), whole);
        }
        for (text, is_one) in [
            ("hub.example:5000", true),
            ("hub.example/team", true),
            ("hub", true),
            ("http://hub", false),
            ("", false),
        ] {
            assert_eq!(is_registry_setting(text), is_one, "{text}");
        }
    }
}
