//! One action, ordinary or event: everything but its name and its conditions, which need the other actions.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::compile::Options;
use super::error::Error;
use super::fields::{Fields, MAX_TEXT_BYTES, kind};
use super::warning::Warnings;
use super::{docker, env, health, resources, retry, site};
use crate::plan::{ActionPlan, Command, DEFAULT_GRACE};

/// Bound of `priority` both ways: sums with the task's own stay far from overflow.
const MAX_PRIORITY: i64 = 1_000_000;

pub(super) fn read(
    name: &str,
    fields: &Fields<'_>,
    options: &Options<'_>,
    warnings: &mut Warnings,
) -> Result<ActionPlan, Error> {
    let mut plan = ActionPlan {
        name: name.to_owned(),
        condition: Vec::new(),
        command: command(fields, "main")?,
        env: env::read(fields, options)?,
        docker: docker::read(fields, warnings)?,
        target: site::read_target(fields)?,
        retry: retry::read(fields, warnings)?,
        timeout: timeout(fields)?,
        grace: fields.duration("grace")?.unwrap_or(DEFAULT_GRACE),
        resources: resources::read(fields, warnings)?,
        priority: priority(fields)?,
        environ: environ(fields)?,
        exclusive: fields.flag("exclusive")?.unwrap_or(false),
        health: health::read(fields, warnings)?,
        generated: None,
    };
    docker::reserve_gpus(&mut plan);
    Ok(plan)
}

/// A command as it may be written: a line, or words.
pub(super) fn command(fields: &Fields<'_>, key: &str) -> Result<Command, Error> {
    match fields.get(key).ok_or_else(|| fields.missing(key))? {
        Value::String(line) => {
            if line.trim().is_empty() {
                return Err(fields.rule(key, "must not be empty"));
            }
            check_text(fields, key, line)?;
            Ok(Command::Line(line.clone()))
        }
        Value::Array(items) => words(fields, key, items).map(Command::Words),
        other => Err(fields.wrong_kind(key, "a string or a list of strings", other)),
    }
}

fn words(fields: &Fields<'_>, parent: &str, items: &[Value]) -> Result<Vec<String>, Error> {
    let mut words = Vec::with_capacity(items.len());
    for (position, item) in items.iter().enumerate() {
        let key = format!("{parent}[{position}]");
        let Value::String(word) = item else { return Err(fields.wrong_kind(&key, "a string", item)) };
        check_text(fields, &key, word)?;
        words.push(word.clone());
    }
    match words.first() {
        None => Err(fields.rule(parent, "must not be empty")),
        Some(program) if program.trim().is_empty() => {
            Err(fields.rule(&format!("{parent}[0]"), "must name a program"))
        }
        Some(_) => Ok(words),
    }
}

fn timeout(fields: &Fields<'_>) -> Result<Option<Duration>, Error> {
    match fields.duration("timeout")? {
        Some(Duration::ZERO) => {
            Err(fields.rule("timeout", "must be longer than 0; leave it out for no limit"))
        }
        other => Ok(other),
    }
}

fn priority(fields: &Fields<'_>) -> Result<i32, Error> {
    let priority = fields.whole("priority", -MAX_PRIORITY..=MAX_PRIORITY)?.unwrap_or(0);
    // within the range above, so it fits
    Ok(i32::try_from(priority).unwrap_or(0))
}

fn environ(fields: &Fields<'_>) -> Result<BTreeMap<String, String>, Error> {
    let Some(value) = fields.get("environ") else { return Ok(BTreeMap::new()) };
    let variables = fields.object("environ", value)?;
    let mut environ = BTreeMap::new();
    for (name, value) in variables.members {
        if !is_variable(name) {
            let rule = "is not the name of a variable: a letter or `_`, then letters, digits and `_`, at most 255 in all";
            return Err(variables.rule(name, rule));
        }
        if name.starts_with("LP_") {
            return Err(variables.rule(name, "must not be set: names with LP_ are lp's own"));
        }
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Array(_) | Value::Object(_) => {
                return Err(variables.wrong(name, "a string, number or boolean", kind(value)));
            }
        };
        check_text(&variables, name, &text)?;
        environ.insert(name.clone(), text);
    }
    Ok(environ)
}

fn is_variable(name: &str) -> bool {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain && name.len() <= 255 && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}

/// What execve(2) takes as one string.
fn check_text(fields: &Fields<'_>, key: &str, text: &str) -> Result<(), Error> {
    if text.contains('\0') {
        return Err(fields.rule(key, "must not contain a NUL character"));
    }
    if text.len() > MAX_TEXT_BYTES {
        let rule = format!("must be at most {MAX_TEXT_BYTES} bytes long, it has {}", text.len());
        return Err(fields.rule(key, rule));
    }
    Ok(())
}
