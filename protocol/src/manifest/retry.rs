//! `retry`: how often and after what wait a failed action is tried again.

use std::time::Duration;

use serde_json::Value;

use super::error::Error;
use super::fields::{Fields, numbers_shown, quoted, whole};
use super::grammar;
use super::warning::{Warning, Warnings};
use crate::plan::{Retry, RetryOn};

const MAX_ATTEMPTS: i64 = 1000;

/// Keeps `delay * backoff ^ attempts` far from what a float cannot hold.
const MAX_BACKOFF: f64 = 1000.0;

/// Reads `retry` of an action; a bare number is its `attempts`.
pub(super) fn read(action: &Fields<'_>, warnings: &mut Warnings) -> Result<Retry, Error> {
    let Some(value) = action.get("retry") else { return Ok(Retry::default()) };
    if value.is_number() {
        let attempts = action.whole("retry", 1..=MAX_ATTEMPTS)?;
        return Ok(with_attempts(attempts));
    }
    let Value::Object(_) = value else {
        return Err(action.wrong_kind("retry", "an object or the number of attempts", value));
    };
    let fields = action.object("retry", value)?;
    fields.warn_of_unknown(grammar::RETRY, warnings);
    if fields.get("attempts").is_none() {
        warnings.push(Warning::RetryWithoutAttempts { place: action.place.clone() });
    }
    let mut retry = with_attempts(fields.whole("attempts", 1..=MAX_ATTEMPTS)?);
    retry.delay = fields.duration("delay")?.unwrap_or(retry.delay);
    retry.max_delay = max_delay(&fields, retry.delay, retry.max_delay)?;
    retry.backoff = fields.number("backoff", 1.0..=MAX_BACKOFF)?.unwrap_or(retry.backoff);
    retry.jitter = fields.number("jitter", 0.0..=1.0)?.unwrap_or(retry.jitter);
    retry.on_exit = on_exit(&fields)?;
    Ok(retry)
}

fn with_attempts(attempts: Option<i64>) -> Retry {
    let default = Retry::default();
    Retry {
        attempts: attempts.and_then(|number| u32::try_from(number).ok()).unwrap_or(default.attempts),
        ..default
    }
}

/// The default limit must not shorten a longer `delay` that was asked for; a written one that does is a slip.
fn max_delay(fields: &Fields<'_>, delay: Duration, default: Duration) -> Result<Duration, Error> {
    match fields.duration("max_delay")? {
        None => Ok(default.max(delay)),
        Some(limit) if limit < delay => {
            Err(fields.rule("max_delay", "must not be shorter than `retry.delay`"))
        }
        Some(limit) => Ok(limit),
    }
}

fn on_exit(fields: &Fields<'_>) -> Result<Vec<RetryOn>, Error> {
    const WANTED: &str = "a list of exit codes and words";
    let items = match fields.get("on_exit") {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(other) => return Err(fields.wrong_kind("on_exit", WANTED, other)),
    };
    let mut ends = Vec::new();
    for (position, item) in items.iter().enumerate() {
        let end = match item {
            Value::String(word) => word_end(word),
            Value::Number(_) => code_end(item),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let Some(end) = end else {
            let found = item.as_str().map_or_else(|| numbers_shown(item), |word| quoted(word).into());
            let wanted = "an exit code from 1 to 255, \"signal\", \"timed_out\", \"not_started\", \"lost\", \"unhealthy\" or \"oom\"";
            return Err(fields.wrong(&format!("on_exit[{position}]"), wanted, found));
        };
        if !ends.contains(&end) {
            ends.push(end);
        }
    }
    Ok(ends)
}

fn word_end(word: &str) -> Option<RetryOn> {
    Some(match word {
        "signal" => RetryOn::Signal,
        "timed_out" | "timeout" => RetryOn::TimedOut,
        "not_started" => RetryOn::NotStarted,
        "lost" => RetryOn::Lost,
        "unhealthy" => RetryOn::Unhealthy,
        "oom" | "out_of_memory" => RetryOn::OutOfMemory,
        _ => return None,
    })
}

fn code_end(number: &Value) -> Option<RetryOn> {
    let code = whole(number).filter(|code| (1..=255).contains(code))?;
    i32::try_from(code).ok().map(RetryOn::Code)
}
