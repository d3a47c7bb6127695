//! Where an action runs: `target_env`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::env::parse_id;
use super::error::Error;
use super::fields::Fields;
use super::grammar;
use crate::NodeId;
use crate::labels::{self, LabelRule};
use crate::plan::TargetEnv;

/// Most labels in one `target_env`.
const MAX_LABELS: usize = 100;

pub(super) fn read_target(action: &Fields<'_>) -> Result<TargetEnv, Error> {
    match action.get_unless_false("target_env") {
        None => Ok(TargetEnv::default()),
        Some(value) => read_conditions(&action.object("target_env", value)?),
    }
}

/// The conditions in the object itself.
pub(super) fn read_conditions(fields: &Fields<'_>) -> Result<TargetEnv, Error> {
    if let Some(key) = fields.members.keys().find(|key| !grammar::TARGET.contains(&key.as_str())) {
        let nearest = grammar::nearest_key(key, grammar::TARGET).map(str::to_owned);
        return Err(Error::UnknownTarget { place: fields.place.clone(), key: key.clone(), nearest });
    }
    let node_id = match fields.text("node_id")? {
        None => None,
        Some(text) => {
            let id = parse_id(text).ok_or_else(|| {
                fields.wrong(
                    "node_id",
                    "the id of a node, as `lp node list` shows it",
                    super::fields::quoted(text),
                )
            })?;
            Some(NodeId(id))
        }
    };
    Ok(TargetEnv {
        platform: fields.short_text("platform")?.map(str::to_owned),
        docker_support: fields.flag("docker_support")?,
        node_id,
        node_ip: fields.short_text("node_ip")?.map(str::to_owned),
        labels: read_labels(fields)?,
    })
}

fn read_labels(target: &Fields<'_>) -> Result<BTreeMap<String, LabelRule>, Error> {
    let Some(value) = target.get_unless_false("labels") else { return Ok(BTreeMap::new()) };
    let Value::Object(members) = value else {
        return Err(target.wrong_kind("labels", "an object of conditions by label", value));
    };
    if members.len() > MAX_LABELS {
        return Err(target.rule("labels", format!("must name at most {MAX_LABELS} labels")));
    }
    let mut rules = BTreeMap::new();
    for (key, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        let path = format!("labels.{key}");
        let broken = |error: labels::Error| target.rule(&path, error.to_string());
        labels::check_key(key).map_err(broken)?;
        let mut texts = Vec::new();
        let one = std::slice::from_ref(value);
        for text in value.as_array().map_or(one, Vec::as_slice) {
            match text {
                Value::String(text) => texts.push(text.clone()),
                // a node's label is a text: 3 is "3"
                Value::Number(number) => texts.push(number.to_string()),
                Value::Bool(flag) => texts.push(flag.to_string()),
                Value::Null | Value::Array(_) | Value::Object(_) => {
                    let wanted = "a text such as \"a100\" or \"!a100\", or a list of such texts";
                    return Err(target.wrong_kind(&path, wanted, text));
                }
            }
        }
        rules.insert(key.clone(), LabelRule::parse(texts.iter().map(String::as_str)).map_err(broken)?);
    }
    Ok(rules)
}
