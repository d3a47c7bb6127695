//! Tables: a header, one line a row, no frames, so that they can be read and cut by other programs.

use comfy_table::{
    Attribute, Cell as TableCell, Color, ColumnConstraint, ContentArrangement, ContentLineStyle,
    Row as TableRow, TableStyle, Width,
};

use super::rows::{Cell, Column};
use super::style::{Style, Tint};
use super::text::{cut, visible};

/// Terminals that say they are narrower do not know how wide they are (0, in pipes of terminals), or nothing would fit anyway.
const LEAST_WIDTH: u16 = 40;

/// Ids, times and states have at most so many characters on a terminal and are not cut there.
const SHORT: u16 = 12;

/// A table that is printed in parts; the header stands over the first one only.
pub(crate) struct Table {
    columns: &'static [Column],
    is_wide: bool,
    cell_width: Option<u16>,
    style: Style,
    rows: Vec<Vec<Cell>>,
    /// Widths of the first part, which the later ones keep where their content fits.
    widths: Option<Vec<u16>>,
}

impl Table {
    pub(crate) fn new(
        columns: &'static [Column],
        is_wide: bool,
        cell_width: Option<u16>,
        style: Style,
    ) -> Self {
        Self { columns, is_wide, cell_width, style, rows: Vec::new(), widths: None }
    }

    /// Adds a row with a cell for every column, also those that are not shown.
    pub(crate) fn push(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        let cells = cells.into_iter().zip(self.columns).filter(|(_, column)| self.is_wide || !column.is_wide);
        let cells = cells.map(|(cell, _)| {
            let safe = visible(&cell.text);
            let text = match self.cell_width {
                Some(width) => cut(&safe, usize::from(width)).into_owned(),
                None => safe.into_owned(),
            };
            Cell { text, tint: cell.tint }
        });
        self.rows.push(cells.collect());
    }

    /// The text of the rows so far, with the header the first time. `fit`: no line is wider than the terminal.
    pub(crate) fn take(&mut self, fit: bool) -> String {
        let mut table = comfy_table::Table::new();
        let terminal_width = table.width().filter(|width| fit && *width >= LEAST_WIDTH);
        table.load_style(TableStyle::new().header_lines(spaces()).content_lines(spaces()));
        if self.style.colours {
            table.enforce_styling().style_text_only();
        } else {
            table.force_no_tty();
        }
        table.set_content_arrangement(ContentArrangement::Disabled);
        if let Some(width) = terminal_width {
            // a delimiter that never occurs: values are cut at characters, not at words
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width).set_delimiter('\0');
        }
        let short_values = self.short_values();
        let is_first = self.widths.is_none();
        let titles = self.columns.iter().filter(|column| self.is_wide || !column.is_wide);
        let titles: Vec<_> = titles.map(|column| Cell::new(column.title, Tint::Strong)).collect();
        if is_first {
            table.set_header(self.row(titles));
        }
        for row in std::mem::take(&mut self.rows) {
            table.add_row(self.row(row));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 1));
        }
        match &self.widths {
            None => self.widths = Some(table.column_max_content_widths()),
            Some(widths) if terminal_width.is_none() => at_least(&mut table, widths),
            Some(_) => {}
        }
        if terminal_width.is_some() {
            at_least(&mut table, &short_values);
        }
        let mut text = table.trim_fmt();
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }

    /// For each column how wide it must be so that its values, as far as they are short, are seen whole. Titles and long values
    /// give way.
    fn short_values(&self) -> Vec<u16> {
        let shown = self.rows.first().map_or(0, Vec::len);
        let width =
            |row: &Vec<Cell>, index: usize| row.get(index).map_or(0, |cell| cell.text.chars().count());
        let widest = |index| self.rows.iter().map(|row| width(row, index)).max().unwrap_or(0);
        (0..shown).map(|index| u16::try_from(widest(index)).unwrap_or(u16::MAX).min(SHORT)).collect()
    }

    fn row(&self, cells: Vec<Cell>) -> TableRow {
        let mut row: TableRow = cells.into_iter().map(table_cell).collect::<Vec<_>>().into();
        row.max_height(1);
        row
    }
}

fn at_least(table: &mut comfy_table::Table, widths: &[u16]) {
    let constraint = |width: &u16| ColumnConstraint::LowerBoundary(Width::Fixed(width + 1));
    table.set_constraints(widths.iter().map(constraint).collect::<Vec<_>>());
}

/// One space between the columns, beside the cells' own one.
fn spaces() -> ContentLineStyle {
    ContentLineStyle::none().junction(' ')
}

fn table_cell(cell: Cell) -> TableCell {
    let shown = TableCell::new(cell.text);
    match cell.tint {
        Tint::Plain => shown,
        Tint::Strong => shown.add_attribute(Attribute::Bold),
        Tint::Dim => shown.add_attribute(Attribute::Dim),
        Tint::Good => shown.fg(Color::DarkGreen),
        Tint::Bad => shown.fg(Color::DarkRed),
        Tint::Busy => shown.fg(Color::DarkCyan),
        Tint::Warn => shown.fg(Color::DarkYellow),
    }
}
