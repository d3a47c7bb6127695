//! What stands where there is nothing yet: the next command to type.

use askama::Template;
use askama::filters::HtmlSafe;

#[derive(Clone, Debug, Template)]
#[template(path = "parts/empty.html")]
pub(crate) struct Empty {
    pub(crate) text: &'static str,
    pub(crate) commands: &'static [&'static str],
}

impl HtmlSafe for Empty {}
