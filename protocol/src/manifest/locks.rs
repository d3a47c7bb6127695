//! The files that recipes name, read for what they install: one digest for each, and what cannot be known by a digest refused.
//!
//! A requirements file may include others (`-r`, `-c`), which belong to its digest. A lock may also name directories (`-e .`, a local package of
//! uv): what they hold can change without the lock changing, so they are refused; a wheel in `wheels/` takes their place.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::DigestHex;
use crate::env::{EnvSource, Locks, WHEELS};
use crate::plan::{EnvRef, Plan};

/// Largest file that is read, 8 MiB: a `uv.lock` of a thousand packages has some MiB.
pub const MAX_LOCK_BYTES: u64 = 8 << 20;

/// How deep requirements files include one another, and how many files all recipes of an application may be made of.
const MAX_DEPTH: usize = 8;
const MAX_FILES: usize = 200;

/// What is known of an application's files; filled in rounds, because only reading one tells which others it includes.
#[derive(Debug, Default)]
pub struct LockFiles {
    /// Content by path from the application's root.
    pub texts: BTreeMap<String, Vec<u8>>,
    /// Of each file below [`WHEELS`].
    pub wheels: BTreeMap<String, DigestHex>,
}

/// Why an application's locks cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("`{path}` is not in the app{}", included(by))]
    Missing { path: String, by: Option<String> },
    #[error("`{path}` has no readable text (it must be UTF-8 and at most 8 MiB long)")]
    NotText { path: String },
    #[error("`{path}`, line {line}: {what}")]
    Line { path: String, line: usize, what: String },
    #[error("`{path}` includes files deeper than {MAX_DEPTH} levels")]
    TooDeep { path: String },
    #[error("the recipes name more than {MAX_FILES} files")]
    TooMany,
}

fn included(by: &Option<String>) -> String {
    by.as_ref().map(|by| format!(" (`{by}` includes it)")).unwrap_or_default()
}

/// Files in the application's root that an action made at run time may name: nobody knows before that it will.
pub const LIKELY: [&str; 2] = ["uv.lock", "requirements.txt"];

/// True for what lies in the directory of wheels.
pub fn is_wheel(path: &str) -> bool {
    path.strip_prefix(WHEELS).is_some_and(|rest| rest.starts_with('/'))
}

/// The files the recipes of a plan name.
pub fn named(plan: &Plan) -> BTreeSet<String> {
    recipes(plan).filter_map(|source| source.file().map(str::to_owned)).collect()
}

/// Whether any action has a recipe.
pub fn has_recipes(plan: &Plan) -> bool {
    recipes(plan).next().is_some()
}

fn recipes(plan: &Plan) -> impl Iterator<Item = &EnvSource> {
    plan.actions.iter().chain(&plan.on_success).chain(&plan.on_fail).filter_map(|action| match &action.env {
        Some(EnvRef::Built(recipe)) => Some(&recipe.source),
        Some(EnvRef::Venv(_) | EnvRef::Named(_) | EnvRef::Path(_)) | None => None,
    })
}

/// The files that must be read beside those that were: what locks need beside them, and what requirements include.
///
/// # Errors
/// What includes them breaks a rule.
pub fn still_wanted(named: &BTreeSet<String>, files: &LockFiles) -> Result<BTreeSet<String>, Error> {
    let mut wanted = BTreeSet::new();
    let mut all = BTreeSet::new();
    for path in named {
        for part in parts(path, files)? {
            if !files.texts.contains_key(&part.path) {
                wanted.insert(part.path.clone());
            }
            all.insert(part.path);
        }
    }
    if all.len() > MAX_FILES {
        return Err(Error::TooMany);
    }
    Ok(wanted)
}

/// The digests of what was named; `has_path` tells whether the application has a file.
///
/// # Errors
/// A file is missing or breaks a rule.
pub fn digest(named: &BTreeSet<String>, files: &LockFiles) -> Result<Locks, Error> {
    let mut locks = Locks::new();
    for path in named {
        let mut hasher = Sha256::new();
        for part in parts(path, files)? {
            match files.texts.get(&part.path) {
                Some(text) => {
                    hasher.update((text.len() as u64).to_be_bytes());
                    hasher.update(text);
                }
                None if part.optional => hasher.update(u64::MAX.to_be_bytes()),
                None => return Err(Error::Missing { path: part.path, by: part.by }),
            }
        }
        locks.insert(path.clone(), hex(hasher));
    }
    if !files.wheels.is_empty() {
        let mut hasher = Sha256::new();
        for (path, digest) in &files.wheels {
            hasher.update(format!("{path}\0{digest}\n"));
        }
        locks.insert(WHEELS.to_owned(), hex(hasher));
    }
    Ok(locks)
}

fn hex(hasher: Sha256) -> DigestHex {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Part {
    path: String,
    /// Need not be there.
    optional: bool,
    by: Option<String>,
}

/// The files one lock is made of, itself first, as far as what has been read tells.
fn parts(path: &str, files: &LockFiles) -> Result<Vec<Part>, Error> {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let mut parts = vec![Part { path: path.to_owned(), optional: false, by: None }];
    if path == "uv.lock" || path.ends_with("/uv.lock") {
        if let Some(text) = text_of(path, files)? {
            check_uv(path, text)?;
        }
        for (name, optional) in [("pyproject.toml", false), ("uv.toml", true)] {
            parts.push(Part { path: join(dir, name), optional, by: Some(path.to_owned()) });
        }
    } else {
        include(path, files, 0, &mut parts)?;
    }
    Ok(parts)
}

fn include(path: &str, files: &LockFiles, depth: usize, parts: &mut Vec<Part>) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(Error::TooDeep { path: path.to_owned() });
    }
    let Some(text) = text_of(path, files)? else { return Ok(()) };
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    for (line, number) in text.lines().zip(1..) {
        let broken = |what: String| Error::Line { path: path.to_owned(), line: number, what };
        let Some(other) = included_by(line).map_err(broken)? else { continue };
        let other = within(dir, other)
            .ok_or_else(|| broken(format!("`{}` is not a file of the app", super::names::shown(other))))?;
        if parts.iter().any(|part| part.path == other) {
            continue;
        }
        if parts.len() >= MAX_FILES {
            return Err(Error::TooMany);
        }
        parts.push(Part { path: other.clone(), optional: false, by: Some(path.to_owned()) });
        include(&other, files, depth + 1, parts)?;
    }
    Ok(())
}

fn text_of<'f>(path: &str, files: &'f LockFiles) -> Result<Option<&'f str>, Error> {
    let Some(bytes) = files.texts.get(path) else { return Ok(None) };
    std::str::from_utf8(bytes).map(Some).map_err(|_| Error::NotText { path: path.to_owned() })
}

/// The file that a line of a requirements file includes.
fn included_by(line: &str) -> Result<Option<&str>, String> {
    let line = line.trim();
    let line = line.split_once(" #").map_or(line, |(line, _)| line.trim_end());
    if line.starts_with('#') || line.is_empty() {
        return Ok(None);
    }
    for option in ["--requirement", "--constraint", "-r", "-c"] {
        if let Some(rest) = line.strip_prefix(option)
            && (option.len() == 2 || rest.starts_with([' ', '=', '\t']))
        {
            let file = rest.trim_start_matches(['=', ' ', '\t']);
            return if file.contains("://") {
                Err("a requirements file of another place cannot be known by a digest; copy it into the app"
                    .to_owned())
            } else {
                Ok(Some(file))
            };
        }
    }
    let is_editable = line == "-e" || line.starts_with("-e ") || line.starts_with("--editable");
    let is_path = line.starts_with(['.', '/']) || line.contains("file:");
    if is_editable || is_path {
        return Err("a package of a directory cannot be known by a digest; build a wheel of it into `wheels/` of the app and write its name".to_owned());
    }
    Ok(None)
}

/// A lock that names a package of the machine it was made on.
fn check_uv(path: &str, text: &str) -> Result<(), Error> {
    for (line, number) in text.lines().zip(1..) {
        let Some(source) = line.trim().strip_prefix("source = {") else { continue };
        let source = source.trim();
        let kind = source.split([' ', '=']).next().unwrap_or_default();
        let is_root = source.contains("\".\"");
        if matches!(kind, "editable" | "directory" | "path" | "virtual") && !is_root {
            let what = format!(
                "the package of `{}` lies in a directory, which no digest covers; build a wheel of it and take it from an index",
                super::names::shown(source.trim_end_matches('}').trim())
            );
            return Err(Error::Line { path: path.to_owned(), line: number, what });
        }
    }
    Ok(())
}

fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

/// The path of `other`, as written in a file of `dir`; None where it leaves the application.
fn within(dir: &str, other: &str) -> Option<String> {
    if other.is_empty() || other.starts_with('/') || other.contains(['\\', '\0', '$']) {
        return None;
    }
    let mut parts: Vec<&str> = dir.split('/').filter(|part| !part.is_empty()).collect();
    for part in other.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(entries: &[(&str, &str)]) -> LockFiles {
        let texts =
            entries.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        LockFiles { texts, wheels: BTreeMap::new() }
    }

    fn one(path: &str) -> BTreeSet<String> {
        BTreeSet::from([path.to_owned()])
    }

    fn of(path: &str, entries: &[(&str, &str)]) -> Result<DigestHex, String> {
        digest(&one(path), &files(entries))
            .map(|locks| locks[path].clone())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_included_belongs_to_the_digest_and_is_asked_for() {
        let top = (
            "deps/dev.txt",
            "-r ../base.txt\n--constraint=c.txt # x\nnumpy==1 --hash=sha256:00\n--index-url https://x/simple\n",
        );
        assert_eq!(
            still_wanted(&one("deps/dev.txt"), &files(&[top])).unwrap(),
            BTreeSet::from(["base.txt".to_owned(), "deps/c.txt".to_owned()])
        );
        let base = of("deps/dev.txt", &[top, ("base.txt", "a"), ("deps/c.txt", "b")]).unwrap();

        assert_ne!(base, of("deps/dev.txt", &[top, ("base.txt", "a2"), ("deps/c.txt", "b")]).unwrap());
        assert_eq!(
            of("deps/dev.txt", &[top, ("base.txt", "a")]).unwrap_err(),
            "`deps/c.txt` is not in the app (`deps/dev.txt` includes it)"
        );
    }

    #[test]
    fn a_circle_of_includes_ends() {
        assert!(of("a.txt", &[("a.txt", "-r b.txt"), ("b.txt", "-ra.txt")]).is_ok());
    }

    #[test]
    fn what_no_digest_covers_is_refused_with_the_line() {
        for line in [
            "-e .",
            "--editable=./lib",
            "./lib",
            "../x.whl",
            "/opt/x.whl",
            "x @ file:///x.whl",
            "-r http://x/y.txt",
            "-r ../../x.txt",
        ] {
            let error = of("r.txt", &[("r.txt", &format!("numpy\n{line}\n"))]).unwrap_err();
            assert!(error.starts_with("`r.txt`, line 2: "), "{line}: {error}");
        }
        for source in
            ["editable = \"libs/x\"", "directory = \"../x\"", "path = \"x.whl\"", "virtual = \"member\""]
        {
            let text = format!("[[package]]\nsource = {{ {source} }}\n");
            let error = of("uv.lock", &[("uv.lock", &text), ("pyproject.toml", "")]).unwrap_err();
            assert!(error.starts_with("`uv.lock`, line 2: "), "{source}: {error}");
        }
    }

    #[test]
    fn a_uv_lock_goes_with_its_project() {
        let lock = (
            "uv.lock",
            "[[package]]\nname = \"app\"\nsource = { virtual = \".\" }\n[[package]]\nsource = { registry = \"https://index.example/simple\" }\n",
        );
        let base = of("uv.lock", &[lock, ("pyproject.toml", "a")]).unwrap();

        assert_ne!(base, of("uv.lock", &[lock, ("pyproject.toml", "b")]).unwrap());
        assert_ne!(base, of("uv.lock", &[lock, ("pyproject.toml", "a"), ("uv.toml", "")]).unwrap());
        assert!(of("uv.lock", &[lock]).unwrap_err().contains("pyproject.toml"));
    }

    #[test]
    fn wheels_count_by_name_and_content() {
        let with = |name: &str, digest: &str| {
            let mut files = files(&[]);
            files.wheels.insert(name.to_owned(), digest.to_owned());
            super::digest(&BTreeSet::new(), &files).unwrap()[WHEELS].clone()
        };

        assert_ne!(with("wheels/a.whl", "1"), with("wheels/a.whl", "2"));
        assert_ne!(with("wheels/a.whl", "1"), with("wheels/b.whl", "1"));
        assert!(is_wheel("wheels/a.whl") && !is_wheel("wheels") && !is_wheel("wheelsx/a"));
    }
}
