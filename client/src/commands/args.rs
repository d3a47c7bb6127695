//! Arguments several commands share: an object bare or by LitePipeline's flag, durations, limits.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use lp_protocol::client::Error;
use lp_protocol::units::parse_duration;
use lp_protocol::views::{DEFAULT_PAGE, MAX_PAGE, Page};
use serde::Serialize;

use super::Session;
use crate::failure::Failure;
use crate::output::{Row, text};

/// One task.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct OneTask {
    /// Id, beginning of an id (4 characters or more), or @last
    #[arg(value_name = "TASK")]
    bare: Option<String>,
    /// The same as a flag
    #[arg(short = 't', long = "task", value_name = "TASK", hide_short_help = true)]
    flag: Option<String>,
}

impl OneTask {
    pub(crate) fn get(self) -> String {
        self.bare.or(self.flag).unwrap_or_default()
    }
}

/// One task or more.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub(crate) struct Tasks {
    /// Ids, beginnings of ids (4 characters or more), or @last
    #[arg(value_name = "TASK")]
    bare: Vec<String>,
    /// The same as a flag, also several times
    #[arg(short = 't', long = "task", value_name = "TASK", hide_short_help = true)]
    flag: Vec<String>,
}

impl Tasks {
    pub(crate) fn get(self) -> Vec<String> {
        [self.bare, self.flag].concat()
    }
}

/// One application.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct OneApp {
    /// Name, id, or beginning of an id
    #[arg(value_name = "APP")]
    bare: Option<String>,
    /// The same as a flag
    #[arg(short = 'a', long = "app", value_name = "APP", hide_short_help = true)]
    flag: Option<String>,
}

impl OneApp {
    pub(crate) fn get(self) -> String {
        self.bare.or(self.flag).unwrap_or_default()
    }
}

/// How much of a list is printed.
#[derive(Args, Debug)]
pub(crate) struct Limit {
    /// Print at most so many, the newest ones; 0 is all of them
    #[arg(short = 'l', long, value_name = "N", default_value_t = DEFAULT_PAGE as usize, conflicts_with = "all")]
    limit: usize,
    /// Print all of them
    #[arg(long)]
    all: bool,
}

impl Limit {
    /// Prints a list until there are enough. `fetch` is given a cursor and how many to ask for.
    pub(crate) async fn print<R: Row + Serialize>(
        &self,
        session: &Session,
        mut fetch: impl AsyncFnMut(Option<String>, Option<u32>) -> Result<Page<R>, Error>,
    ) -> Result<Pages, Failure> {
        let mut pages = Pages {
            wanted: if self.all || self.limit == 0 { usize::MAX } else { self.limit },
            had: 0,
            state: More::First,
        };
        let (mut rows, mut cursor) = (session.out.list(), None);
        while let Some(limit) = pages.next_size() {
            let page = fetch(cursor, Some(limit)).await?;
            for item in pages.take(&page.items) {
                rows.push(item)?;
            }
            cursor = pages.after(page.next_cursor);
        }
        rows.finish()?;
        Ok(pages)
    }
}

/// How far a list was fetched.
pub(crate) struct Pages {
    wanted: usize,
    had: usize,
    state: More,
}

#[derive(PartialEq, Eq)]
enum More {
    First,
    Yes,
    No,
}

impl Pages {
    /// How many to ask for next; None when all are there.
    fn next_size(&self) -> Option<u32> {
        let left = self.wanted - self.had;
        let page = u32::try_from(left).unwrap_or(MAX_PAGE).min(MAX_PAGE);
        (left > 0 && self.state != More::No).then_some(page)
    }

    /// Those of the page that were asked for.
    fn take<'a, T>(&mut self, items: &'a [T]) -> &'a [T] {
        let taken = &items[..items.len().min(self.wanted - self.had)];
        self.had += taken.len();
        taken
    }

    fn after(&mut self, cursor: Option<String>) -> Option<String> {
        self.state = if cursor.is_some() { More::Yes } else { More::No };
        cursor
    }

    /// Says on a terminal that there is more, or how there would be some.
    pub(crate) fn tell(&self, session: &Session, noun: &str, first: &str) {
        if !session.out.is_for_people() || !session.out.is_terminal {
            return;
        }
        match (self.had, &self.state) {
            (0, _) => session.out.note(&format!("nothing here; `{first}` makes one")),
            (had, More::Yes) => {
                session.out.note(&format!("the newest {}; -l N or --all for more", text::count(had, noun)))
            }
            (_, More::First | More::No) => {}
        }
    }
}

/// `90`, `"1h 30m"`, `100ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// An instant, or how long ago it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    At(DateTime<Utc>),
    Ago(Duration),
}

impl Since {
    pub(crate) fn time(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Since::At(time) => time,
            Since::Ago(duration) => chrono::Duration::from_std(duration)
                .ok()
                .and_then(|ago| now.checked_sub_signed(ago))
                .unwrap_or_default(),
        }
    }
}

/// `1d`, `2h 30m`, or an instant with zone as in RFC 3339.
pub(crate) fn since(text: &str) -> Result<Since, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(Since::At(time.to_utc()));
    }
    parse_duration(text).map(Since::Ago).map_err(|_| {
        format!(
            "`{text}` is neither a duration such as 1d or \"2h 30m\" nor a time such as 2026-11-22T08:00:00Z"
        )
    })
}

/// `15`, `-15` (as in LitePipeline), `TERM` or `SIGTERM`; likewise 9.
pub(crate) fn signal(text: &str) -> Result<i32, String> {
    match text.trim_start_matches('-').to_ascii_uppercase().trim_start_matches("SIG") {
        "15" | "TERM" => Ok(15),
        "9" | "KILL" => Ok(9),
        _ => Err("a task is stopped with 15 (TERM) or 9 (KILL)".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_distance_or_an_instant() {
        let now = DateTime::from_timestamp(200_000, 0).unwrap();
        for (text, seconds) in [
            ("1d", Some(113_600)),
            ("2h 30m", Some(191_000)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("100w", Some(-60_280_000)),
            ("yesterday", None),
            ("2026-11-22", None),
        ] {
            assert_eq!(since(text).ok().map(|since| since.time(now).timestamp()), seconds, "{text}");
        }
    }

    #[test]
    fn signals_are_fifteen_or_nine_by_any_name() {
        for (text, number) in [
            ("-9", Some(9)),
            ("9", Some(9)),
            ("-15", Some(15)),
            ("sigterm", Some(15)),
            ("KILL", Some(9)),
            ("1", None),
        ] {
            assert_eq!(signal(text).ok(), number, "{text}");
        }
    }
}
