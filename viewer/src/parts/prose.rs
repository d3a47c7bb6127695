//! A sentence of the manager's on a page: what stands between backticks looks like code.

use askama::Template;
use askama::filters::HtmlSafe;

use super::clip;

#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "parts/prose.html")]
pub(crate) struct Prose {
    /// Plain and code by turns, beginning with plain.
    pieces: Vec<String>,
}

// its template escapes what it shows
impl HtmlSafe for Prose {}

impl Prose {
    /// Takes no more than `most` characters.
    pub(crate) fn new(text: &str, most: usize) -> Self {
        let text = clip(text, most);
        let mut pieces: Vec<String> = text.split('`').map(str::to_owned).collect();
        // an opening one without its end is an ordinary character
        if pieces.len().is_multiple_of(2)
            && let (Some(last), Some(before)) = (pieces.pop(), pieces.last_mut())
        {
            before.push('`');
            before.push_str(&last);
        }
        Self { pieces }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code_and_all_is_escaped() {
        for (text, html) in [
            ("a `b` c", "<bdi>a <code>b</code> c</bdi>"),
            ("`<b>`", "<bdi><code>&#60;b&#62;</code></bdi>"),
            ("a ` <i>", "<bdi>a ` &#60;i&#62;</bdi>"),
            ("`a` and `b", "<bdi><code>a</code> and `b</bdi>"),
            ("", "<bdi></bdi>"),
        ] {
            assert_eq!(Prose::new(text, 100).render().unwrap(), html, "{text}");
        }
    }
}
