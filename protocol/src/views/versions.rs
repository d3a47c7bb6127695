//! The versions of applications and venvs, and what differs between two of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::VersionView;
use crate::plan::Plan;

/// Which version of a package is meant, as it stands in a path and on a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionRef {
    /// `3`, or `v3`.
    Number(u32),
    /// The one new tasks run.
    Active,
    /// The one that was active before.
    Previous,
}

/// The text names no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version: give its number (1, 2, 3, ...), `active` or `previous`")]
pub struct NotAVersion(pub String);

impl FromStr for VersionRef {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        let digits = text.strip_prefix('v').unwrap_or(text);
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        match (text, digits.parse()) {
            ("active", _) => Ok(Self::Active),
            ("previous", _) => Ok(Self::Previous),
            (_, Ok(number)) if is_number && number > 0 => Ok(Self::Number(number)),
            _ => Err(NotAVersion(text.to_owned())),
        }
    }
}

impl fmt::Display for VersionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Active => f.write_str("active"),
            Self::Previous => f.write_str("previous"),
        }
    }
}

/// Answer of `GET /apps/{app}/versions/{version}` and the same of a venv.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VersionInfo {
    #[serde(flatten)]
    pub version: VersionView,
    /// Tasks that are not finished and use it.
    #[serde(default)]
    pub open_tasks: u64,
    /// Of an application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// The manifest of an application as it was uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
}

/// What differs between two versions of a package.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct VersionDiff {
    pub from: VersionView,
    pub to: VersionView,
    pub files: FileChanges,
    /// Of an application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ManifestChanges>,
}

/// Files, links and empty directories, by path relative to the package's root. The lists are sorted and may be cut short; the counts are whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FileChanges {
    pub added: Vec<PackagedFile>,
    pub removed: Vec<PackagedFile>,
    pub changed: Vec<ChangedFile>,
    pub added_count: u64,
    pub removed_count: u64,
    pub changed_count: u64,
    pub unchanged_count: u64,
}

impl FileChanges {
    /// Whether a list has less than its count says.
    pub fn is_cut(&self) -> bool {
        let listed = [self.added.len(), self.removed.len(), self.changed.len()];
        let counted = [self.added_count, self.removed_count, self.changed_count];
        listed.into_iter().zip(counted).any(|(listed, counted)| (listed as u64) < counted)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PackagedFile {
    pub path: String,
    pub kind: PackagedKind,
    pub size_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PackagedKind {
    File,
    /// A file that may be executed.
    Program,
    Link,
    Directory,
}

impl PackagedKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Program => "program",
            Self::Link => "link",
            Self::Directory => "directory",
        }
    }
}

/// A path both versions have, with other content, kind or target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChangedFile {
    pub path: String,
    pub from_kind: PackagedKind,
    pub to_kind: PackagedKind,
    pub from_size_bytes: u64,
    pub to_size_bytes: u64,
}

/// What differs between two manifests in meaning; order of keys, comments, and what is written out though it is the default do not count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ManifestChanges {
    pub added_actions: Vec<String>,
    pub removed_actions: Vec<String>,
    pub changed_actions: Vec<ChangedAction>,
    /// Keys beside the actions.
    pub changed_keys: Vec<ChangedKey>,
}

impl ManifestChanges {
    pub fn is_empty(&self) -> bool {
        let Self { added_actions, removed_actions, changed_actions, changed_keys } = self;
        added_actions.is_empty()
            && removed_actions.is_empty()
            && changed_actions.is_empty()
            && changed_keys.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChangedAction {
    pub name: String,
    pub keys: Vec<ChangedKey>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChangedKey {
    pub key: String,
    /// Null where it was not there.
    #[schema(value_type = Object, nullable)]
    pub from: serde_json::Value,
    /// Null where it is not there any more.
    #[schema(value_type = Object, nullable)]
    pub to: serde_json::Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_named_by_its_number_or_its_place() {
        for (text, meant) in [
            ("1", VersionRef::Number(1)),
            ("v12", VersionRef::Number(12)),
            ("active", VersionRef::Active),
            ("previous", VersionRef::Previous),
        ] {
            assert_eq!(text.parse(), Ok(meant), "{text}");
        }
        for text in ["", "0", "v", "+1", "-1", "1.0", "vv1", "last", "99999999999"] {
            assert_eq!(text.parse::<VersionRef>(), Err(NotAVersion(text.to_owned())), "{text}");
        }
    }
}
