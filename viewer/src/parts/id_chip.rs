//! An id: its first characters, a click to copy the whole of it.

use std::fmt::Display;

use askama::Template;
use askama::filters::HtmlSafe;

#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "parts/id_chip.html")]
pub(crate) struct IdChip {
    id: String,
    short: String,
}

impl HtmlSafe for IdChip {}

impl IdChip {
    /// `short` is what is seen of it.
    pub(crate) fn new(id: impl Display, short: impl Into<String>) -> Self {
        Self { id: id.to_string(), short: short.into() }
    }
}
