//! `docker`: the container an action runs in.
//!
//! The image's name, the policy and every argument are checked here, so that a slip is found at upload; the plan keeps the arguments as
//! they were written.

use serde_json::{Map, Value};

use super::error::Error;
use super::fields::{Fields, quoted};
use super::grammar;
use super::warning::Warnings;
use crate::docker::{Args, DockerSpec, Pull, Reference};
use crate::plan::ActionPlan;

pub(super) fn read(action: &Fields<'_>, warnings: &mut Warnings) -> Result<Option<DockerSpec>, Error> {
    let Some(value) = action.get_unless_false("docker") else { return Ok(None) };
    let fields = action.object("docker", value)?;
    fields.warn_of_unknown(grammar::DOCKER, warnings);
    let mut spec = image(&fields)?;
    spec.pull = pull(&fields)?;
    spec.args = args(&fields)?;
    Ok(Some(spec))
}

fn image(fields: &Fields<'_>) -> Result<DockerSpec, Error> {
    if let Some(image) = fields.text("image")? {
        if let Some(other) = ["name", "tag"].into_iter().find(|key| fields.get(key).is_some()) {
            return Err(fields.rule(other, "must not be given with `docker.image`, which says all"));
        }
        Reference::parse(image).map_err(|error| fields.rule("image", error.to_string()))?;
        return Ok(DockerSpec { image: Some(image.to_owned()), ..DockerSpec::default() });
    }
    let name = fields.text("name")?.ok_or_else(|| {
        fields.rule(
            "name",
            "is missing; write the image as `docker.image`, or as `docker.name` and `docker.tag`",
        )
    })?;
    let named = Reference::parse(name).map_err(|error| fields.rule("name", error.to_string()))?;
    let tag = match fields.get("tag") {
        // LitePipeline puts it into the image's name as it is, so 3 is "3"
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => fields.text("tag")?.map(str::to_owned),
    };
    if tag.is_some() && (named.tag.is_some() || named.digest.is_some()) {
        return Err(fields.rule("tag", "must not be given with a `docker.name` that has a tag or digest"));
    }
    let tag = tag.unwrap_or_else(|| "latest".to_owned());
    let spec = DockerSpec { name: name.to_owned(), tag, ..DockerSpec::default() };
    spec.reference(None).map_err(|error| fields.rule("tag", error.to_string()))?;
    Ok(spec)
}

fn pull(fields: &Fields<'_>) -> Result<Pull, Error> {
    let Some(word) = fields.text("pull")? else { return Ok(Pull::default()) };
    let found = Pull::WORDS.iter().find(|(known, _)| *known == word);
    found
        .map(|(_, pull)| *pull)
        .ok_or_else(|| fields.wrong("pull", "\"missing\", \"always\" or \"never\"", quoted(word)))
}

fn args(fields: &Fields<'_>) -> Result<Map<String, Value>, Error> {
    let args = match fields.get_unless_false("args") {
        None => return Ok(Map::new()),
        Some(Value::Object(args)) => args,
        Some(other) => return Err(fields.wrong_kind("args", "an object", other)),
    };
    Args::parse(args).map_err(|error| fields.rule(&format!("args.{}", error.key), error.problem))?;
    Ok(args.clone())
}

/// GPUs that the container asks for by number are resources of the action: a node with as many is looked for, and nobody else gets them.
pub(super) fn reserve_gpus(plan: &mut ActionPlan) {
    if plan.resources.gpus == 0
        && let Some(spec) = &plan.docker
        && let Ok(args) = Args::parse(&spec.args)
    {
        plan.resources.gpus = args.counted_gpus();
    }
}
