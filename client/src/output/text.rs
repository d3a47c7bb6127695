//! Times, sizes and names as words.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// Makes control characters and those that turn the direction of text visible: names come from anyone, and a terminal obeys
/// what it is sent.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_risky) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match is_risky(character) {
            true => safe.extend(character.escape_default()),
            false => safe.push(character),
        }
    }
    Cow::Owned(safe)
}

/// The same for a text of several lines, whose line breaks are ours.
pub(crate) fn visible_lines(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| match line.strip_suffix('\n') {
            Some(line) => format!("{}\n", visible(line)),
            None => visible(line).into_owned(),
        })
        .collect()
}

/// True for what does something to a terminal instead of standing in it.
pub(crate) fn is_risky(character: char) -> bool {
    character.is_control() || turns_text(character)
}

/// Direction marks, embeddings, overrides and isolates: they make text read otherwise than it is.
pub(crate) fn turns_text(character: char) -> bool {
    matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `1.5 MiB`; whole numbers below one KiB.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `850ms`, `12.3s`, `4m 12s`, `3h 5m`, `2d 4h`.
pub(crate) fn duration(duration: Duration) -> String {
    let (millis, seconds) = (duration.as_millis(), duration.as_secs());
    match seconds {
        0 => format!("{millis}ms"),
        1..60 => format!("{seconds}.{}s", (millis % 1000) / 100),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// The same for what the manager tells in seconds.
pub(crate) fn seconds(seconds: f64) -> String {
    duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// The time between two instants, `0ms` where the clocks disagree about their order.
pub(crate) fn between(from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
    (to - from).to_std().unwrap_or_default()
}

/// `3m ago`, `in 5s`, `now`.
pub(crate) fn ago(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let coarse = |distance: Duration| match distance.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..172_800 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    };
    if time > now {
        format!("in {}", coarse(between(now, time)))
    } else if between(time, now) < Duration::from_secs(1) {
        "now".to_owned()
    } else {
        format!("{} ago", coarse(between(time, now)))
    }
}

/// RFC 3339 with milliseconds, in UTC.
pub(crate) fn exact(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// At most so many characters, the last one `…` where something was cut.
pub(crate) fn cut(text: &str, width: usize) -> Cow<'_, str> {
    match text.char_indices().nth(width) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let kept: String = text.chars().take(width.saturating_sub(1)).collect();
            Cow::Owned(kept + "…")
        }
    }
}

/// `1 task`, `2 tasks`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn risky_characters_are_shown_and_not_obeyed() {
        for (text, shown) in [
            ("plain ü 漢", "plain ü 漢"),
            ("\x1b[31m", "\\u{1b}[31m"),
            ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
            ("x\u{9b}31m", "x\\u{9b}31m"),
            ("gpj.\u{202e}exe", "gpj.\\u{202e}exe"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn sizes_have_one_digit_after_the_point() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_048_575, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn durations_have_two_units_at_most() {
        for (millis, text) in [
            (0, "0ms"),
            (999, "999ms"),
            (12_345, "12.3s"),
            (252_000, "4m 12s"),
            (11_100_000, "3h 5m"),
            (187_200_000, "2d 4h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn times_are_told_from_now() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        for (offset, text) in [
            (0, "now"),
            (-5, "5s ago"),
            (-200, "3m ago"),
            (-90_000, "25h ago"),
            (-200_000, "2d ago"),
            (30, "in 30s"),
        ] {
            assert_eq!(ago(now + chrono::Duration::seconds(offset), now), text);
        }
    }

    #[test]
    fn cutting_counts_characters_and_leaves_a_mark() {
        for (text, width, left) in [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("äöüß", 2, "ä…"), ("abc", 1, "…")]
        {
            assert_eq!(cut(text, width), left);
        }
    }
}
