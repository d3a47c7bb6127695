//! The files of one conda package go where they belong in the environment.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::super::prefix::{self, Content, NoRoom};
use super::archive::Extracted;
use super::prefix_dir::PrefixDir;
use super::{PixiError, list, metadata, scripts};

/// The place that packages were built at which do not say one (conda's own constant, split so that it does not find itself).
const OLD_PLACEHOLDER: &str = concat!("/opt/anaconda1", "anaconda2", "anaconda3");

/// 1 GiB: a file that is rewritten is held in memory.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// `info/index.json`.
#[derive(Deserialize)]
struct Index {
    name: String,
    version: String,
    build: String,
    #[serde(default)]
    noarch: serde_json::Value,
}

/// `info/paths.json`.
#[derive(Default, Deserialize)]
struct Paths {
    paths: Vec<PathFacts>,
}

#[derive(Deserialize)]
struct PathFacts {
    #[serde(rename = "_path")]
    path: String,
    #[serde(default)]
    prefix_placeholder: Option<String>,
    #[serde(default)]
    file_mode: Option<String>,
}

/// `info/link.json`.
#[derive(Default, Deserialize)]
struct Link {
    #[serde(default)]
    noarch: NoArch,
}

#[derive(Default, Deserialize)]
struct NoArch {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    entry_points: Vec<String>,
}

/// The files that name where they were built, by path in the package.
type Placeholders = BTreeMap<String, (String, Content)>;

/// Puts a package into the environment. `python` is the version of the environment's, such as `3.12`.
pub(super) fn link(prefix: &PrefixDir, extracted: &Extracted, python: Option<&str>) -> Result<(), PixiError> {
    let install_error = |reason: String| PixiError::Install { package: extracted.package.clone(), reason };
    let index: Index = metadata::read(&extracted.info.join("index.json"))?
        .ok_or_else(|| install_error("it has no index.json".to_owned()))?;
    let link: Link = metadata::read(&extracted.info.join("link.json"))?.unwrap_or_default();
    let is_python = link.noarch.kind == "python" || index.noarch == "python";
    let python = match (is_python, python) {
        (true, None) => return Err(install_error("it is for Python, and no package brings one".to_owned())),
        (true, python) => python,
        (false, _) => None,
    };
    let package =
        Package { prefix, name: &extracted.package, python, placeholders: placeholders(extracted)? };
    package.take_dir(&extracted.files, Path::new(""))?;
    for line in &link.noarch.entry_points {
        let script = scripts::read(line)
            .and_then(|(name, target)| Some((name, scripts::of_entry_point(prefix.place(), target)?)));
        let (name, script) = script
            .ok_or_else(|| install_error(format!("its entry point `{}` is none", line.escape_debug())))?;
        prefix.write(Path::new("bin").join(name), script.as_bytes(), true)?;
    }
    let Index { name, version, build, noarch: _ } = &index;
    let is_file_name = |text: &str| !text.is_empty() && !text.contains(['/', '\0']);
    if ![name, version, build].iter().all(|part| is_file_name(part)) {
        return Err(install_error("its index.json has no usable name, version and build".to_owned()));
    }
    let record =
        serde_json::json!({ "name": name, "version": version, "build": build, "fn": extracted.package });
    prefix.write(format!("conda-meta/{name}-{version}-{build}.json"), record.to_string().as_bytes(), false)
}

/// Which files name where they were built: in `paths.json`, or in `has_prefix` of older packages.
fn placeholders(extracted: &Extracted) -> Result<Placeholders, PixiError> {
    if let Some(Paths { paths }) = metadata::read(&extracted.info.join("paths.json"))? {
        let named = |facts: PathFacts| {
            let placeholder = facts.prefix_placeholder.filter(|placeholder| !placeholder.is_empty())?;
            Some((facts.path, (placeholder, Content::of(&facts.file_mode?)?)))
        };
        return Ok(paths.into_iter().filter_map(named).collect());
    }
    match fs::read_to_string(extracted.info.join("has_prefix")) {
        Ok(text) => Ok(text.lines().filter_map(old_line).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Placeholders::new()),
        Err(source) => Err(PixiError::Read { file: "has_prefix".to_owned(), source }),
    }
}

/// `placeholder mode path`, or only the path.
fn old_line(line: &str) -> Option<(String, (String, Content))> {
    let line = line.trim();
    let mut words = line.splitn(3, ' ');
    if let (Some(placeholder), Some(mode), Some(path)) = (words.next(), words.next(), words.next())
        && let Some(content) = Content::of(mode)
    {
        return Some((path.trim().trim_matches('"').to_owned(), (placeholder.to_owned(), content)));
    }
    (!line.is_empty()).then(|| (line.to_owned(), (OLD_PLACEHOLDER.to_owned(), Content::Text)))
}

struct Package<'a> {
    prefix: &'a PrefixDir,
    name: &'a str,
    /// Where its modules are for any Python: the version of the one there is.
    python: Option<&'a str>,
    placeholders: Placeholders,
}

impl Package<'_> {
    /// The reader bounds the depth.
    fn take_dir(&self, dir: &Path, relative: &Path) -> Result<(), PixiError> {
        for path in list(dir)? {
            let Some(name) = path.file_name() else { continue };
            let relative = relative.join(name);
            let facts = path
                .symlink_metadata()
                .map_err(|source| PixiError::Read { file: super::name(&path), source })?;
            if facts.is_dir() {
                self.prefix.make_dir(&self.target(&relative))?;
                self.take_dir(&path, &relative)?;
            } else {
                self.take_file(&path, &relative, &facts)?;
            }
        }
        Ok(())
    }

    fn take_file(&self, path: &Path, relative: &Path, facts: &fs::Metadata) -> Result<(), PixiError> {
        let target = self.target(relative);
        let placeholder = relative.to_str().and_then(|relative| self.placeholders.get(relative));
        let Some((placeholder, content)) = placeholder.filter(|_| facts.is_file()) else {
            return self.prefix.take(path, &target);
        };
        let file = relative.display().to_string();
        if facts.len() > MAX_FILE_BYTES {
            let reason = format!("`{file}` names its place and is larger than 1 GiB");
            return Err(PixiError::Install { package: self.name.to_owned(), reason });
        }
        let old = fs::read(path).map_err(|source| PixiError::Read { file: file.clone(), source })?;
        let new = prefix::replace(&old, placeholder, self.prefix.place(), *content).map_err(
            |NoRoom { room, needed }| PixiError::NoRoom { package: self.name.to_owned(), file, room, needed },
        )?;
        let is_executable = std::os::unix::fs::PermissionsExt::mode(&facts.permissions()) & 0o100 != 0;
        self.prefix.write(&target, &new, is_executable)
    }

    /// Where a file of the package goes: packages for any Python do not know where the one there is looks for modules.
    fn target(&self, relative: &Path) -> PathBuf {
        let Some(python) = self.python else { return relative.to_owned() };
        if let Ok(rest) = relative.strip_prefix("site-packages") {
            join(&site_packages(python), rest)
        } else if let Ok(rest) = relative.strip_prefix("python-scripts") {
            join(Path::new("bin"), rest)
        } else {
            relative.to_owned()
        }
    }
}

/// Where Python `3.12` of an environment looks for modules.
pub(super) fn site_packages(python: &str) -> PathBuf {
    PathBuf::from(format!("lib/python{python}/site-packages"))
}

/// As [`Path::join`], without a `/` at the end for nothing.
fn join(dir: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { dir.to_owned() } else { dir.join(rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_packages_say_in_lines_which_files_name_their_place() {
        for (line, read_as) in [
            ("/b/_h_env text bin/x", Some(("bin/x", "/b/_h_env", Content::Text))),
            ("/b/_h_env binary \"lib/a b.so\"", Some(("lib/a b.so", "/b/_h_env", Content::Binary))),
            ("bin/old", Some(("bin/old", OLD_PLACEHOLDER, Content::Text))),
            ("", None),
        ] {
            let read = old_line(line);
            let read =
                read.as_ref().map(|(path, (place, content))| (path.as_str(), place.as_str(), *content));
            assert_eq!(read, read_as, "{line}");
        }
    }
}
