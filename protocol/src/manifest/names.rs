//! Names of actions, and how text from a manifest is shown.
//!
//! An action's name becomes a directory on the node, a key in other actions' input and a word on people's screens: so it
//! is one plain path component, and two names that look alike are not told apart by characters nobody sees.

use std::borrow::Cow;
use std::fmt::Write;

/// Longest name in bytes. File systems take 255 for a directory name; the rest is room for endings added to it.
pub(super) const MAX_NAME_BYTES: usize = 200;

/// Names that LitePipeline gives to the event actions.
pub(crate) const RESERVED: [&str; 2] = ["success", "fail"];

/// Longest piece of a manifest quoted in a message, in characters.
const SHOWN_CHARS: usize = 80;

/// Returns the rule that a name breaks, as text that goes after "the name `x`"; None where it is fine.
pub(crate) fn broken_rule(name: &str) -> Option<Cow<'static, str>> {
    if name.is_empty() {
        return Some("must not be empty".into());
    }
    if name.len() > MAX_NAME_BYTES {
        return Some(format!("must be at most {MAX_NAME_BYTES} bytes long, it has {}", name.len()).into());
    }
    if name == "." || name == ".." {
        return Some("must not be `.` or `..`".into());
    }
    if name.contains(['/', '\\']) {
        return Some("must not contain `/` or `\\`".into());
    }
    if name.trim() != name {
        return Some("must not begin or end with white space".into());
    }
    let unseen = name.chars().find(|char| is_unseen(*char))?;
    let kind =
        if unseen.is_control() { "control characters" } else { "invisible or text-reversing characters" };
    Some(format!("must not contain {kind}, here U+{:04X}", u32::from(unseen)).into())
}

/// True for characters that do not show, or change how others show: control characters, soft hyphen, fillers, joiners,
/// direction marks and overrides, line separators, tags. Variation selectors are not among them: many emoji need them.
pub(super) fn is_unseen(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' // zero-width space and joiners, direction marks
            | '\u{2028}'..='\u{202e}' // line and paragraph separator, embeddings and overrides
            | '\u{2060}'..='\u{206f}' // word joiner, invisible operators, isolates
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Makes text from a manifest fit for a message: what is unseen is escaped (a terminal must not obey it), what is long
/// is cut.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (count, char) in text.chars().enumerate() {
        if count == SHOWN_CHARS {
            shown.push_str("...");
            break;
        }
        if is_unseen(char) {
            // writing to a String cannot fail
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(char));
        } else {
            shown.push(char);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_and_with_inner_spaces_are_fine() {
        for name in [
            "a",
            "first action",
            "прочитать",
            "読む",
            "⚙\u{fe0f} build",
            "a.b-c_d:e",
            "...",
            "-rf",
            "q'$(x)'",
            &"n".repeat(200),
        ] {
            assert_eq!(broken_rule(name), None, "{name}");
        }
    }

    #[test]
    fn what_is_shown_cannot_drive_a_terminal_and_is_short() {
        assert_eq!(shown("a\u{1b}[31m\u{202e}b\n"), "a\\u{1b}[31m\\u{202e}b\\u{a}");
        assert_eq!(shown(&"x".repeat(1000)).len(), SHOWN_CHARS + 3);
    }
}
