//! How much a node has, and whether an attempt fits.
//!
//! What is in use is the sum over the attempts that occupy it, computed when asked, never counted up and down: it cannot drift.

mod machine;

use lp_protocol::plan::Resources;

pub(crate) use machine::{Load, load, machine};

/// Adds what one attempt occupies.
pub(crate) fn add(sum: &mut Resources, part: &Resources) {
    sum.slots = sum.slots.saturating_add(part.slots);
    sum.cpu_millis = sum.cpu_millis.saturating_add(part.cpu_millis);
    sum.memory_bytes = sum.memory_bytes.saturating_add(part.memory_bytes);
    sum.gpus = sum.gpus.saturating_add(part.gpus);
    for (name, count) in &part.named {
        let own = sum.named.entry(name.clone()).or_default();
        *own = own.saturating_add(*count);
    }
}

/// Nothing of anything.
pub(crate) fn nothing() -> Resources {
    Resources { slots: 0, ..Resources::default() }
}

/// The kinds of which `used` and `need` together are more than `total`.
pub(crate) fn lacking<'a>(total: &Resources, used: &Resources, need: &'a Resources) -> Vec<&'a str> {
    let named = |of: &Resources, name: &str| of.named.get(name).copied().unwrap_or(0);
    let mut lacking = Vec::new();
    for (kind, total, used, need) in [
        ("slots", u64::from(total.slots), u64::from(used.slots), u64::from(need.slots)),
        ("cpus", total.cpu_millis, used.cpu_millis, need.cpu_millis),
        ("memory", total.memory_bytes, used.memory_bytes, need.memory_bytes),
        ("gpus", total.gpus, used.gpus, need.gpus),
    ] {
        if need > 0 && used.saturating_add(need) > total {
            lacking.push(kind);
        }
    }
    for (name, need) in &need.named {
        if *need > 0 && named(used, name).saturating_add(*need) > named(total, name) {
            lacking.push(name.as_str());
        }
    }
    lacking
}

/// True where `need` wants any of the kinds.
pub(crate) fn wants_any(need: &Resources, kinds: &[String]) -> bool {
    kinds.iter().any(|kind| match kind.as_str() {
        "slots" => need.slots > 0,
        "cpus" => need.cpu_millis > 0,
        "memory" => need.memory_bytes > 0,
        "gpus" => need.gpus > 0,
        name => need.named.get(name).is_some_and(|count| *count > 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(slots: u32, gpus: u64, licences: u64) -> Resources {
        Resources { slots, gpus, named: [("licence".to_owned(), licences)].into(), ..Resources::default() }
    }

    #[test]
    fn what_is_lacking_is_named() {
        let total = resources(2, 1, 0);
        for (used, need, expected) in [
            (nothing(), resources(2, 1, 0), vec![]),
            (resources(1, 1, 0), resources(1, 0, 0), vec![]),
            (resources(1, 1, 0), resources(2, 1, 0), vec!["slots", "gpus"]),
            (nothing(), resources(0, 0, 1), vec!["licence"]),
            (resources(9, 9, 9), resources(0, 0, 0), vec![]),
        ] {
            assert_eq!(lacking(&total, &used, &need), expected, "{used:?} {need:?}");
        }
    }
}
