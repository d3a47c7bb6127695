//! What of a part has come out differently, so that of a table of hundreds only the rows that moved are sent.
//!
//! A row is a line of the rendered part that begins with `<tr id="`, `<g id="` or `<li id="`: the templates write each on one line, and no text of
//! a stranger has a line end in it. Where other rows stand there than before, or anything around them has changed, the whole part is sent.

use std::collections::HashMap;

use crate::parts::fingerprint;

const STARTS: [&str; 3] = ["<tr id=\"", "<g id=\"", "<li id=\""];

/// If more than this share of the rows moved, the whole is as cheap.
const MOST_OF: usize = 2;

/// A part as the browser has it.
pub(super) struct Sent {
    /// Everything but the insides of rows.
    around: u64,
    rows: HashMap<String, u64>,
}

pub(super) enum Change<'a> {
    Nothing,
    /// Ids and what they are now.
    Rows(Vec<(&'a str, &'a str)>),
    All,
}

impl Sent {
    pub(super) fn new(html: &str) -> Self {
        let mut around = String::new();
        let mut rows = HashMap::new();
        for line in html.lines() {
            match row(line) {
                Some(id) => {
                    around.push_str(id);
                    rows.insert(id.to_owned(), fingerprint(line));
                }
                None => around.push_str(line),
            }
            around.push('\n');
        }
        Self { around: fingerprint(&around), rows }
    }

    pub(super) fn change<'a>(&self, now: &Self, html: &'a str) -> Change<'a> {
        if self.around != now.around || self.rows.len() != now.rows.len() {
            return Change::All;
        }
        let lines = html.lines().filter_map(|line| Some((row(line)?, line)));
        let moved: Vec<(&str, &str)> =
            lines.filter(|(id, _)| self.rows.get(*id) != now.rows.get(*id)).collect();
        match moved.len() {
            0 => Change::Nothing,
            some if some > 8 && some * MOST_OF > self.rows.len() => Change::All,
            _ => Change::Rows(moved),
        }
    }
}

fn row(line: &str) -> Option<&str> {
    let rest = STARTS.iter().find_map(|start| line.strip_prefix(start))?;
    // the row is whole where it also ends on this line
    let is_whole = ["</tr>", "</g>", "</li>"].iter().any(|end| line.trim_end().ends_with(end));
    rest.split_once('"').map(|(id, _)| id).filter(|_| is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, &str)]) -> String {
        let rows: String =
            rows.iter().map(|(id, text)| format!("<tr id=\"{id}\"><td>{text}</td></tr>\n")).collect();
        format!("<table>\n{rows}</table>")
    }

    fn words(before: &str, now: &str) -> String {
        match Sent::new(before).change(&Sent::new(now), now) {
            Change::Nothing => "nothing".to_owned(),
            Change::Rows(rows) => rows.iter().map(|(id, _)| *id).collect::<Vec<_>>().join(","),
            Change::All => "all".to_owned(),
        }
    }

    #[test]
    fn only_rows_that_moved_are_told() {
        let before = table(&[("a", "1"), ("b", "1"), ("c", "1")]);

        assert_eq!(words(&before, &before), "nothing");
        assert_eq!(words(&before, &table(&[("a", "1"), ("b", "2"), ("c", "1")])), "b");
        assert_eq!(words(&before, &table(&[("a", "1"), ("c", "1"), ("b", "1")])), "all");
        assert_eq!(words(&before, &table(&[("a", "1"), ("b", "1")])), "all");
        assert_eq!(words(&before, &format!("{before}<p>more</p>")), "all");
    }

    #[test]
    fn a_row_over_several_lines_is_no_row() {
        let part = |text: &str| format!("<li id=\"a\">\n{text}\n</li>");

        assert_eq!(words(&part("1"), &part("2")), "all");
    }

    #[test]
    fn if_most_rows_moved_the_whole_is_sent() {
        let of = |text: &str| {
            let ids: Vec<String> = (0..20).map(|n| n.to_string()).collect();
            table(&ids.iter().map(|id| (id.as_str(), text)).collect::<Vec<_>>())
        };

        assert_eq!(words(&of("1"), &of("2")), "all");
    }
}
