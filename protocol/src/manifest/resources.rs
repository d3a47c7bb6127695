//! `resources`: what an attempt occupies on its node.
//!
//! Besides the four built-in ones every key is a resource that the configuration of the nodes counts, so a slip in a
//! built-in name cannot be told from such a one for certain: it is a warning.

use super::error::Error;
use super::fields::{Fields, MAX_EXACT, numbers_shown, whole};
use super::grammar;
use super::warning::{Warning, Warnings};
use crate::plan::Resources;

const MAX_SLOTS: i64 = 10_000;
const MAX_CPUS: f64 = 1_000_000.0;
const MAX_NAME_BYTES: usize = 64;

/// Most resources of one action: placement compares each with each node.
const MAX_RESOURCES: usize = 100;

pub(super) fn read(action: &Fields<'_>, warnings: &mut Warnings) -> Result<Resources, Error> {
    let Some(value) = action.get("resources") else { return Ok(Resources::default()) };
    let fields = action.object("resources", value)?;
    if fields.members.len() > MAX_RESOURCES {
        let rule = format!("must have at most {MAX_RESOURCES} entries, it has {}", fields.members.len());
        return Err(action.rule("resources", rule));
    }
    let mut resources = Resources::default();
    if let Some(slots) = fields.whole("slots", 0..=MAX_SLOTS)? {
        resources.slots = u32::try_from(slots).unwrap_or(u32::MAX);
    }
    if let Some(cpus) = fields.number("cpus", 0.0..=MAX_CPUS)? {
        resources.cpu_millis = millis(cpus);
    }
    resources.memory_bytes = fields.size("memory")?.unwrap_or(0);
    resources.gpus = fields.whole("gpus", 0..=MAX_EXACT)?.map_or(0, i64::unsigned_abs);
    for (name, value) in fields.members {
        if grammar::RESOURCES.contains(&name.as_str()) || value.is_null() {
            continue;
        }
        let amount = named(&fields, name, warnings)?;
        resources.named.insert(name.clone(), amount);
    }
    Ok(resources)
}

/// Thousandths, and at least one of whatever is more than nothing.
fn millis(cpus: f64) -> u64 {
    let millis = (cpus * 1000.0).round() as u64;
    if cpus > 0.0 { millis.max(1) } else { 0 }
}

fn named(fields: &Fields<'_>, name: &str, warnings: &mut Warnings) -> Result<u64, Error> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    if !plain || !name.starts_with(|first: char| first.is_ascii_alphabetic()) || name.len() > MAX_NAME_BYTES {
        return Err(fields.rule(
            name,
            "is not the name of a resource: a letter, then letters, digits, `_`, `-` and `.`, at most 64 in all",
        ));
    }
    let nearest = grammar::nearest_key(name, grammar::RESOURCES);
    let value = &fields.members[name];
    match whole(value).filter(|amount| (0..=MAX_EXACT).contains(amount)) {
        Some(amount) => {
            if let Some(nearest) = nearest {
                let place = fields.place.clone();
                warnings.push(Warning::ResourceLooksLike { place, key: name.to_owned(), nearest });
            }
            Ok(amount.unsigned_abs())
        }
        None => {
            let hint = nearest.map(|nearest| format!(" (did you mean `{nearest}`?)")).unwrap_or_default();
            let wanted = format!("a whole number from 0 to {MAX_EXACT}");
            Err(fields.wrong(name, wanted, format!("{}{hint}", numbers_shown(value))))
        }
    }
}
