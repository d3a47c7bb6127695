//! Text from strangers, made harmless to look at.
//!
//! Escaping for HTML is the templates' business and happens everywhere. This is about what is left: control characters and the
//! invisible ones that turn text around (`U+202E`), with which a name can pretend to be another one.

/// Replaces control and direction characters by visible stand-ins. Newlines and tabs become spaces.
pub(crate) fn visible(text: &str) -> String {
    text.chars()
        .map(|c| if matches!(c, '\n' | '\t' | '\r') { ' ' } else { stand_in(c).unwrap_or(c) })
        .collect()
}

/// As [`visible`], and no longer than `most` characters.
pub(crate) fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => visible(text),
        Some((end, _)) => visible(&text[..end]) + "…",
    }
}

/// The visible character for one that is invisible or changes others; None for ordinary ones.
pub(super) fn stand_in(c: char) -> Option<char> {
    match c {
        // U+2400 and following are pictures of the ASCII control characters
        '\0'..='\x1f' => char::from_u32(0x2400 + c as u32),
        '\x7f' => Some('␡'),
        '\u{80}'..='\u{9f}' => Some('�'),
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => Some('�'),
        _ => None,
    }
}

/// `1 task`, `2 tasks`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Escapes a text for one path segment or one value of a query.
pub(crate) fn url_part(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// One word of a command line that is shown to be copied, whatever is in the text: a name must not become a command.
pub(crate) fn shell_word(text: &str) -> String {
    // a pasted newline would be run at once
    let text = visible(text);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty() && text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_an_address_stays_one_part() {
        assert_eq!(url_part("a/../b?c=d&e#f %é"), "a%2F..%2Fb%3Fc%3Dd%26e%23f%20%25%C3%A9");
    }

    #[test]
    fn a_name_in_a_command_stays_one_word() {
        for (name, word) in [
            ("load-2.b", "load-2.b"),
            ("", "''"),
            ("a b; $(x) `y`", "'a b; $(x) `y`'"),
            ("it's\nhere", "'it'\\''s here'"),
        ] {
            assert_eq!(shell_word(name), word);
        }
    }

    #[test]
    fn what_hides_or_turns_text_is_shown() {
        assert_eq!(visible("a\u{202e}b\0c\u{7f}\u{85}"), "a�b␀c␡�");
        assert_eq!(visible("two\nlines\tand é 漢"), "two lines and é 漢");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(clip("ééé", 3), "ééé");
        assert_eq!(clip("ééé", 2), "éé…");
    }
}
