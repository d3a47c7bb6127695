//! As a command: the `lp` line for what a page shows or a form would do, to be copied.

use askama::Template;
use askama::filters::HtmlSafe;

#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "parts/command.html")]
pub(crate) struct Command {
    /// Words of strangers in it must have gone through `shell_word`.
    pub(crate) line: String,
}

impl HtmlSafe for Command {}

impl Command {
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self { line: line.into() }
    }
}
