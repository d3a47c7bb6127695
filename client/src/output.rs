//! Everything a command prints: results on stdout in the format that was asked for, talk on stderr.
//!
//! Colours, symbols, short ids, relative times and widths are for terminals only; what is piped has whole ids and exact times.

pub(crate) mod json;
pub(crate) mod report;
mod rows;
pub(crate) mod style;
mod table;
pub(crate) mod terminal;
pub(crate) mod text;

use std::io::{self, IsTerminal, Write};
use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;

pub(crate) use self::rows::{Cell, Column, Row, node_cell, stage_cell};
pub(crate) use self::style::{Style, Tint};
use self::table::Table;
use crate::cli::{Format, Global};
use crate::failure::Failure;

/// Rows of a table that are held back to find the widths, 1000: one page of the manager.
const TABLE_ROWS: usize = 1000;

/// How ids, times and states are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) now: DateTime<Utc>,
    pub(crate) short_ids: bool,
    pub(crate) relative_times: bool,
    pub(crate) style: Style,
}

pub(crate) struct Output {
    pub(crate) format: Format,
    look: Look,
    /// Whether stderr takes colours and bars.
    pub(crate) talk: Style,
    pub(crate) talk_is_terminal: bool,
    pub(crate) is_terminal: bool,
    quiet: bool,
    pub(crate) verbose: bool,
    cell_width: Option<u16>,
    out: Mutex<io::BufWriter<io::Stdout>>,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let talk_is_terminal = io::stderr().is_terminal();
        let format = global.format();
        let friendly = is_terminal && format == Format::Table;
        let look = Look {
            now: Utc::now(),
            short_ids: friendly,
            relative_times: friendly,
            style: Style::new(global.color, is_terminal),
        };
        Self {
            format,
            look,
            talk: Style::new(global.color, talk_is_terminal),
            talk_is_terminal,
            is_terminal,
            quiet: global.quiet,
            verbose: global.verbose > 0,
            cell_width: global.width,
            out: Mutex::new(io::BufWriter::new(io::stdout())),
        }
    }

    /// How things are written, told from now: a command that waits prints later than it was started.
    pub(crate) fn look(&self) -> Look {
        Look { now: Utc::now(), ..self.look }
    }

    /// Whether results are for people, so that a command may show more than its bare result.
    pub(crate) fn is_for_people(&self) -> bool {
        matches!(self.format, Format::Table | Format::Wide)
    }

    /// Whether progress bars make sense.
    pub(crate) fn shows_progress(&self) -> bool {
        self.talk_is_terminal && !self.quiet
    }

    /// Prints one result.
    pub(crate) fn item<R: Row + Serialize>(&self, item: &R) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.line(&self.json_text(item, json::pretty)?),
            Format::Yaml => self.bytes(yaml(item)?.as_bytes()),
            Format::Table | Format::Wide | Format::Jsonl | Format::Name => {
                let mut list = self.list();
                list.push(item)?;
                list.finish()
            }
        }
    }

    /// Begins a list; its items are printed as they come, tables by the page.
    pub(crate) fn list<R: Row + Serialize>(&self) -> List<'_, R> {
        List { output: self, table: None, rows: 0, printed: 0, is_begun: false, kind: PhantomData }
    }

    /// Prints a result that has no table: JSON and YAML as they are, and `people` otherwise.
    pub(crate) fn document<T: Serialize>(
        &self,
        document: &T,
        people: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.line(&self.json_text(document, json::pretty)?),
            Format::Jsonl => self.line(&self.json_text(document, str::to_owned)?),
            Format::Yaml => self.bytes(yaml(document)?.as_bytes()),
            Format::Table | Format::Wide | Format::Name => self.bytes(people().as_bytes()),
        }
    }

    /// Prints a result with a report for people; its name alone where that was asked for.
    pub(crate) fn document_or_name<R: Row + Serialize>(
        &self,
        item: &R,
        people: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Name => self.line(&text::visible(&item.name())),
            Format::Table | Format::Wide | Format::Json | Format::Jsonl | Format::Yaml => {
                self.document(item, people)
            }
        }
    }

    /// Writes a line to stdout at once.
    pub(crate) fn line(&self, text: &str) -> Result<(), Failure> {
        let mut out = self.stdout();
        writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Failure::Output)
    }

    /// Writes to stdout at once.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = self.stdout();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(Failure::Output)
    }

    fn stdout(&self) -> MutexGuard<'_, io::BufWriter<io::Stdout>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something on stderr, unless it was asked for results only. Nothing depends on whether anyone reads it.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    pub(crate) fn warn(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{}: {text}", self.talk.paint(Tint::Warn, "warning"));
    }

    pub(crate) fn detail(&self, text: &str) {
        if self.verbose {
            let _ = writeln!(io::stderr(), "{}", self.talk.paint(Tint::Dim, text));
        }
    }

    /// Tells a failure and what to do next.
    pub(crate) fn failure(&self, failure: &Failure, origin: Option<&str>) {
        if failure.is_silent() || failure.is_closed_pipe() {
            return;
        }
        let mut text = format!("{}: {}", self.talk.paint(Tint::Bad, "error"), failure.sentence());
        if let Some(id) = failure.request_id().filter(|_| self.verbose || failure.is_internal()) {
            text.push_str(&format!(" (request {})", text::visible(id)));
        }
        if let Some(hint) = failure.hint(origin) {
            text.push_str(&format!("\n{}: {hint}", self.talk.paint(Tint::Busy, "hint")));
        }
        let _ = writeln!(io::stderr(), "{text}");
    }

    fn json_text<T: Serialize>(&self, value: &T, shape: fn(&str) -> String) -> Result<String, Failure> {
        let text = serde_json::to_string(value).map_err(|error| Failure::Output(error.into()))?;
        let text = shape(&text);
        Ok(if self.is_terminal { json::harmless(&text) } else { text })
    }
}

/// YAML knows nothing of raw JSON, so the value is built first.
fn yaml<T: Serialize>(value: &T) -> Result<String, Failure> {
    let value = serde_json::to_value(value).map_err(|error| Failure::Output(error.into()))?;
    serde_norway::to_string(&value).map_err(|error| Failure::Output(io::Error::other(error)))
}

/// A list on its way to stdout.
pub(crate) struct List<'a, R> {
    output: &'a Output,
    table: Option<Table>,
    rows: usize,
    printed: usize,
    is_begun: bool,
    kind: PhantomData<R>,
}

impl<R: Row + Serialize> List<'_, R> {
    pub(crate) fn push(&mut self, item: &R) -> Result<(), Failure> {
        self.printed += 1;
        match self.output.format {
            Format::Table | Format::Wide => {
                let cells = item.cells(&self.output.look());
                self.table_mut().push(cells);
                self.rows += 1;
                if self.rows == TABLE_ROWS { self.print_table() } else { Ok(()) }
            }
            Format::Json => {
                let text = self.output.json_text(item, json::pretty)?;
                let lead = if self.is_begun { ",\n  " } else { "[\n  " };
                self.is_begun = true;
                self.output.bytes(format!("{lead}{}", text.replace('\n', "\n  ")).as_bytes())
            }
            Format::Jsonl => self.output.line(&self.output.json_text(item, str::to_owned)?),
            Format::Yaml => self.output.bytes(yaml(&[item])?.as_bytes()),
            Format::Name => self.output.line(&text::visible(&item.name())),
        }
    }

    /// Prints what there is of things that were tried one by one; where all failed there is not even a header.
    pub(crate) fn finish_some(self, result: Result<(), Failure>) -> Result<(), Failure> {
        if result.is_err() && self.printed == 0 {
            return result;
        }
        self.finish().and(result)
    }

    /// Prints what was held back. An empty list is a header, or an empty array.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        match self.output.format {
            Format::Table | Format::Wide if self.rows > 0 || self.printed == 0 => {
                self.table_mut();
                self.print_table()
            }
            Format::Json if self.is_begun => self.output.bytes(b"\n]\n"),
            Format::Json | Format::Yaml if self.printed == 0 => self.output.line("[]"),
            Format::Table | Format::Wide | Format::Json | Format::Yaml | Format::Jsonl | Format::Name => {
                Ok(())
            }
        }
    }

    fn table_mut(&mut self) -> &mut Table {
        let output = self.output;
        self.table.get_or_insert_with(|| {
            let is_wide = output.format == Format::Wide;
            Table::new(R::COLUMNS, is_wide, output.cell_width, output.look().style)
        })
    }

    fn print_table(&mut self) -> Result<(), Failure> {
        self.rows = 0;
        let output = self.output;
        let fit = output.is_terminal && output.format == Format::Table;
        let text = self.table_mut().take(fit);
        output.bytes(text.as_bytes())
    }
}
