//! Times and durations as people read them: relative, with the exact one at hand.
//!
//! The page's script goes on counting by the attributes (`datetime`, `data-since`) in the same words; without it they stand still.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, SecondsFormat, TimeDelta, Timelike as _, Utc};

use super::visible;

/// A point in time: `3 min ago`.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "parts/moment.html")]
pub(crate) struct Moment {
    pub(crate) datetime: String,
    pub(crate) exact: String,
    pub(crate) relative: String,
}

impl HtmlSafe for Moment {}

impl Moment {
    pub(crate) fn new(at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        Self {
            datetime: clock_attribute(at),
            exact: at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
            relative: relative(at, now),
        }
    }
}

/// A span of time: `4m 12s`; of something that goes on it grows.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "parts/lasting.html")]
pub(crate) struct Lasting {
    /// Where it began, if it goes on.
    pub(crate) since: Option<String>,
    pub(crate) text: String,
}

impl HtmlSafe for Lasting {}

impl Lasting {
    /// From a start to an end or to now; None where it has not started.
    pub(crate) fn new(
        start: Option<DateTime<Utc>>,
        end: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let start = start?;
        let text = duration(end.unwrap_or(now) - start);
        let since = end.is_none().then(|| clock_attribute(start));
        Some(Self { since, text })
    }
}

/// A time of a schedule's own clock, given as RFC 3339, for people: `Mon 2026-11-23 12:40 +01:00`.
pub(crate) fn wall(text: &str) -> String {
    match DateTime::parse_from_rfc3339(text) {
        Ok(at) if at.second() == 0 => at.format("%a %Y-%m-%d %H:%M %:z").to_string(),
        Ok(at) => at.format("%a %Y-%m-%d %H:%M:%S %:z").to_string(),
        Err(_) => visible(text),
    }
}

/// A time as the script reads it.
pub(crate) fn clock_attribute(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Tells two renderings apart as a reader would who knows the time: what merely got older is the same. The text of times and of what
/// goes on is left out; the attributes they are counted from are not.
pub(crate) fn fingerprint(html: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut rest = html;
    // both are ours: in a stranger's text `<` and `"` are escaped
    while let Some(at) = ["<time ", " data-since=\""].iter().filter_map(|start| rest.find(start)).min() {
        let text = rest[at..].find('>').map_or(rest.len(), |end| at + end + 1);
        rest[..text].hash(&mut hasher);
        rest = &rest[text..];
        rest = &rest[rest.find('<').unwrap_or(rest.len())..];
    }
    rest.hash(&mut hasher);
    hasher.finish()
}

/// Writes `340 ms`, `4.2 s`, `4m 12s`, `3h 04m`, `2d 5h`. Clocks differ, so less than nothing counts as nothing.
pub(super) fn duration(delta: TimeDelta) -> String {
    let millis = delta.num_milliseconds().max(0);
    let seconds = millis / 1000;
    match seconds {
        0 => format!("{millis} ms"),
        1..=9 => format!("{seconds}.{} s", millis % 1000 / 100),
        10..=59 => format!("{seconds} s"),
        60..=3_599 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..=86_399 => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - at).num_seconds();
    let span = match seconds.abs() {
        0..=4 if seconds < 0 => return "in a moment".to_owned(),
        0..=4 => return "just now".to_owned(),
        s @ 5..=59 => format!("{s} s"),
        s @ 60..=3_599 => format!("{} min", s / 60),
        s @ 3_600..=86_399 => format!("{} h", s / 3_600),
        s @ 86_400..=2_591_999 => format!("{} d", s / 86_400),
        _ => return at.format("%Y-%m-%d").to_string(),
    };
    if seconds > 0 { format!("{span} ago") } else { format!("in {span}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_two_units_at_most() {
        for (millis, text) in [
            (-5, "0 ms"),
            (340, "340 ms"),
            (4_260, "4.2 s"),
            (59_999, "59 s"),
            (252_000, "4m 12s"),
            (3_600_000 * 3 + 240_000, "3h 04m"),
            (86_400_000 * 2 + 3_600_000 * 5, "2d 5h"),
        ] {
            assert_eq!(duration(TimeDelta::milliseconds(millis)), text);
        }
    }

    #[test]
    fn a_moment_is_relative_and_knows_the_exact_time_and_zone() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (seconds, text) in [
            (0, "just now"),
            (-12, "12 s ago"),
            (-180, "3 min ago"),
            (-7_200, "2 h ago"),
            (-86_400 * 3, "3 d ago"),
            (-86_400 * 40, "2026-12-06"),
            (3, "in a moment"),
            (90, "in 1 min"),
        ] {
            assert_eq!(Moment::new(now + TimeDelta::seconds(seconds), now).relative, text);
        }
        assert_eq!(Moment::new(now, now).exact, "2027-01-15 08:00:00 UTC");
    }

    #[test]
    fn a_clock_on_the_wall_is_read_with_its_day() {
        assert_eq!(wall("2026-11-23T12:40:00+01:00"), "Mon 2026-11-23 12:40 +01:00");
        assert_eq!(wall("2026-11-22T18:44:22+01:00"), "Sun 2026-11-22 18:44:22 +01:00");
        assert_eq!(wall("soon"), "soon");
    }

    #[test]
    fn what_merely_got_older_has_the_same_fingerprint() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let at = |start: i64, end: Option<i64>, seen: i64| {
            let seen = now + TimeDelta::seconds(seen);
            let start = now + TimeDelta::seconds(start);
            let end = end.map(|end| now + TimeDelta::seconds(end));
            let lasting = Lasting::new(Some(start), end, seen).unwrap().render().unwrap();
            let moment = Moment::new(start, seen).render().unwrap();
            fingerprint(&format!("<p>{moment} and {lasting}</p><b>x</b>"))
        };

        assert_eq!(at(-60, None, 0), at(-60, None, 7_000));
        assert_ne!(at(-60, None, 0), at(-61, None, 0));
        assert_ne!(at(-60, None, 0), at(-60, Some(0), 0));
        assert_ne!(at(-60, Some(-1), 0), at(-60, Some(0), 0));
        assert_ne!(fingerprint("<b>x</b>"), fingerprint("<b>y</b>"));
    }

    #[test]
    fn only_what_goes_on_keeps_counting() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let start = now - TimeDelta::seconds(12);

        assert_eq!(Lasting::new(None, None, now), None);
        assert!(Lasting::new(Some(start), None, now).unwrap().since.is_some());
        assert!(Lasting::new(Some(start), Some(now), now).unwrap().since.is_none());
    }
}
