//! `env` as an object: an environment to be built from a lock, or from a list of packages.
//!
//! What it names must be part of the application and nothing else: the environment is known by a digest of these files, so a file from
//! elsewhere would change what is built without anybody seeing it. Options are for the files; a package that looks like one is refused.

use serde_json::Value;

use super::error::Error;
use super::fields::Fields;
use super::{grammar, names};
use crate::env::{EnvRecipe, EnvSource};

/// Most packages of one list, and longest text of one.
const MAX_PACKAGES: usize = 1000;
const MAX_PACKAGE_BYTES: usize = 500;

pub(super) fn read(
    action: &Fields<'_>,
    value: &Value,
    has_path: Option<&dyn Fn(&str) -> bool>,
) -> Result<EnvRecipe, Error> {
    let fields = action.object("env", value)?;
    if let Some(key) = fields.members.keys().find(|key| !grammar::RECIPE.contains(&key.as_str())) {
        let nearest = grammar::nearest_key(key, grammar::RECIPE);
        let meant = nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
        return Err(fields.rule(
            key,
            format!(
                "is not known; an environment has `uv`, `requirements` or `packages`, and `python`{meant}"
            ),
        ));
    }
    let given: Vec<&str> =
        ["uv", "requirements", "packages"].into_iter().filter(|key| fields.get(key).is_some()).collect();
    if let [first, second, ..] = given[..] {
        return Err(fields.rule(
            second,
            format!("cannot be given with `{first}`: an environment is built from one of them"),
        ));
    }
    let python = python(&fields)?;
    let source = match given.first() {
        Some(&"uv") => EnvSource::Uv(uv(&fields, has_path)?),
        Some(&"requirements") => {
            let path = file(&fields, "requirements", has_path)?;
            EnvSource::Requirements(path)
        }
        Some(_) => EnvSource::Packages(packages(&fields)?),
        None => {
            let rule = "must have `uv`, `requirements` or `packages`, for instance {\"requirements\": \"requirements.txt\"}";
            return Err(action.rule("env", rule));
        }
    };
    Ok(EnvRecipe { source, python, content: None })
}

fn uv(fields: &Fields<'_>, has_path: Option<&dyn Fn(&str) -> bool>) -> Result<String, Error> {
    let path = file(fields, "uv", None)?;
    let (dir, name) = path.rsplit_once('/').map_or(("", path.as_str()), |(dir, name)| (dir, name));
    if name != "uv.lock" {
        return Err(fields.rule("uv", "must name a file called `uv.lock`, as uv itself calls it"));
    }
    file(fields, "uv", has_path)?;
    let project = if dir.is_empty() { "pyproject.toml".to_owned() } else { format!("{dir}/pyproject.toml") };
    if has_path.is_some_and(|has_path| !has_path(&project)) {
        return Err(fields.rule(
            "uv",
            format!("names `{path}`, but the app has no `{project}` beside it, which uv needs"),
        ));
    }
    Ok(path)
}

/// A file of the application.
fn file(fields: &Fields<'_>, key: &str, has_path: Option<&dyn Fn(&str) -> bool>) -> Result<String, Error> {
    let written = fields.text(key)?.ok_or_else(|| fields.missing(key))?;
    if let Some(fault) = super::env::fault(written) {
        return Err(fields.rule(key, fault));
    }
    let path =
        written.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/");
    if has_path.is_some_and(|has_path| !has_path(&path)) {
        return Err(fields.rule(key, format!("names `{}`, which the app does not have", names::shown(&path))));
    }
    Ok(path)
}

fn python(fields: &Fields<'_>) -> Result<Option<String>, Error> {
    match fields.get("python") {
        None => Ok(None),
        Some(Value::String(text)) if is_version(text) => Ok(Some(text.clone())),
        Some(Value::Number(_)) => {
            // 3.10 is the number 3.1
            Err(fields.rule("python", "must be written in quotes, for instance \"3.12\""))
        }
        Some(Value::String(_)) => {
            Err(fields
                .rule("python", "must be a version of Python 3 such as \"3.12\", without a third number"))
        }
        Some(other) => Err(fields.wrong_kind("python", "a version of Python such as \"3.12\"", other)),
    }
}

fn is_version(text: &str) -> bool {
    text.strip_prefix("3.").is_some_and(|minor| {
        matches!(minor.len(), 1 | 2)
            && minor.bytes().all(|byte| byte.is_ascii_digit())
            && !(minor.len() == 2 && minor.starts_with('0'))
    })
}

fn packages(fields: &Fields<'_>) -> Result<Vec<String>, Error> {
    let items = match fields.get("packages") {
        Some(Value::Array(items)) => items,
        Some(other) => {
            return Err(fields.wrong_kind("packages", "a list of packages such as [\"numpy==2.1\"]", other));
        }
        None => return Ok(Vec::new()),
    };
    if items.len() > MAX_PACKAGES {
        return Err(fields.rule(
            "packages",
            format!("must name at most {MAX_PACKAGES} packages; write them into a requirements.txt"),
        ));
    }
    let mut packages = Vec::with_capacity(items.len());
    for (position, item) in items.iter().enumerate() {
        let key = format!("packages[{position}]");
        let Value::String(package) = item else { return Err(fields.wrong_kind(&key, "a string", item)) };
        let package = package.trim();
        if let Some(fault) = package_fault(package) {
            return Err(fields.rule(&key, fault));
        }
        packages.push(package.to_owned());
    }
    if packages.is_empty() {
        return Err(fields.rule("packages", "must name at least one package"));
    }
    Ok(packages)
}

/// The rule a package breaks. A requirement begins with a name (PEP 508); everything else pip takes in its place is an option or a path.
fn package_fault(package: &str) -> Option<&'static str> {
    if package.is_empty() {
        Some("must not be empty")
    } else if package.starts_with('-') {
        Some(
            "is an option; options such as `--index-url` belong in a requirements.txt, or in the nodes' configuration of pip or uv",
        )
    } else if package.len() > MAX_PACKAGE_BYTES || package.chars().any(names::is_unseen) {
        Some("must be at most 500 bytes long and without control or invisible characters")
    } else if !package.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        Some(
            "must begin with the name of a package, for instance `numpy` or `numpy==2.1`; a package of your own goes as a wheel into `wheels/`",
        )
    } else if package.contains("file:") || (package.contains('/') && !package.contains("://")) {
        Some("must not name a file: put a wheel of the package into `wheels/` of the app and write its name")
    } else if package.contains(" -") {
        Some("must not carry options; they belong in a requirements.txt")
    } else {
        None
    }
}
