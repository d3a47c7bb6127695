//! A field for a file: chosen or dropped on it. Without scripts it is an ordinary form; with them it shows how far it is.

use askama::Template;
use askama::filters::HtmlSafe;

#[derive(Clone, Debug, Template)]
#[template(path = "parts/upload.html")]
pub(crate) struct UploadField {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// What the dialog offers: `.tar.gz,.zip`.
    pub(crate) accept: &'static str,
    pub(crate) help: &'static str,
    pub(crate) error: Option<String>,
}

impl HtmlSafe for UploadField {}
