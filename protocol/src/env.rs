//! Environments that are built from a lock: what an application asks for, and by which name the result is known everywhere.
//!
//! Two digests make a name. [`EnvRecipe::content`] is all that the application says (the files it names, the wheels it brings); it is taken
//! when the application is uploaded, so no archive is needed later. [`key`] adds what the node is: its platform and its Python. What has
//! the same key is the same environment, whichever application asked for it and whichever node built it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::DigestHex;
use crate::frames::PackageRef;
use crate::plan::{ActionPlan, EnvRef, Plan};

/// Grows when the same content is built in another way from now on; what was built before is then not used any more.
pub const RECIPE_VERSION: u32 = 1;

/// Directory of wheels that an application may bring; where it is there, nothing is taken from an index.
pub const WHEELS: &str = "wheels";

/// Digests of the files that recipes name, by path; that of [`WHEELS`] is the directory's. A file's digest covers the files it includes.
pub type Locks = BTreeMap<String, DigestHex>;

/// An environment as an action asks for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EnvRecipe {
    pub source: EnvSource,
    /// The wanted Python, `3.12`; None: the node's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Digest of all that goes into it. None until the application's files have been looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<DigestHex>,
}

/// What is installed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnvSource {
    /// Path of a `uv.lock` with its `pyproject.toml` beside it.
    Uv(String),
    /// Path of a `requirements.txt`.
    Requirements(String),
    /// Requirements as pip takes them on its command line.
    Packages(Vec<String>),
}

impl EnvSource {
    /// `uv`, `requirements` or `packages`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Uv(_) => "uv",
            Self::Requirements(_) => "requirements",
            Self::Packages(_) => "packages",
        }
    }

    /// The file of the application it names.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Uv(path) | Self::Requirements(path) => Some(path),
            Self::Packages(_) => None,
        }
    }

    /// For people: the file, or the first packages.
    pub fn shown(&self) -> String {
        match self {
            Self::Uv(path) | Self::Requirements(path) => path.clone(),
            Self::Packages(packages) => match &packages[..] {
                [] => "no packages".to_owned(),
                [first] => first.clone(),
                [first, rest @ ..] => format!("{first} and {} more", rest.len()),
            },
        }
    }
}

impl EnvRecipe {
    /// Takes the digest of its content from what is known of the application's files.
    ///
    /// # Errors
    /// The path of the file that is not among them.
    pub fn settle(&mut self, locks: &Locks) -> Result<(), String> {
        let mut hasher = Sha256::new();
        let mut add = |text: &str| {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text);
        };
        add(&RECIPE_VERSION.to_string());
        add(self.source.kind());
        match &self.source {
            EnvSource::Uv(path) | EnvSource::Requirements(path) => {
                add(locks.get(path).ok_or_else(|| path.clone())?);
            }
            EnvSource::Packages(packages) => {
                let mut packages: Vec<&str> = packages.iter().map(String::as_str).collect();
                packages.sort_unstable();
                packages.dedup();
                packages.iter().for_each(|package| add(package));
            }
        }
        add(locks.get(WHEELS).map_or("", String::as_str));
        self.content = Some(hex(hasher));
        Ok(())
    }
}

/// Settles all recipes of a plan with the plan's own locks.
///
/// # Errors
/// The action and the path of its file that is not among them.
pub fn settle(plan: &mut Plan) -> Result<(), (String, String)> {
    let Plan { actions, on_success, on_fail, output_action: _, locks } = plan;
    for action in actions.iter_mut().chain(on_success).chain(on_fail) {
        settle_action(action, locks).map_err(|path| (action.name.clone(), path))?;
    }
    Ok(())
}

/// Settles the recipe of one action, if it has one.
///
/// # Errors
/// The path of its file that is not among the locks.
pub fn settle_action(action: &mut ActionPlan, locks: &Locks) -> Result<(), String> {
    match &mut action.env {
        Some(EnvRef::Built(recipe)) => recipe.settle(locks),
        Some(EnvRef::Venv(_) | EnvRef::Named(_) | EnvRef::Path(_)) | None => Ok(()),
    }
}

/// The name of an environment: `content` built for `platform` (machine, system and C library, `x86_64-linux-gnu`) with the Python `python` (`3.12`).
pub fn key(content: &str, platform: &str, python: &str) -> DigestHex {
    let mut hasher = Sha256::new();
    for part in [content, platform, python] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hex(hasher)
}

fn hex(hasher: Sha256) -> DigestHex {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A node's wish for a built environment. Repeated on every new connection for as long as it waits or builds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvWish {
    /// An attempt of this node that needs it.
    pub attempt: crate::AttemptKey,
    pub platform: String,
    pub python: String,
    /// The number of the build under way on this node, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub building: Option<u32>,
}

/// What a wish is answered, at once and again whenever it changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnvAnswer {
    /// It is there to be fetched.
    Ready(PackageRef),
    /// Build it; nobody else does. The number says which try this is, and what is told of an earlier one is ignored.
    Build { number: u32 },
    /// Another node builds it; more follows.
    Wait { node: String, since: chrono::DateTime<chrono::Utc> },
    /// The last build has failed; somebody tries again then.
    Later { retry_at: chrono::DateTime<chrono::Utc>, error: String },
    /// It cannot be built for now.
    Failed { error: String },
}

/// Body of `POST /node/v1/builds/{key}`: what became of a build.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BuildReport {
    pub number: u32,
    pub outcome: BuildOutcome,
    pub seconds: f64,
    /// The end of what the tools have said.
    #[serde(default)]
    pub log: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BuildOutcome {
    /// Its pack is uploaded.
    Done(PackageRef),
    /// A sentence; the last words of the tools belong in it.
    Failed { error: String },
    /// Nobody on the node wants it any more.
    GivenUp,
}

/// Longest log of a build that is kept, 256 KiB: the end, where tools say what went wrong.
pub const MAX_BUILD_LOG_BYTES: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(source: EnvSource) -> EnvRecipe {
        EnvRecipe { source, python: None, content: None }
    }

    fn locks(entries: &[(&str, &str)]) -> Locks {
        entries.iter().map(|(path, digest)| ((*path).to_owned(), (*digest).to_owned())).collect()
    }

    fn content(source: EnvSource, entries: &[(&str, &str)]) -> DigestHex {
        let mut recipe = recipe(source);
        recipe.settle(&locks(entries)).unwrap();
        recipe.content.unwrap()
    }

    #[test]
    fn the_content_is_what_is_installed_and_not_what_its_file_is_called() {
        let requirements = |path: &str| EnvSource::Requirements(path.into());
        let base = content(requirements("a.txt"), &[("a.txt", "1"), ("b.txt", "2")]);

        assert_eq!(base, content(requirements("b.txt"), &[("b.txt", "1")]));
        assert_ne!(base, content(requirements("a.txt"), &[("a.txt", "2")]));
        assert_ne!(base, content(requirements("a.txt"), &[("a.txt", "1"), (WHEELS, "3")]));
        assert_ne!(base, content(EnvSource::Uv("a.txt".into()), &[("a.txt", "1")]));
        assert_eq!(recipe(requirements("x.txt")).settle(&locks(&[])), Err("x.txt".to_owned()));
    }

    #[test]
    fn packages_are_a_set() {
        let packages = |names: &[&str]| {
            content(EnvSource::Packages(names.iter().map(|name| (*name).to_owned()).collect()), &[])
        };

        assert_eq!(packages(&["a", "b"]), packages(&["b", "a", "b"]));
        assert_ne!(packages(&["a", "b"]), packages(&["ab"]));
    }

    #[test]
    fn each_part_of_the_key_counts() {
        let keys: std::collections::BTreeSet<DigestHex> = [
            ("c", "p", "3.11"),
            ("d", "p", "3.11"),
            ("c", "q", "3.11"),
            ("c", "p", "3.12"),
            ("cp", "", "3.11"),
        ]
        .map(|(content, platform, python)| key(content, platform, python))
        .into();

        assert_eq!(keys.len(), 5);
        assert!(keys.iter().all(|key| key.len() == 64));
    }
}
