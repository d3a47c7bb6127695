//! Cron expressions: which wall-clock times a schedule names, without zone and without date arithmetic across clock changes.
//!
//! The grammar is crontab(5)'s as `croner` reads it: five fields, or six with seconds in front; `*`, lists, ranges, steps; names of
//! months and weekdays (three letters); 0 and 7 are Sunday; `L`, `W` and `#` in the day fields; `@hourly` and its like. Where day of
//! month and day of week are both restricted either may match, unless the weekday begins with `+`. What `croner` would read
//! kindly but hardly as it was meant (an empty part of a list, a weekday in the minutes) is refused here, and every refusal names the field.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use croner::Weekday;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};

/// How far ahead a date is looked for. The rarest useful day, a 29 February of a given weekday, comes at least once in 40 years.
const HORIZON_DAYS: u32 = 50 * 366;

/// The longest expression that is read: every minute of the hour by itself has 169 characters.
const MAX_CHARS: usize = 500;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Name, what may stand in it besides digits and `* , - /`, and its words.
struct Field {
    name: &'static str,
    range: &'static str,
    signs: &'static str,
    words: &'static [&'static str],
}

const FIELDS: [Field; 6] = [
    Field { name: "second", range: "0-59", signs: "", words: &[] },
    Field { name: "minute", range: "0-59", signs: "", words: &[] },
    Field { name: "hour", range: "0-23", signs: "", words: &[] },
    Field { name: "day of month", range: "1-31", signs: "?", words: &["l", "w", "lw"] },
    Field { name: "month", range: "1-12 or jan-dec", signs: "", words: &MONTHS },
    Field {
        name: "day of week",
        range: "0-7 or sun-sat",
        signs: "?#+",
        words: &["l", "sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    },
];

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the cron expression is empty")]
    Empty,
    #[error("the cron expression has more than {MAX_CHARS} characters")]
    TooLong,
    #[error("`{0}` is not one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually")]
    Nickname(String),
    #[error(
        "`{text}` has {fields} fields; a cron expression has five (minute, hour, day of month, month, day of week), or six with seconds in front"
    )]
    Fields { text: String, fields: usize },
    #[error("the field {name} cannot be `{text}`: {reason}; it takes {range}, `*`, lists, ranges and steps")]
    Field { name: &'static str, text: String, reason: String, range: &'static str },
    #[error("`{0}` never happens: no date of the next 50 years fits")]
    Never(String),
}

/// A cron expression, read.
#[derive(Clone, Debug)]
pub struct Cron {
    pattern: croner::CronPattern,
    /// Bit n: second, minute, hour n is named.
    seconds: u64,
    minutes: u64,
    hours: u64,
    /// The hour field begins with `*`: it names no hours but intervals.
    every_hour: bool,
}

impl Cron {
    /// # Errors
    /// Says which field is wrong and what it takes.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::Empty);
        }
        if text.chars().count() > MAX_CHARS {
            return Err(Error::TooLong);
        }
        let long = long_form(text);
        if long.starts_with('@') {
            return Err(Error::Nickname(text.to_owned()));
        }
        let mut fields: Vec<&str> = long.split_whitespace().collect();
        match fields.len() {
            5 => fields.insert(0, "0"),
            6 => {}
            other => return Err(Error::Fields { text: text.to_owned(), fields: other }),
        }
        for (field, text) in FIELDS.iter().zip(&fields) {
            check_words(field, text)?;
        }
        let pattern = read(&fields)?;
        let bits = |values: Vec<u16>| values.into_iter().fold(0u64, |bits, value| bits | 1 << value);
        Ok(Self {
            seconds: bits(pattern.seconds.values()),
            minutes: bits(pattern.minutes.values()),
            hours: bits(pattern.hours.values()),
            every_hour: fields[2].starts_with('*'),
            pattern,
        })
    }

    /// The hour field begins with `*`, so that the schedule follows elapsed time; otherwise it names times of the day.
    pub(super) fn follows_elapsed_time(&self) -> bool {
        self.every_hour
    }

    /// Tells whether this wall-clock second is named.
    pub(super) fn matches(&self, wall: NaiveDateTime) -> bool {
        self.has_time(wall.time()) && self.has_date(wall.date())
    }

    /// The first named wall-clock time after this one; None where no date of the next 50 years fits.
    pub(super) fn next_after(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        let date = wall.date();
        if self.has_date(date)
            && let Some(time) = self.time_after(wall.time())
        {
            return Some(date.and_time(time));
        }
        let first = self.first_time()?;
        let mut date = date.succ_opt()?;
        let end = date.checked_add_days(Days::new(HORIZON_DAYS.into()))?;
        while date <= end {
            if self.has_date(date) {
                return Some(date.and_time(first));
            }
            date = if self.has_month(date) { date.succ_opt()? } else { first_of_next_month(date)? };
        }
        None
    }

    fn has_month(&self, date: NaiveDate) -> bool {
        self.pattern.month_match(date.month()).unwrap_or(false)
    }

    fn has_date(&self, date: NaiveDate) -> bool {
        let weekday = Weekday::from_days_from_sunday(date.weekday().num_days_from_sunday());
        self.has_month(date)
            && self.pattern.day_match(date.year(), date.month(), date.day(), weekday).unwrap_or(false)
    }

    fn has_time(&self, time: NaiveTime) -> bool {
        has(self.hours, time.hour()) && has(self.minutes, time.minute()) && has(self.seconds, time.second())
    }

    fn first_time(&self) -> Option<NaiveTime> {
        NaiveTime::from_hms_opt(from(self.hours, 0)?, from(self.minutes, 0)?, from(self.seconds, 0)?)
    }

    /// The first named time of day after `time`.
    fn time_after(&self, time: NaiveTime) -> Option<NaiveTime> {
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        let (first_minute, first_second) = (from(self.minutes, 0)?, from(self.seconds, 0)?);
        if has(self.hours, hour) {
            if has(self.minutes, minute)
                && let Some(second) = from(self.seconds, second + 1)
            {
                return NaiveTime::from_hms_opt(hour, minute, second);
            }
            if let Some(minute) = from(self.minutes, minute + 1) {
                return NaiveTime::from_hms_opt(hour, minute, first_second);
            }
        }
        NaiveTime::from_hms_opt(from(self.hours, hour + 1)?, first_minute, first_second)
    }
}

/// In small letters, a known nickname as the fields it stands for.
pub(super) fn long_form(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    NICKNAMES.iter().find(|(name, _)| *name == lower).map_or(lower, |(_, long)| (*long).to_owned())
}

fn has(bits: u64, value: u32) -> bool {
    bits >> value & 1 == 1
}

/// The lowest named value that is not below `value`.
fn from(bits: u64, value: u32) -> Option<u32> {
    let rest = bits.checked_shr(value)? << value;
    (rest != 0).then(|| rest.trailing_zeros())
}

fn first_of_next_month(date: NaiveDate) -> Option<NaiveDate> {
    date.with_day(1)?.checked_add_months(chrono::Months::new(1))
}

/// Refuses letters, signs and gaps that do not belong into the field.
fn check_words(field: &Field, text: &str) -> Result<(), Error> {
    let refuse = |reason: String| {
        Err(Error::Field { name: field.name, text: text.to_owned(), reason, range: field.range })
    };
    if text.split(',').any(str::is_empty) {
        return refuse("a part of the list is empty".to_owned());
    }
    let is_sign = |sign: char| sign.is_ascii_digit() || "*,-/".contains(sign) || field.signs.contains(sign);
    for word in text.split(|letter: char| !letter.is_ascii_alphabetic()).filter(|word| !word.is_empty()) {
        if !field.words.contains(&word) {
            return refuse(format!("`{word}` has no meaning there"));
        }
    }
    match text.chars().find(|letter| !letter.is_ascii_alphabetic() && !is_sign(*letter)) {
        Some(sign) => refuse(format!("`{sign}` has no meaning there")),
        None => Ok(()),
    }
}

/// Has `croner` read the six fields; where it refuses, finds the field that it refuses.
fn read(fields: &[&str]) -> Result<croner::CronPattern, Error> {
    let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Disallowed).build();
    let refusal = match parser.parse(&fields.join(" ")) {
        Ok(cron) => return Ok(cron.pattern),
        Err(refusal) => refusal,
    };
    for (position, field) in FIELDS.iter().enumerate() {
        let mut alone = ["*"; 6];
        alone[position] = fields[position];
        if let Err(refusal) = parser.parse(&alone.join(" ")) {
            let (name, range) = (field.name, field.range);
            return Err(Error::Field {
                name,
                text: fields[position].to_owned(),
                reason: reason(&refusal),
                range,
            });
        }
    }
    Err(Error::Field {
        name: "expression",
        text: fields.join(" "),
        reason: reason(&refusal),
        range: "numbers",
    })
}

/// The library's sentence as a part of ours.
fn reason(refusal: &CronError) -> String {
    let said = match refusal {
        CronError::InvalidPattern(said)
        | CronError::IllegalCharacters(said)
        | CronError::ComponentError(said) => said.clone(),
        other => other.to_string(),
    };
    let said = said.trim_end_matches('.');
    let mut letters = said.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => "it is not valid".to_owned(),
    }
}
