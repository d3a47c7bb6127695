//! `health`: the command that is run beside an action's program to see whether it still does its work.

use serde_json::{Map, Value};

use super::action;
use super::error::{Error, Place};
use super::fields::Fields;
use super::grammar;
use super::warning::Warnings;
use crate::health::{Health, MIN_INTERVAL};

const MAX_FAILURES: i64 = 1000;

/// Reads `health` of an action.
pub(super) fn read(action: &Fields<'_>, warnings: &mut Warnings) -> Result<Option<Health>, Error> {
    let Some(value) = action.get("health") else { return Ok(None) };
    let fields = action.object("health", value)?;
    fields.warn_of_unknown(grammar::HEALTH, warnings);
    let mut health = Health::new(action::command(&fields, "command")?);
    health.interval = fields.duration("interval")?.unwrap_or(health.interval);
    health.timeout = fields.duration("timeout")?.unwrap_or(health.timeout);
    let failures = fields.whole("failures", 1..=MAX_FAILURES)?;
    health.failures = failures.and_then(|failures| u32::try_from(failures).ok()).unwrap_or(health.failures);
    health.grace = fields.duration("grace")?.unwrap_or(health.grace);
    if health.interval < MIN_INTERVAL {
        return Err(fields.rule("interval", "must be at least 0.1 seconds"));
    }
    if health.timeout.is_zero() {
        return Err(fields.rule("timeout", "must be longer than 0"));
    }
    Ok(Some(health))
}

/// Reads the `health` of a request: by the rules of a manifest, but that an unknown key is refused. What is not given, or null, stays as
/// it was `before`, where there was one.
///
/// # Errors
/// The first rule that is broken.
pub fn parse_health(given: &Value, before: Option<&Health>) -> Result<Health, Error> {
    let mut members = Map::new();
    let mut whole = given.clone();
    if let Value::Object(given) = &mut whole
        && let Some(Value::Object(kept)) = before.and_then(|before| serde_json::to_value(before).ok())
    {
        for (key, value) in kept {
            if given.get(&key).is_none_or(Value::is_null) {
                given.insert(key, value);
            }
        }
    }
    members.insert("health".to_owned(), whole);
    let fields = Fields::new(&Place::Manifest, &members);
    let mut warnings = Warnings::default();
    let health = read(&fields, &mut warnings)?.ok_or_else(|| fields.missing("health"))?;
    match warnings.into_list().into_iter().next() {
        Some(first) => Err(Error::Strict { first, more: 0 }),
        None => Ok(health),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::plan::Command;

    #[test]
    fn what_a_request_leaves_out_stays_as_it_was() {
        let first =
            parse_health(&json!({"command": ["./ok", "x"], "interval": "2s", "failures": 5}), None).unwrap();
        assert_eq!(first.command, Command::Words(vec!["./ok".into(), "x".into()]));
        assert_eq!((first.interval, first.failures), (Duration::from_secs(2), 5));

        let second = parse_health(&json!({"timeout": 0.5, "failures": null}), Some(&first)).unwrap();

        assert_eq!(second, Health { timeout: Duration::from_millis(500), ..first });
    }

    #[test]
    fn a_health_is_read_again_as_it_was_written_and_old_ones_get_the_defaults() {
        let health = Health { grace: Duration::ZERO, ..Health::new(Command::Line("./ok".into())) };
        let text = serde_json::to_string(&health).unwrap();
        assert_eq!(text, r#"{"command":"./ok","interval":10.0,"timeout":5.0,"failures":3,"grace":0.0}"#);
        assert_eq!(serde_json::from_str::<Health>(&text).unwrap(), health);
        let short: Health = serde_json::from_str(r#"{"command": ["a"]}"#).unwrap();
        assert_eq!(short, Health::new(Command::Words(vec!["a".into()])));
    }

    #[test]
    fn a_request_that_is_wrong_is_refused_with_what_is_wrong() {
        for (given, message) in [
            (json!(3), "`health` must be an object, found a number"),
            (json!(null), "`health` is missing"),
            (json!({}), "`health.command` is missing"),
            (
                json!({"command": "x", "intervall": 3}),
                "the unknown key `health.intervall` is ignored; did you mean `interval`?",
            ),
        ] {
            let error = parse_health(&given, None).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
