//! JSON as text. It is laid out without being read into values, so every number and key stays exactly as the manager sent it.

use std::fmt::Write as _;

use super::text::{is_risky, turns_text};

/// Lays out valid JSON with two spaces per level.
pub(crate) fn pretty(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0usize;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => copy_string(&mut characters, &mut out),
            '{' | '[' => {
                out.push(character);
                while characters.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                if let Some(end) = characters.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

/// Escapes in strings what JSON allows and a terminal would obey; the value stays the same.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        // line breaks stand between tokens only; within strings JSON has them escaped already
        if character != '\n' && (is_risky(character) || turns_text(character)) {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

fn copy_string(characters: &mut impl Iterator<Item = char>, out: &mut String) {
    out.push('"');
    while let Some(character) = characters.next() {
        out.push(character);
        match character {
            '"' => return,
            '\\' => out.extend(characters.next()),
            _ => {}
        }
    }
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("  ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_that_of_serde_json() {
        for text in [
            r#"{"a":[1,{"b":"x:,{}\"\\"}],"c":{},"d":[],"e":null}"#,
            "[]",
            "3",
            r#"{ "a" : [ ] , "b":[ 1 , 2 ] }"#,
        ] {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(pretty(text), serde_json::to_string_pretty(&value).unwrap());
        }
    }

    #[test]
    fn numbers_stay_as_they_were_written() {
        assert_eq!(
            pretty("[1.50,123456789012345678901234567890]"),
            "[\n  1.50,\n  123456789012345678901234567890\n]"
        );
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_means_the_same() {
        let text = serde_json::to_string("a\u{9b}31m\u{7f}\u{202e}ü").unwrap();

        let safe = harmless(&text);

        assert!(!safe.contains(['\u{9b}', '\u{7f}', '\u{202e}']));
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), "a\u{9b}31m\u{7f}\u{202e}ü");
    }
}
