//! Name globs (`*` and `?`) as the backends' own patterns.
//!
//! SQLite's `LIKE` ignores case and PostgreSQL's does not, so SQLite gets its `GLOB`, which does not either: the same
//! pattern finds the same names on both. Everything but `*` and `?` means itself.

use super::{Error, Result};

/// Longest pattern in bytes; no name that people give is longer.
const MAX_PATTERN_BYTES: usize = 512;

/// Most stars in a pattern: the time of matching grows with the length of the name to the power of their number.
const MAX_STARS: usize = 8;

pub(super) struct Glob {
    /// Without two stars in a row.
    pattern: String,
}

impl Glob {
    pub(super) fn parse(glob: &str) -> Result<Self> {
        if glob.len() > MAX_PATTERN_BYTES {
            return Err(Error::Invalid(format!("the name pattern is longer than {MAX_PATTERN_BYTES} bytes")));
        }
        let mut pattern = super::sql::clean(glob);
        while pattern.contains("**") {
            pattern = pattern.replace("**", "*");
        }
        if pattern.matches('*').count() > MAX_STARS {
            return Err(Error::Invalid(format!("the name pattern has more than {MAX_STARS} `*`")));
        }
        Ok(Self { pattern })
    }

    /// The condition on `column` and the pattern to bind to its one parameter.
    pub(super) fn condition(&self, postgres: bool, column: &str) -> (String, String) {
        if postgres {
            (format!("{column} LIKE ? ESCAPE '\\'"), self.like())
        } else {
            // The plus sign keeps SQLite from looking for an index of the names by itself and from preparing the statement anew for each pattern.
            // In GLOB only `[` has a further meaning.
            (format!("+{column} GLOB ?"), self.pattern.replace('[', "[[]"))
        }
    }

    /// Every match lies from the first to below the second, in the order of code points; None where it begins with a wildcard.
    pub(super) fn range(&self) -> Option<(String, String)> {
        let low = self.pattern.split(['*', '?']).next().filter(|low| !low.is_empty())?;
        let mut high = low.to_owned();
        while let Some(last) = high.pop() {
            // the range skips the surrogates, which no text has
            if let Some(next) = (last..=char::MAX).nth(1) {
                high.push(next);
                return Some((low.to_owned(), high));
            }
        }
        None
    }

    fn like(&self) -> String {
        let mut pattern = String::with_capacity(self.pattern.len() + 4);
        for c in self.pattern.chars() {
            match c {
                '*' => pattern.push('%'),
                '?' => pattern.push('_'),
                '%' | '_' | '\\' => pattern.extend(['\\', c]),
                _ => pattern.push(c),
            }
        }
        pattern
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_star_and_question_mark_are_wild() {
        for (glob, like, sqlite) in [
            ("nightly*", "nightly%", "nightly*"),
            ("a?c", "a_c", "a?c"),
            ("a**b***", "a%b%", "a*b*"),
            ("100%_\\", "100\\%\\_\\\\", "100%_\\"),
            ("[ab]", "[ab]", "[[]ab]"),
            ("", "", ""),
        ] {
            let parsed = Glob::parse(glob).unwrap();
            let patterns = [true, false].map(|postgres| parsed.condition(postgres, "name").1);
            assert_eq!(patterns, [like, sqlite], "{glob}");
        }
    }

    #[test]
    fn the_range_of_a_pattern_is_that_of_its_beginning() {
        for (glob, range) in [
            ("nightly*", Some(("nightly", "nightlz"))),
            ("exact", Some(("exact", "exacu"))),
            ("a\u{10ffff}*", Some(("a\u{10ffff}", "b"))),
            ("\u{d7ff}?", Some(("\u{d7ff}", "\u{e000}"))),
            ("\u{10ffff}*", None),
            ("*x", None),
            ("?x", None),
        ] {
            let expected = range.map(|(low, high)| (low.to_owned(), high.to_owned()));
            assert_eq!(Glob::parse(glob).unwrap().range(), expected, "{glob}");
        }
    }

    #[test]
    fn a_pattern_that_would_take_forever_is_refused() {
        for glob in ["*a".repeat(9), "a".repeat(513)] {
            assert!(matches!(Glob::parse(&glob), Err(Error::Invalid(_))), "{glob}");
        }
    }
}
