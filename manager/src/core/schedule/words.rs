//! A cron expression in words: `40 12 * * 1-5` is "at 12:40, Monday to Friday".
//!
//! For people who look at a schedule or type one; what fires is decided by [`super::cron`] alone. Everything that expression reader takes has
//! words: what is rare (`15W`, `fri#2`) is named as it stands.

use super::cron::{Cron, long_form};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 8] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// More times of the day than this are not listed one by one.
const MAX_TIMES: usize = 6;

/// One part of a field's list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    All,
    /// `*/n`.
    Every(u32),
    One(u32),
    Range(u32, u32),
    /// Anything else, as it stands.
    Other(String),
}

/// The words of an expression; None where it is none.
pub fn words(cron: &str) -> Option<String> {
    Cron::parse(cron).ok()?;
    let text = long_form(cron.trim());
    let mut fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() == 5 {
        fields.insert(0, "0");
    }
    let [second, minute, hour, day, month, weekday] = fields[..] else { return None };
    let time = time(&parts(second, &[]), &parts(minute, &[]), &parts(hour, &[]));
    let days = days(&parts(day, &[]), weekday);
    let months = match &parts(month, &MONTHS)[..] {
        [Part::All] => None,
        months => Some(format!("in {}", list(months, "month", |n| named(&MONTHS, n, 1)))),
    };
    let mut out = vec![time.text];
    match (days, &months) {
        (Some(days), _) => out.push(days),
        (None, None) if time.is_of_day => out.push("every day".to_owned()),
        (None, Some(_)) if time.is_of_day => out.push("every day".to_owned()),
        (None, _) => {}
    }
    out.extend(months);
    Some(out.join(", "))
}

struct Time {
    text: String,
    /// It names times of the day, so that one asks which days.
    is_of_day: bool,
}

fn time(second: &[Part], minute: &[Part], hour: &[Part]) -> Time {
    if let (Some(seconds), Some(minutes), Some(hours)) = (single(second), numbers(minute), numbers(hour))
        && minutes.len() * hours.len() <= MAX_TIMES
    {
        let moments = hours.iter().flat_map(|h| minutes.iter().map(move |m| clock(*h, *m, seconds)));
        return Time { text: format!("at {}", join(&moments.collect::<Vec<_>>())), is_of_day: true };
    }
    let minutes = minutes(second, minute);
    if let (Some(past), [Part::Range(from, to)]) = (single(minute), hour) {
        let seconds = single(second).unwrap_or(0);
        let text =
            format!("every hour from {} to {}", clock(*from, past, seconds), clock(*to, past, seconds));
        return Time { text, is_of_day: true };
    }
    let is_whole_hour = single(second) == Some(0) && single(minute) == Some(0);
    match hour {
        [Part::All] if is_whole_hour => Time { text: "every hour".to_owned(), is_of_day: false },
        [Part::All] => Time { text: minutes, is_of_day: false },
        [Part::Every(n)] if is_whole_hour => Time { text: format!("every {n} hours"), is_of_day: false },
        [Part::Every(n)] => Time { text: format!("{minutes}, every {n} hours"), is_of_day: false },
        hours => {
            let hours = list(hours, "hour", |n| format!("{n:02}:00"));
            Time { text: format!("{minutes}, in the hours {hours}"), is_of_day: true }
        }
    }
}

/// Which minutes and seconds of an hour.
fn minutes(second: &[Part], minute: &[Part]) -> String {
    let minutes = match minute {
        [Part::All] => "every minute".to_owned(),
        [Part::Every(n)] => format!("every {n} minutes"),
        minutes => {
            let minutes = list(minutes, "minute", |n| n.to_string());
            format!("every hour at minute {minutes}")
        }
    };
    match second {
        [Part::One(0)] => minutes,
        [Part::All] if minute == [Part::All] => "every second".to_owned(),
        [Part::Every(n)] if minute == [Part::All] => format!("every {n} seconds"),
        [Part::All] => format!("{minutes}, each second"),
        [Part::Every(n)] => format!("{minutes}, every {n} seconds"),
        seconds => format!("{minutes}, at second {}", list(seconds, "second", |n| n.to_string())),
    }
}

fn days(day: &[Part], weekday: &str) -> Option<String> {
    let (weekday, is_and) = match weekday.strip_prefix('+') {
        Some(rest) => (rest, true),
        None => (weekday, false),
    };
    let of_week = parts(weekday, &DAYS);
    let month_days = match day {
        [Part::All] => None,
        [Part::Every(n)] => Some(format!("every {n} days of the month")),
        [Part::Other(last)] if last == "l" => Some("on the last day of the month".to_owned()),
        days => Some(format!("on the {}", list(days, "day", ordinal))),
    };
    let week_days = match &of_week[..] {
        [Part::All] => None,
        [range @ Part::Range(..)] => Some(list(std::slice::from_ref(range), "day", |n| named(&DAYS, n, 0))),
        days => Some(format!("on {}", list(days, "weekday", |n| named(&DAYS, n, 0)))),
    };
    match (month_days, week_days) {
        (Some(month), Some(week)) if is_and => Some(format!("{month}, if that is {}", without_on(&week))),
        (Some(month), Some(week)) => Some(format!("{month} and {}", with_on(&week))),
        (month, week) => month.or(week),
    }
}

fn without_on(days: &str) -> &str {
    days.strip_prefix("on ").unwrap_or(days)
}

fn with_on(days: &str) -> String {
    format!("on {}", without_on(days))
}

/// Reads a field; `names` are what its words stand for, three letters each.
fn parts(field: &str, names: &[&str]) -> Vec<Part> {
    field.split(',').map(|part| parse_part(part, names)).collect()
}

fn parse_part(part: &str, names: &[&str]) -> Part {
    let number = |text: &str| match text.parse() {
        Ok(number) => Some(number),
        Err(_) => {
            let place = names.iter().position(|name| name.to_ascii_lowercase().starts_with(text))?;
            let first = if names.len() == MONTHS.len() { 1 } else { 0 };
            (text.len() == 3).then_some(place as u32 + first)
        }
    };
    match part {
        "*" | "?" | "*/1" => return Part::All,
        _ => {}
    }
    let read = match (part.strip_prefix("*/"), part.split_once('-')) {
        (Some(step), _) => number(step).map(Part::Every),
        (None, Some((from, to))) => number(from).zip(number(to)).map(|(from, to)| Part::Range(from, to)),
        (None, None) => number(part).map(Part::One),
    };
    read.unwrap_or_else(|| Part::Other(part.to_owned()))
}

fn single(parts: &[Part]) -> Option<u32> {
    match parts {
        [Part::One(number)] => Some(*number),
        _ => None,
    }
}

/// All of them, where they are single numbers.
fn numbers(parts: &[Part]) -> Option<Vec<u32>> {
    let number = |part: &Part| match part {
        Part::One(number) => Some(*number),
        Part::All | Part::Every(_) | Part::Range(..) | Part::Other(_) => None,
    };
    parts.iter().map(number).collect()
}

fn list(parts: &[Part], unit: &str, write: impl Fn(u32) -> String) -> String {
    let word = |part: &Part| match part {
        Part::All => format!("every {unit}"),
        Part::Every(n) => format!("every {n} {unit}s"),
        Part::One(n) => write(*n),
        Part::Range(from, to) => format!("{} to {}", write(*from), write(*to)),
        Part::Other(text) => text.to_ascii_uppercase(),
    };
    join(&parts.iter().map(word).collect::<Vec<_>>())
}

/// `a`, `a and b`, `a, b and c`.
fn join(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

fn clock(hour: u32, minute: u32, second: u32) -> String {
    if second == 0 { format!("{hour:02}:{minute:02}") } else { format!("{hour:02}:{minute:02}:{second:02}") }
}

fn named(names: &[&str], number: u32, first: u32) -> String {
    let place = number.checked_sub(first).and_then(|place| names.get(place as usize));
    place.map_or_else(|| number.to_string(), |name| (*name).to_owned())
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_expression_has_words() {
        for (cron, said) in [
            ("40 12 * * *", "at 12:40, every day"),
            ("40 12 * * 1-5", "at 12:40, Monday to Friday"),
            ("@daily", "at 00:00, every day"),
            ("@hourly", "every hour"),
            ("@weekly", "at 00:00, on Sunday"),
            ("@yearly", "at 00:00, on the 1st, in January"),
            ("* * * * *", "every minute"),
            ("*/15 * * * *", "every 15 minutes"),
            ("5 * * * *", "every hour at minute 5"),
            ("0,30 * * * *", "every hour at minute 0 and 30"),
            ("0 */2 * * *", "every 2 hours"),
            ("10 */2 * * *", "every hour at minute 10, every 2 hours"),
            ("0 6,18 * * *", "at 06:00 and 18:00, every day"),
            ("0 9-17 * * mon-fri", "every hour from 09:00 to 17:00, Monday to Friday"),
            ("*/5 9-17 * * *", "every 5 minutes, in the hours 09:00 to 17:00, every day"),
            ("0 0 1,15 * *", "at 00:00, on the 1st and 15th"),
            ("0 0 L * *", "at 00:00, on the last day of the month"),
            ("0 0 13 * fri", "at 00:00, on the 13th and on Friday"),
            ("0 0 13 * +fri", "at 00:00, on the 13th, if that is Friday"),
            ("0 0 * jan,jul *", "at 00:00, every day, in January and July"),
            ("0 0 22 3 * *", "at 22:00, on the 3rd"),
            ("30 0 12 * * *", "at 12:00:30, every day"),
            ("*/10 * * * * *", "every 10 seconds"),
            ("* * * * * *", "every second"),
            ("0 0 * * 7", "at 00:00, on Sunday"),
            ("0 0 * * fri#2", "at 00:00, on FRI#2"),
            ("0 0 15W * *", "at 00:00, on the 15W"),
        ] {
            assert_eq!(words(cron).as_deref(), Some(said), "{cron}");
        }
        for none in ["", "x", "61 * * * *", "* * *"] {
            assert_eq!(words(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_an_expression_has_words(cron in "([0-9*/,LW#?+a-z-]{1,4} ){4,5}[0-9*/,LW#?+a-z-]{1,4}") {
            prop_assert_eq!(words(&cron).is_some(), Cron::parse(&cron).is_ok());
        }
    }
}
