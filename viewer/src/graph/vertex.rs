//! What is to be drawn.

use lp_protocol::plan::{ActionPlan, Plan};

use crate::parts::{Badge, Look};

#[derive(Clone, Debug)]
pub(crate) struct Vertex {
    /// Tells it from the others, now and when the page is brought up to date.
    pub(crate) name: String,
    /// Where a click leads.
    pub(crate) url: Option<String>,
    /// None where nothing runs yet: a plan.
    pub(crate) badge: Option<Badge>,
    /// A few words under the name: `attempt 2, 4m 12s`.
    pub(crate) detail: String,
    /// Since when it runs, for the clock in its box.
    pub(crate) since: Option<String>,
    /// Positions of those it waits for.
    pub(crate) after: Vec<usize>,
    pub(crate) kind: Kind,
    /// The one the page has open.
    pub(crate) is_open: bool,
}

/// How it came to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Plain,
    /// Made by another one while it ran.
    Generated,
    /// Runs after the whole has succeeded or failed.
    Event,
}

impl Vertex {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url: None,
            badge: None,
            detail: String::new(),
            since: None,
            after: Vec::new(),
            kind: Kind::Plain,
            is_open: false,
        }
    }

    pub(crate) fn look(&self) -> Option<Look> {
        self.badge.map(|badge| badge.look)
    }
}

/// A plan as it will run, before anything has.
pub(crate) fn of_plan(plan: &Plan) -> Vec<Vertex> {
    let plain = |action: &ActionPlan| Vertex {
        after: action.condition.iter().map(|ordinal| *ordinal as usize).collect(),
        ..Vertex::new(&action.name)
    };
    let mut vertices: Vec<Vertex> = plan.actions.iter().map(plain).collect();
    let events = [(&plan.on_success, "after success"), (&plan.on_fail, "after failure")];
    for (action, when) in events {
        vertices.extend(action.iter().map(|action| Vertex {
            kind: Kind::Event,
            detail: when.to_owned(),
            ..Vertex::new(&action.name)
        }));
    }
    vertices
}

/// What the names of a fan-out have in common: `shard` of `shard-17` and `shard_0018`.
pub(crate) fn stem(name: &str) -> &str {
    let stem =
        name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | ':' | '/' | ' '));
    if stem.is_empty() { name } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stem_is_the_name_without_its_number() {
        for (name, part) in
            [("shard-17", "shard"), ("a_b_003", "a_b"), ("load", "load"), ("42", "42"), ("v2.10", "v")]
        {
            assert_eq!(stem(name), part);
        }
    }
}
