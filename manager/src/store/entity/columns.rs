//! Single columns: times, durations, words, ids and counts, to and from what the database can hold.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use crate::store::Damage;

/// Times are kept in whole microseconds; what is finer is cut off.
pub(crate) fn to_micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

pub(crate) fn time(column: &'static str, micros: i64) -> Result<DateTime<Utc>, Damage> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| Damage::value(column, micros))
}

pub(crate) fn time_opt(column: &'static str, micros: Option<i64>) -> Result<Option<DateTime<Utc>>, Damage> {
    micros.map(|micros| time(column, micros)).transpose()
}

pub(crate) fn duration_to_micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

pub(crate) fn duration_opt(column: &'static str, micros: Option<i64>) -> Result<Option<Duration>, Damage> {
    micros.map(|micros| unsigned(column, micros).map(Duration::from_micros)).transpose()
}

/// A count or an offset. What no disk can hold is cut off rather than refused: the number comes from a peer.
pub(crate) fn to_signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned<T: TryFrom<i64>>(column: &'static str, number: i64) -> Result<T, Damage> {
    T::try_from(number).map_err(|_| Damage::value(column, number))
}

pub(crate) fn word<T: FromStr>(column: &'static str, text: &str) -> Result<T, Damage> {
    text.parse().map_err(|_| Damage::value(column, text))
}

pub(crate) fn word_opt<T: FromStr>(column: &'static str, text: Option<&str>) -> Result<Option<T>, Damage> {
    text.map(|text| word(column, text)).transpose()
}

pub(crate) fn json<T: serde::de::DeserializeOwned>(column: &'static str, text: &str) -> Result<T, Damage> {
    serde_json::from_str(text).map_err(|source| Damage::Json { column, source })
}

/// JSON that is only handed on.
pub(crate) fn raw(column: &'static str, text: String) -> Result<Box<RawValue>, Damage> {
    RawValue::from_string(text).map_err(|source| Damage::Json { column, source })
}
