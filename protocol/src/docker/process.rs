//! What is started in a container, and as whom.

use serde_json::Value;

use super::reader::{ArgError, Reader, text, wrong};
use crate::manifest::fields::whole;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// In the place of the image's; empty: none at all.
    pub entrypoint: Option<Vec<String>>,
    /// None for a variable of the image that is taken away.
    pub environment: Vec<(String, Option<String>)>,
    /// A name or number of the image, with or without a group: `1000:1000`.
    pub user: Option<String>,
    pub group_add: Vec<String>,
    pub working_dir: Option<String>,
    /// A small first process that passes signals on and collects what others leave.
    pub init: Option<bool>,
    /// `linux/amd64`.
    pub platform: Option<String>,
    pub labels: Vec<(String, String)>,
}

/// What the platform's own labels begin with.
pub const LABEL_PREFIX: &str = "lp.";

pub(super) fn read(args: &Reader<'_>) -> Result<Process, ArgError> {
    let working_dir = args.text("working_dir")?;
    if working_dir.as_ref().is_some_and(|dir| !dir.starts_with('/')) {
        return Err(ArgError::new("working_dir", "must be a path in the container that begins with `/`"));
    }
    Ok(Process {
        entrypoint: entrypoint(args)?,
        environment: environment(args)?,
        user: user(args)?,
        group_add: group_add(args)?,
        working_dir,
        init: args.flag("init")?,
        platform: args.text("platform")?,
        labels: labels(args)?,
    })
}

/// A list, or a line of words. An empty one takes the image's away.
fn entrypoint(args: &Reader<'_>) -> Result<Option<Vec<String>>, ArgError> {
    match args.get("entrypoint") {
        None => Ok(None),
        Some(Value::String(line)) if line.contains(['"', '\'', '\\']) => {
            Err(ArgError::new("entrypoint", "must be a list of strings where a word has quotes"))
        }
        Some(value @ Value::String(_)) => {
            let line = text("entrypoint", value)?;
            Ok(Some(line.split_ascii_whitespace().map(str::to_owned).collect()))
        }
        Some(Value::Array(_)) => args.texts("entrypoint").map(Some),
        Some(other) => Err(wrong("entrypoint", "a string or a list of strings", other)),
    }
}

fn environment(args: &Reader<'_>) -> Result<Vec<(String, Option<String>)>, ArgError> {
    let variables = args.pairs("environment", '=')?;
    for (name, _) in &variables {
        let path = format!("environment.{name}");
        if name.is_empty() || name.contains('=') {
            return Err(ArgError::new(path, "is not the name of a variable"));
        }
        if name.starts_with("LP_") {
            return Err(ArgError::new(path, "must not be set: names with LP_ are lp's own"));
        }
    }
    Ok(variables)
}

fn user(args: &Reader<'_>) -> Result<Option<String>, ArgError> {
    let Some(value) = args.get("user") else { return Ok(None) };
    let user = match value {
        Value::Number(_) => whole(value).filter(|id| *id >= 0).map(|id| id.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-$".contains(c))
    };
    let is_fine = |user: &String| match user.split_once(':') {
        Some((name, group)) => is_name(name) && is_name(group),
        None => is_name(user),
    };
    let wanted = "a user of the image such as \"1000\", \"app\" or \"1000:100\"";
    user.filter(is_fine).map(Some).ok_or_else(|| wrong("user", wanted, value))
}

fn group_add(args: &Reader<'_>) -> Result<Vec<String>, ArgError> {
    let item = |(path, value): (String, &Value)| super::reader::scalar(&path, value);
    args.items("group_add")?.into_iter().map(item).collect()
}

fn labels(args: &Reader<'_>) -> Result<Vec<(String, String)>, ArgError> {
    let labels = args.pairs("labels", '=')?;
    if let Some((name, _)) = labels.iter().find(|(name, _)| name.starts_with(LABEL_PREFIX)) {
        let problem = "must not be set: labels with `lp.` are lp's own";
        return Err(ArgError::new(format!("labels.{name}"), problem));
    }
    Ok(labels.into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect())
}
