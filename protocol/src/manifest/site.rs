//! Where an action runs: `docker` and `target_env`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::env::parse_id;
use super::error::Error;
use super::fields::Fields;
use super::grammar;
use super::warning::Warnings;
use crate::NodeId;
use crate::labels::{self, LabelRule};
use crate::plan::{DockerSpec, TargetEnv};

/// Most labels in one `target_env`.
const MAX_LABELS: usize = 100;

pub(super) fn read_docker(action: &Fields<'_>, warnings: &mut Warnings) -> Result<Option<DockerSpec>, Error> {
    let Some(value) = action.get_unless_false("docker") else { return Ok(None) };
    let fields = action.object("docker", value)?;
    fields.warn_of_unknown(grammar::DOCKER, warnings);
    let name = fields.text("name")?.ok_or_else(|| fields.missing("name"))?;
    let tag = match fields.get("tag") {
        // LitePipeline puts it into the image's name as it is, so 3 is "3"
        Some(Value::Number(number)) => number.to_string(),
        _ => fields.text("tag")?.unwrap_or("latest").to_owned(),
    };
    if !is_image_text(name, 255, "/:@") {
        return Err(fields.rule(
            "name",
            "must be the name of an image: a letter or digit, then letters, digits and any of `._-/:@`, at most 255 in all",
        ));
    }
    if !is_image_text(&tag, 128, "") {
        return Err(fields.rule(
            "tag",
            "must be the tag of an image: a letter, digit or `_`, then letters, digits and any of `._-`, at most 128 in all",
        ));
    }
    let args = match fields.get_unless_false("args") {
        None => Map::new(),
        Some(value) => match value {
            Value::Object(args) => args.clone(),
            other => return Err(fields.wrong_kind("args", "an object", other)),
        },
    };
    Ok(Some(DockerSpec { name: name.to_owned(), tag, args }))
}

fn is_image_text(text: &str, max_bytes: usize, also: &str) -> bool {
    let first = text.chars().next();
    let begins = first.is_some_and(|char| char.is_ascii_alphanumeric() || (char == '_' && also.is_empty()));
    let plain = |char: char| char.is_ascii_alphanumeric() || "._-".contains(char) || also.contains(char);
    begins && text.len() <= max_bytes && text.chars().all(plain)
}

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
