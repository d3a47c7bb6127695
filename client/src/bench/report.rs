//! All figures of one run, as JSON and as a table.

use serde::Serialize;

use super::figure::Figure;
use crate::output::report::Report as Page;
use crate::output::{Cell, Column, Look, Tint};

#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Grows when a field changes its meaning.
    pub(super) format: u32,
    pub(super) version: &'static str,
    /// `release`, or `debug`, whose figures say little.
    pub(super) profile: &'static str,
    pub(super) is_quick: bool,
    pub(super) rounds: usize,
    pub(super) machine: Machine,
    pub(super) duration_seconds: f64,
    pub(super) figures: Vec<Figure>,
}

#[derive(Debug, Serialize)]
pub(super) struct Machine {
    pub(super) cpus: usize,
    pub(super) kernel: String,
    pub(super) memory_bytes: u64,
    /// Load average of the minute before.
    pub(super) load: f64,
    /// Where the cluster's data was; what a sync costs depends on it.
    pub(super) directory: String,
    pub(super) is_tmpfs: bool,
}

const COLUMNS: &[Column] = &[
    Column { title: "", is_wide: false },
    Column { title: "what", is_wide: false },
    Column { title: "lp", is_wide: false },
    Column { title: "limit", is_wide: false },
    Column { title: "ratio", is_wide: false },
    Column { title: "target", is_wide: false },
    Column { title: "", is_wide: false },
];

impl Report {
    pub(super) fn text(&self, look: &Look) -> String {
        let Machine { cpus, kernel, memory_bytes, load, directory, is_tmpfs } = &self.machine;
        let memory = crate::output::text::size(*memory_bytes);
        let disk = if *is_tmpfs { " (memory, no disk: syncs cost nothing here)" } else { "" };
        let mut page = Page::new(look.style);
        page.line("lp", &format!("{} ({} build)", self.version, self.profile))
            .line(
                "machine",
                &format!("{cpus} processors, {memory}, Linux {kernel}, load {load:.1} at the start"),
            )
            .line("data in", &format!("{directory}{disk}"))
            .line(
                "rounds",
                &format!(
                    "{}{}",
                    self.rounds,
                    if self.is_quick { ", quick: only to see that it works" } else { "" }
                ),
            )
            .table(COLUMNS, self.figures.iter().map(row).collect());
        page.into_text()
    }
}

fn row(figure: &Figure) -> Vec<Cell> {
    let plain = |text: Option<String>| match text {
        Some(text) => Cell::new(text, Tint::Plain),
        None => Cell::new("-", Tint::Dim),
    };
    let verdict = match figure.is_met {
        Some(true) => Cell::new("met", Tint::Good),
        Some(false) => Cell::new("missed", Tint::Bad),
        None => Cell::new("", Tint::Plain),
    };
    vec![
        Cell::new(figure.workload, Tint::Dim),
        Cell::new(&figure.name, Tint::Plain),
        Cell::new(figure.unit.text(figure.value), Tint::Strong),
        plain(figure.limit.map(|limit| figure.unit.text(limit))),
        plain(figure.ratio.map(|ratio| format!("{ratio:.2}"))),
        plain(figure.target_text()),
        verdict,
    ]
}
