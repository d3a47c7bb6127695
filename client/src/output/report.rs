//! Reports for reading: lines of a name and a value, headings, tables inside.

use serde_json::value::RawValue;

use super::Output;
use super::rows::{Cell, Column};
use super::style::{Style, Tint};
use super::table::Table;
use super::text::{cut, visible};
use crate::cli::Format;

/// Input data and results are shown up to this many characters; `-r` has them whole.
const SHOWN_JSON: usize = 300;

/// Which columns of a table are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    Narrow,
    Wide,
}

/// A text that grows line by line.
pub(crate) struct Report {
    style: Style,
    /// No table is wider than the terminal.
    fit: bool,
    text: String,
}

impl Report {
    /// A report whose tables are as wide as what is in them.
    pub(crate) fn new(style: Style) -> Self {
        Self { style, fit: false, text: String::new() }
    }

    /// A report for this output: on a terminal its tables are not wider than that.
    pub(crate) fn on(output: &Output) -> Self {
        let fit = output.is_terminal && output.format == Format::Table;
        Self { style: output.look().style, fit, text: String::new() }
    }

    /// The line on top: what it is, in which state.
    pub(crate) fn head(&mut self, state: &Cell, what: &str) -> &mut Self {
        let state = self.style.paint(state.tint, &state.text);
        let what = self.style.paint(Tint::Strong, &visible(what));
        self.text.push_str(&format!("{state}  {what}\n"));
        self
    }

    /// A name and its value; values of several lines are indented.
    pub(crate) fn line(&mut self, name: &str, value: &str) -> &mut Self {
        let name = self.style.paint(Tint::Dim, &format!("{name:<12}"));
        let value: Vec<_> = value.lines().map(visible).collect();
        self.text.push_str(&format!("{name} {}\n", value.join("\n             ")));
        self
    }

    /// The same where there is a value.
    pub(crate) fn maybe(&mut self, name: &str, value: Option<String>) -> &mut Self {
        if let Some(value) = value {
            self.line(name, &value);
        }
        self
    }

    /// What things have left, under a heading; those that left nothing are passed over.
    pub(crate) fn results<'a>(
        &mut self,
        out: &Output,
        results: impl Iterator<Item = (&'a str, &'a RawValue)>,
    ) -> &mut Self {
        let results: Vec<_> = results.filter(|(_, result)| result.get() != "{}").collect();
        if !results.is_empty() {
            self.heading("results");
        }
        for (name, result) in results {
            self.line(&visible(name), &one_line(out, result));
        }
        self
    }

    pub(crate) fn table(&mut self, columns: &'static [Column], rows: Vec<Vec<Cell>>) -> &mut Self {
        self.columns(columns, rows, Extent::Narrow)
    }

    /// A table, with its wide columns or without.
    pub(crate) fn columns(
        &mut self,
        columns: &'static [Column],
        rows: Vec<Vec<Cell>>,
        extent: Extent,
    ) -> &mut Self {
        let mut table = Table::new(columns, extent == Extent::Wide, None, self.style);
        for row in rows {
            table.push(row);
        }
        self.text.push('\n');
        self.text.push_str(&table.take(self.fit));
        self
    }

    /// A line that begins with a coloured mark.
    pub(crate) fn marked(&mut self, tint: Tint, mark: &str, what: &str) -> &mut Self {
        self.text.push_str(&format!("{} {}\n", self.style.paint(tint, mark), visible(what)));
        self
    }

    pub(crate) fn heading(&mut self, text: &str) -> &mut Self {
        self.text.push_str(&format!("\n{}\n", self.style.paint(Tint::Strong, text)));
        self
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

/// JSON in one line; cut, unless everything is wanted.
pub(crate) fn one_line(out: &Output, json: &RawValue) -> String {
    let line: String = json.get().split_inclusive('\n').map(|line| line.trim()).collect();
    if out.format == Format::Wide { line } else { cut(&line, SHOWN_JSON).into_owned() }
}
