//! Views of one thing, as links: each has an address of its own, and the back button works.

use askama::Template;
use askama::filters::HtmlSafe;

#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "parts/tabs.html")]
pub(crate) struct Tabs {
    /// What they are views of, for whoever cannot see.
    label: &'static str,
    tabs: Vec<Tab>,
}

impl HtmlSafe for Tabs {}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Tab {
    name: &'static str,
    url: String,
    is_open: bool,
    count: Option<usize>,
}

impl Tabs {
    pub(crate) fn new(label: &'static str) -> Self {
        Self { label, tabs: Vec::new() }
    }

    pub(crate) fn tab(mut self, name: &'static str, url: impl Into<String>, is_open: bool) -> Self {
        self.tabs.push(Tab { name, url: url.into(), is_open, count: None });
        self
    }

    /// Gives the last one a number.
    pub(crate) fn count(mut self, count: usize) -> Self {
        if let Some(tab) = self.tabs.last_mut() {
            tab.count = Some(count);
        }
        self
    }
}
