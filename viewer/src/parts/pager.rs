//! A list's pages, by cursor: the newest, and the next older one. Nobody needs page 17 of 20,000.

use askama::Template;
use askama::filters::HtmlSafe;

#[derive(Clone, Debug, Default, PartialEq, Eq, Template)]
#[template(path = "parts/pager.html")]
pub(crate) struct Pager {
    /// Where this is not the first page.
    pub(crate) newest: Option<String>,
    pub(crate) older: Option<String>,
}

impl HtmlSafe for Pager {}
