//! Name globs (`*` and `?`) as the backends' own patterns.
//!
//! SQLite's `LIKE` ignores case and PostgreSQL's does not, so SQLite gets its `GLOB`, which does not either: the same
//! pattern finds the same names on both. Everything but `*` and `?` means itself.

use super::{Error, Result};

/// Longest pattern in bytes. Matching takes time proportional to text times wildcards; no name is longer than this.
const MAX_PATTERN_BYTES: usize = 512;

/// The condition on `column` and the pattern to bind to its one parameter.
pub(super) fn condition(postgres: bool, column: &str, glob: &str) -> Result<(String, String)> {
    if glob.len() > MAX_PATTERN_BYTES {
        return Err(Error::Invalid(format!("the name pattern is longer than {MAX_PATTERN_BYTES} bytes")));
    }
    let glob = super::sql::clean(glob);
    if postgres {
        Ok((format!("{column} LIKE ? ESCAPE '\\'"), like_pattern(&glob)))
    } else {
        Ok((format!("{column} GLOB ?"), glob_pattern(&glob)))
    }
}

fn like_pattern(glob: &str) -> String {
    let mut pattern = String::with_capacity(glob.len() + 4);
    for c in glob.chars() {
        match c {
            '*' => pattern.push('%'),
            '?' => pattern.push('_'),
            '%' | '_' | '\\' => pattern.extend(['\\', c]),
            _ => pattern.push(c),
        }
    }
    pattern
}

fn glob_pattern(glob: &str) -> String {
    // in GLOB only `[` has a further meaning
    glob.replace('[', "[[]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_star_and_question_mark_are_wild() {
        for (glob, like, sqlite) in [
            ("nightly*", "nightly%", "nightly*"),
            ("a?c", "a_c", "a?c"),
            ("100%_\\", "100\\%\\_\\\\", "100%_\\"),
            ("[ab]", "[ab]", "[[]ab]"),
            ("", "", ""),
        ] {
            assert_eq!(
                (like_pattern(glob), glob_pattern(glob)),
                (like.to_owned(), sqlite.to_owned()),
                "{glob}"
            );
        }
    }

    #[test]
    fn a_pattern_without_end_is_refused() {
        assert!(matches!(condition(false, "name", &"*a".repeat(1000)), Err(Error::Invalid(_))));
    }
}
