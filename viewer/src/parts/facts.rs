//! A list of names and values.

use askama::Template;
use askama::filters::HtmlSafe;

use super::{Badge, IdChip, Lasting, Moment, Prose};

#[derive(Clone, Debug, Default, Template)]
#[template(path = "parts/facts.html")]
pub(crate) struct Facts {
    rows: Vec<(&'static str, Value)>,
}

impl HtmlSafe for Facts {}

/// What can stand in one.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Code(String),
    Link { text: String, url: String },
    Badge(Badge),
    Id(IdChip),
    Moment(Moment),
    Lasting(Lasting),
    Prose(Prose),
}

impl Facts {
    pub(crate) fn row(mut self, name: &'static str, value: Value) -> Self {
        self.rows.push((name, value));
        self
    }

    /// Adds a row where there is something to say.
    pub(crate) fn maybe(self, name: &'static str, value: Option<Value>) -> Self {
        match value {
            Some(value) => self.row(name, value),
            None => self,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
