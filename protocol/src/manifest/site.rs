//! Where an action runs: `docker` and `target_env`.

use serde_json::{Map, Value};

use super::env::parse_id;
use super::error::Error;
use super::fields::Fields;
use super::grammar;
use super::warning::Warnings;
use crate::NodeId;
use crate::plan::{DockerSpec, TargetEnv};

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
    let Some(value) = action.get_unless_false("target_env") else { return Ok(TargetEnv::default()) };
    let fields = action.object("target_env", value)?;
    if let Some(key) = fields.members.keys().find(|key| !grammar::TARGET.contains(&key.as_str())) {
        let nearest = grammar::nearest_key(key, grammar::TARGET).map(str::to_owned);
        return Err(Error::UnknownTarget { place: action.place.clone(), key: key.clone(), nearest });
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
    })
}
