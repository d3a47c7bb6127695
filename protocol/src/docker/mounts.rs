//! What else a container sees of the node's files.

use serde_json::Value;

use super::reader::{ArgError, Reader, few, text, wrong};
use super::{APP, VENV, WORKSPACE};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounts {
    pub volumes: Vec<Volume>,
    /// Path in the container, and options such as `size=64m`.
    pub tmpfs: Vec<(String, String)>,
    /// The image's own files cannot be changed.
    pub read_only: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    pub source: Source,
    /// Path in the container.
    pub target: String,
    /// `ro`, `rw` and the like; empty: the engine's default.
    pub mode: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A path of the node.
    Path(String),
    /// A volume of the engine, by name.
    Named(String),
    /// A volume that lives as long as the container.
    Anonymous,
}

pub(super) fn read(args: &Reader<'_>) -> Result<Mounts, ArgError> {
    let tmpfs = tmpfs(args)?;
    for (target, _) in &tmpfs {
        check_target("tmpfs", target)?;
    }
    let volumes = volumes(args)?;
    for volume in &volumes {
        check_target("volumes", &volume.target)?;
    }
    Ok(Mounts { volumes, tmpfs, read_only: args.flag("read_only")?.unwrap_or(false) })
}

fn volumes(args: &Reader<'_>) -> Result<Vec<Volume>, ArgError> {
    match args.get("volumes") {
        None => Ok(Vec::new()),
        Some(Value::Array(_)) => args.texts("volumes")?.iter().map(|line| from_line(line)).collect(),
        Some(Value::Object(members)) => {
            few("volumes", members.len())?;
            members.iter().map(|(source, value)| from_member(source, value)).collect()
        }
        Some(other) => Err(wrong("volumes", "an object or a list of strings", other)),
    }
}

/// `/data:/mnt`, `/data:/mnt:ro`, `name:/mnt`, or `/mnt` alone.
fn from_line(line: &str) -> Result<Volume, ArgError> {
    let parts: Vec<&str> = line.split(':').collect();
    let (source, target, mode) = match parts.as_slice() {
        [target] => {
            return Ok(Volume {
                source: Source::Anonymous,
                target: (*target).to_owned(),
                mode: String::new(),
            });
        }
        [source, target] => (*source, *target, ""),
        [source, target, mode] => (*source, *target, *mode),
        _ => {
            return Err(ArgError::new(
                "volumes",
                format!("must be written SOURCE:TARGET[:MODE]; `{line}` is not"),
            ));
        }
    };
    volume(source, target, mode)
}

/// `"/data": {"bind": "/mnt", "mode": "ro"}`, or `"/data": "/mnt"`.
fn from_member(source: &str, value: &Value) -> Result<Volume, ArgError> {
    let path = format!("volumes.{source}");
    let wanted = "an object such as {\"bind\": \"/mnt\", \"mode\": \"ro\"}";
    match value {
        Value::String(target) => volume(source, target, ""),
        Value::Object(members) => {
            if let Some(key) = members.keys().find(|key| !["bind", "mode"].contains(&key.as_str())) {
                return Err(ArgError::new(
                    format!("{path}.{key}"),
                    format!("is not known; it must be {wanted}"),
                ));
            }
            let target = members.get("bind").ok_or_else(|| wrong(&path, wanted, value))?;
            let mode = match members.get("mode") {
                None | Some(Value::Null) => String::new(),
                Some(mode) => text(&format!("{path}.mode"), mode)?,
            };
            volume(source, &text(&format!("{path}.bind"), target)?, &mode)
        }
        other => Err(wrong(&path, wanted, other)),
    }
}

fn volume(source: &str, target: &str, mode: &str) -> Result<Volume, ArgError> {
    let problem = |text: String| Err(ArgError::new("volumes", text));
    if !mode.is_empty() && !mode.split(',').all(|word| MODES.contains(&word)) {
        return problem(format!("must have a mode such as `ro` or `rw`; `{mode}` is none"));
    }
    let source = if source.starts_with('/') {
        if source.split('/').any(|part| part == "..") || source.contains(':') {
            return problem(format!("must name paths without `..` and `:`; `{source}` has one"));
        }
        Source::Path(source.to_owned())
    } else if is_name(source) {
        Source::Named(source.to_owned())
    } else {
        return problem(format!(
            "must have paths of the node that begin with `/`, or names of volumes; `{source}` is neither"
        ));
    };
    Ok(Volume { source, target: target.to_owned(), mode: mode.to_owned() })
}

/// How a volume may be mounted. The modes that send mounts back to the node (`shared`, `rshared`) are not among them.
const MODES: &[&str] =
    &["ro", "rw", "z", "Z", "nocopy", "cached", "delegated", "consistent", "private", "rprivate"];

/// The engine's own rule for names of volumes.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    text.len() <= 255 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain)
}

/// `{"/run": "size=64m"}` or `["/run:size=64m"]`.
fn tmpfs(args: &Reader<'_>) -> Result<Vec<(String, String)>, ArgError> {
    let pairs = args.pairs("tmpfs", ':')?;
    Ok(pairs.into_iter().map(|(target, options)| (target, options.unwrap_or_default())).collect())
}

/// What is mounted must not hide, or lie under, what the platform mounts.
fn check_target(key: &str, target: &str) -> Result<(), ArgError> {
    let parts: Vec<&str> = target.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if !target.starts_with('/') || parts.is_empty() || parts.contains(&"..") || target.contains(':') {
        let problem =
            format!("must be mounted at paths in the container that begin with `/`; `{target}` is none");
        return Err(ArgError::new(key, problem));
    }
    for own in [APP, WORKSPACE, VENV] {
        let own_parts: Vec<&str> = own.split('/').filter(|part| !part.is_empty()).collect();
        if parts.starts_with(&own_parts) || own_parts.starts_with(&parts) {
            let problem = format!("must not be mounted at `{target}`: `{own}` is lp's own");
            return Err(ArgError::new(key, problem));
        }
    }
    Ok(())
}
