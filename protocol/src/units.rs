//! Durations and sizes as people write them: `"1h 30m"`, `"100ms"`, `90`; `"2GiB"`, `1048576`.
//!
//! On the wire and in stored plans both are plain numbers: seconds (with fraction) and bytes.

use std::time::Duration;

/// The text is neither a number nor a sum of numbers with known units.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum Error {
    #[error("`{0}` is not a duration; write seconds or for example \"1h 30m\", \"90s\", \"100ms\"")]
    Duration(String),
    #[error("`{0}` is not a size; write bytes or for example \"512MiB\", \"2GiB\", \"1GB\"")]
    Size(String),
}

/// Longest accepted duration, a hundred years: anything larger is a slip, and sums with it must not overflow.
pub const MAX_DURATION: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// Parses `"1h 30m"`, `"1h30m"`, `"100ms"`, `"2d"`, `"1w"`, or bare seconds `"90"`, `"0.5"`.
pub fn parse_duration(text: &str) -> Result<Duration, Error> {
    let wrong = || Error::Duration(text.to_owned());
    let seconds = match text.trim().parse::<f64>() {
        Ok(seconds) => seconds,
        Err(_) => sum_of_parts(text, duration_unit).ok_or_else(wrong)?,
    };
    duration_from_seconds(seconds).ok_or_else(wrong)
}

/// Turns seconds into a duration; None where they are negative, not finite or beyond [`MAX_DURATION`].
pub fn duration_from_seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| *duration <= MAX_DURATION)
}

/// Parses `"2GiB"` (1024), `"2GB"` (1000), `"2G"` (1024, as in Docker), or bare bytes.
pub fn parse_size(text: &str) -> Result<u64, Error> {
    let wrong = || Error::Size(text.to_owned());
    if let Ok(bytes) = text.trim().parse::<u64>() {
        return Ok(bytes);
    }
    let bytes = sum_of_parts(text, size_unit).ok_or_else(wrong)?;
    // 2^63: a size is stored in a signed 64-bit column
    if (0.0..9.2e18).contains(&bytes) { Ok(bytes.round() as u64) } else { Err(wrong()) }
}

/// A size as people write it, in the largest unit that leaves at least 1: `64 MiB`, `1.5 GiB`.
pub fn shown_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let text = format!("{value:.1}");
    format!("{} {}", text.strip_suffix(".0").unwrap_or(&text), UNITS[unit])
}

fn sum_of_parts(text: &str, unit_value: fn(&str) -> Option<f64>) -> Option<f64> {
    let mut rest = text.trim();
    let mut sum = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        sum += number * unit_value(&rest[..letters])?;
        rest = rest[letters..].trim_start();
    }
    Some(sum)
}

fn duration_unit(unit: &str) -> Option<f64> {
    Some(match unit {
        "ms" => 0.001,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" | "week" | "weeks" => 604_800.0,
        _ => return None,
    })
}

fn size_unit(unit: &str) -> Option<f64> {
    let unit = unit.to_ascii_lowercase();
    Some(match unit.as_str() {
        "b" => 1.0,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024f64.powi(2),
        "g" | "gib" => 1024f64.powi(3),
        "t" | "tib" => 1024f64.powi(4),
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        _ => return None,
    })
}

/// Serde form of a [`Duration`]: seconds as a number.
pub mod seconds {
    use super::*;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_secs_f64())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        duration_from_seconds(seconds)
            .ok_or_else(|| de::Error::custom(format!("{seconds} is not a duration in seconds")))
    }
}

/// Serde form of an optional [`Duration`]: seconds as a number, or null.
pub mod seconds_opt {
    use super::*;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => serializer.serialize_some(&duration.as_secs_f64()),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        match Option::<f64>::deserialize(deserializer)? {
            None => Ok(None),
            Some(seconds) => duration_from_seconds(seconds)
                .map(Some)
                .ok_or_else(|| de::Error::custom(format!("{seconds} is not a duration in seconds"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_sums_of_units() {
        for (text, millis) in [
            ("90", 90_000),
            ("0.5", 500),
            ("1h 30m", 5_400_000),
            ("1h30m", 5_400_000),
            ("100ms", 100),
            ("2 d", 172_800_000),
        ] {
            assert_eq!(parse_duration(text).map(|d| d.as_millis()), Ok(millis), "{text}");
        }
        for text in ["", "-1", "1x", "h", "1e400", "NaN", "1h -3m", "1000000000000"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_bytes_or_sums_of_units() {
        for (text, bytes) in
            [("0", 0), ("2GiB", 2 << 30), ("1 GB", 1_000_000_000), ("1.5k", 1536), ("10m", 10 << 20)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "-1", "1x", "99999999TiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_in_the_largest_unit_that_fits() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (64 << 20, "64 MiB"),
            (3 << 29, "1.5 GiB"),
            (5 << 50, "5120 TiB"),
        ] {
            assert_eq!(shown_size(bytes), text);
        }
    }
}
