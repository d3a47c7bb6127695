//! Paths inside archives.
//!
//! [`SafePath`] is the only form in which a name from an archive travels on: relative, normalized, UTF-8, within the
//! limits. Names are refused rather than repaired: two tools that repair differently see two different trees, and a
//! package that needs repair is either hostile or broken.

use std::fmt;
use std::path::Path;

use crate::limits::Limits;

/// Why a name or link target is not accepted. The text fits after "the name".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PathFault {
    #[error("is empty")]
    Empty,
    #[error("is absolute")]
    Absolute,
    #[error("has a `..`")]
    Parent,
    #[error("has a `.` in the middle")]
    Dot,
    #[error("has an empty component")]
    EmptyComponent,
    #[error("begins with a drive letter")]
    Drive,
    #[error("has a backslash")]
    Backslash,
    #[error("has a control character")]
    Control,
    #[error("is not UTF-8")]
    NotUtf8,
    #[error("is too long")]
    TooLong,
    #[error("has a component that is too long")]
    ComponentTooLong,
    #[error("is too deep")]
    TooDeep,
}

/// A checked path inside an archive: relative, at least one component, `/` between components, nothing special in them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafePath(String);

impl SafePath {
    /// Parses a name as an archive holds it. `None` is the root itself (`./`). Leading `./` and one trailing `/` go.
    ///
    /// # Errors
    /// The first [`PathFault`] found.
    pub fn parse(name: &[u8], limits: &Limits) -> Result<Option<Self>, PathFault> {
        let name = check_text(name, limits)?;
        if name.starts_with('/') {
            return Err(PathFault::Absolute);
        }
        if matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic()) {
            return Err(PathFault::Drive);
        }
        let mut rest = name;
        while let Some(inner) = rest.strip_prefix("./") {
            rest = inner;
        }
        if rest.is_empty() || rest == "." {
            return Ok(None);
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let mut depth = 0;
        for component in rest.split('/') {
            check_component(component, limits)?;
            depth += 1;
        }
        if depth > limits.max_depth {
            return Err(PathFault::TooDeep);
        }
        Ok(Some(Self(rest.to_owned())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path for joining to a directory. It is relative and has only normal components.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Returns the first component.
    pub fn top(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(top, _)| top)
    }

    /// Returns what follows the first component, or `None` if that is all there is.
    pub fn below_top(&self) -> Option<&str> {
        self.0.split_once('/').map(|(_, rest)| rest)
    }
}

impl fmt::Display for SafePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What every name and every link target must satisfy, whatever its shape.
pub(crate) fn check_text<'a>(text: &'a [u8], limits: &Limits) -> Result<&'a str, PathFault> {
    if text.is_empty() {
        return Err(PathFault::Empty);
    }
    if text.len() > limits.max_path_bytes {
        return Err(PathFault::TooLong);
    }
    let text = std::str::from_utf8(text).map_err(|_| PathFault::NotUtf8)?;
    if text.chars().any(char::is_control) {
        return Err(PathFault::Control);
    }
    if text.contains('\\') {
        return Err(PathFault::Backslash);
    }
    Ok(text)
}

fn check_component(component: &str, limits: &Limits) -> Result<(), PathFault> {
    match component {
        "" => Err(PathFault::EmptyComponent),
        "." => Err(PathFault::Dot),
        ".." => Err(PathFault::Parent),
        long if long.len() > limits.max_component_bytes => Err(PathFault::ComponentTooLong),
        _ => Ok(()),
    }
}

/// Makes a name from an archive fit for messages and logs: control characters escaped, at most 200 characters.
pub(crate) fn shown(name: &[u8]) -> String {
    const SHOWN_CHARS: usize = 200;
    let text = String::from_utf8_lossy(&name[..name.len().min(4 * SHOWN_CHARS)]);
    let mut shown: String = text.chars().take(SHOWN_CHARS).flat_map(escape).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() || name.len() > 4 * SHOWN_CHARS {
        shown.push('…');
    }
    shown
}

/// Control characters could drive a terminal, bidirectional marks could reorder what is read.
fn escape(letter: char) -> Vec<char> {
    let is_bidi =
        matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if letter.is_control() || is_bidi { letter.escape_default().collect() } else { vec![letter] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_names_are_normalized() {
        let table: [(&[u8], Option<&str>); 9] = [
            (b"a", Some("a")),
            (b"a/", Some("a")),
            (b"./a/b", Some("a/b")),
            (b"././a", Some("a")),
            (b"a/b...", Some("a/b...")),
            ("a/ü€".as_bytes(), Some("a/ü€")),
            (b"./", None),
            (b".", None),
            (b"a/b:c", Some("a/b:c")),
        ];
        for (name, expected) in table {
            let parsed = SafePath::parse(name, &Limits::default()).unwrap();
            assert_eq!(parsed.as_ref().map(SafePath::as_str), expected, "{}", shown(name));
        }
    }

    #[test]
    fn every_other_name_is_refused_with_its_reason() {
        let long = "x/".repeat(2048) + "x";
        let deep = "d/".repeat(100) + "x";
        let wide = "x".repeat(256);
        let table: [(&[u8], PathFault); 21] = [
            (b"", PathFault::Empty),
            (b"/etc/passwd", PathFault::Absolute),
            (b"//x", PathFault::Absolute),
            (b"..", PathFault::Parent),
            (b"../x", PathFault::Parent),
            (b"a/../../x", PathFault::Parent),
            (b"a/..", PathFault::Parent),
            (b"a/../", PathFault::Parent),
            (b"a/./b", PathFault::Dot),
            (b"a/.", PathFault::Dot),
            (b"a//b", PathFault::EmptyComponent),
            (b"a//", PathFault::EmptyComponent),
            (b".//a", PathFault::EmptyComponent),
            (b"C:\\x", PathFault::Backslash),
            (b"C:/x", PathFault::Drive),
            (b"a\\b", PathFault::Backslash),
            (b"a\0b", PathFault::Control),
            ("a\u{9b}b".as_bytes(), PathFault::Control),
            (b"a\xff", PathFault::NotUtf8),
            (long.as_bytes(), PathFault::TooLong),
            (deep.as_bytes(), PathFault::TooDeep),
        ];
        for (name, fault) in table {
            assert_eq!(SafePath::parse(name, &Limits::default()), Err(fault), "{}", shown(name));
        }
        assert_eq!(SafePath::parse(wide.as_bytes(), &Limits::default()), Err(PathFault::ComponentTooLong));
    }

    #[test]
    fn names_in_messages_cannot_drive_a_terminal() {
        assert_eq!(shown(b"a\x1b[2J\n"), "a\\u{1b}[2J\\n");
        assert_eq!(shown("\u{202e}gpj".as_bytes()), "\\u{202e}gpj");
        assert_eq!(shown(&[b'x'; 5000]).chars().count(), 201);
    }
}
