//! The question before what cannot be taken back. It names the object and what will be lost. A page of its own; with scripts the same page
//! comes up as a dialog.

use askama::Template;
use askama::filters::HtmlSafe;

use super::{Badge, Command, Field};

#[derive(Clone, Debug, Template)]
#[template(path = "parts/confirm.html")]
pub(crate) struct Confirm {
    /// `Delete the task`, without a question mark.
    pub(crate) deed: String,
    pub(crate) badge: Option<Badge>,
    /// What it is done to.
    pub(crate) name: String,
    /// Where it is, and where one goes back to.
    pub(crate) url: String,
    /// What it belongs to; may be empty.
    pub(crate) of: String,
    /// What will happen and what will be lost.
    pub(crate) consequence: String,
    /// Where the form goes.
    pub(crate) action: String,
    pub(crate) csrf: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) is_danger: bool,
    pub(crate) command: Option<Command>,
}

impl HtmlSafe for Confirm {}

impl Confirm {
    /// About what is called `name` at `url`; the form goes to `word` below it.
    pub(crate) fn new(deed: &str, word: &str, name: String, url: String) -> Self {
        Self {
            deed: deed.to_owned(),
            badge: None,
            name,
            action: format!("{url}/{word}"),
            url,
            of: String::new(),
            consequence: String::new(),
            csrf: String::new(),
            fields: Vec::new(),
            is_danger: false,
            command: None,
        }
    }
}
