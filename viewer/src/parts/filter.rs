//! The filter above a list: a form whose fields are the list's address, and what is on as chips to take off again.

use askama::Template;
use askama::filters::HtmlSafe;

use super::Field;

#[derive(Clone, Debug, Template)]
#[template(path = "parts/filter.html")]
pub(crate) struct FilterBar {
    action: &'static str,
    fields: Vec<Field>,
    chips: Vec<Chip>,
    /// What the form keeps without a field for it.
    kept: Vec<(&'static str, String)>,
}

impl HtmlSafe for FilterBar {}

#[derive(Clone, Debug)]
struct Chip {
    text: String,
    /// The list without it.
    url: String,
}

impl FilterBar {
    pub(crate) fn new(action: &'static str, fields: Vec<Field>) -> Self {
        Self { action, fields, chips: Vec::new(), kept: Vec::new() }
    }

    /// One thing the list is narrowed by, and the address without it.
    pub(crate) fn chip(mut self, text: impl Into<String>, url: impl Into<String>) -> Self {
        self.chips.push(Chip { text: text.into(), url: url.into() });
        self
    }

    pub(crate) fn keep(mut self, kept: Vec<(&'static str, String)>) -> Self {
        self.kept = kept;
        self
    }
}
