//! The place where a conda package was built, replaced by the place where it lies.
//!
//! In text the old place is replaced. In machine code it is replaced within its C string and the rest is filled with NULs, so the new place must
//! not be longer; the places that conda builds with have 255 characters for that reason.

use std::path::Path;

/// What a file is to whoever replaces a place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Text,
    Binary,
}

impl Content {
    /// As conda's own files say it.
    pub(super) fn of(mode: &str) -> Option<Self> {
        match mode {
            "text" => Some(Self::Text),
            "binary" => Some(Self::Binary),
            _ => None,
        }
    }
}

/// The new place is longer than the room there is for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoRoom {
    pub(super) room: usize,
    pub(super) needed: usize,
}

/// The content with `place` wherever it had `placeholder`.
pub(super) fn replace(
    old: &[u8],
    placeholder: &str,
    place: &Path,
    content: Content,
) -> Result<Vec<u8>, NoRoom> {
    let (placeholder, place) = (placeholder.as_bytes(), place.as_os_str().as_encoded_bytes());
    match content {
        Content::Text => Ok(replace_text(old, placeholder, place)),
        Content::Binary => replace_binary(old, placeholder, place),
    }
}

fn replace_text(old: &[u8], placeholder: &[u8], place: &[u8]) -> Vec<u8> {
    let mut new = Vec::with_capacity(old.len());
    let mut rest = old;
    while let Some(at) = find(rest, placeholder) {
        new.extend_from_slice(&rest[..at]);
        new.extend_from_slice(place);
        rest = &rest[at + placeholder.len()..];
    }
    new.extend_from_slice(rest);
    new
}

fn replace_binary(old: &[u8], placeholder: &[u8], place: &[u8]) -> Result<Vec<u8>, NoRoom> {
    let mut new = Vec::with_capacity(old.len());
    let mut rest = old;
    while let Some(at) = find(rest, placeholder) {
        new.extend_from_slice(&rest[..at]);
        let string = &rest[at..];
        let Some(end) = string.iter().position(|byte| *byte == 0) else {
            // not a C string
            rest = string;
            break;
        };
        if place.len() > placeholder.len() {
            return Err(NoRoom { room: placeholder.len(), needed: place.len() });
        }
        new.extend(replace_text(&string[..end], placeholder, place));
        new.resize(old.len() - string.len() + end, 0);
        rest = &string[end..];
    }
    new.extend_from_slice(rest);
    Ok(new)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut begin = 0;
    while let Some(at) = text[begin..].iter().position(|byte| *byte == first) {
        if text[begin + at..].starts_with(wanted) {
            return Some(begin + at);
        }
        begin += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_may_grow_and_machine_code_keeps_its_length() {
        for (old, placeholder, place, content, new) in [
            (&b"a /old b /old"[..], "/old", "/longer", Content::Text, Ok(&b"a /longer b /longer"[..])),
            (b"x\0/old/lib:/old\0y", "/old", "/n", Content::Binary, Ok(b"x\0/n/lib:/n\0\0\0\0\0y")),
            (b"x\0/old", "/old", "/n", Content::Binary, Ok(b"x\0/old")),
            (b"/old\0", "/old", "/longer", Content::Binary, Err(NoRoom { room: 4, needed: 7 })),
            (b"nothing\0", "/old", "/longer", Content::Binary, Ok(b"nothing\0")),
            (b"", "/old", "/n", Content::Text, Ok(b"")),
        ] {
            let made = replace(old, placeholder, Path::new(place), content);
            assert_eq!(made.as_deref().map_err(|error| *error), new, "{}", old.escape_ascii());
        }
    }
}
