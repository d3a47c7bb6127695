//! What an action's `env` means: the active version of a venv, one of its versions by number, or a path inside the app.

use lp_protocol::VenvId;
use lp_protocol::frames::PackageRef;
use lp_protocol::plan::EnvRef;
use lp_protocol::views::VersionRef;
use sea_orm::ConnectionTrait;

use super::history::PackageId;
use super::packages::Kind;
use crate::store::sql::placeholders;
use crate::store::{Error, Result, Store};

/// An `env`, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named<'a> {
    Path,
    /// Built from a lock: no venv.
    Built,
    Id(VenvId),
    /// `name`
    Active {
        name: &'a str,
    },
    /// `name@3`
    Version {
        name: &'a str,
        number: u32,
    },
    /// `name@` and no number.
    Wrong {
        name: &'a str,
    },
}

/// Names of venvs may hold an `@` themselves; what is after the last one is the version.
pub(super) fn parse(env: &EnvRef) -> Named<'_> {
    match env {
        EnvRef::Path(_) => Named::Path,
        EnvRef::Built(_) => Named::Built,
        EnvRef::Venv(venv_id) => Named::Id(*venv_id),
        EnvRef::Named(text) => match text.rsplit_once('@') {
            None => Named::Active { name: text },
            Some((name, version)) => match version.parse() {
                Ok(number) if number > 0 => Named::Version { name, number },
                _ => Named::Wrong { name },
            },
        },
    }
}

impl Store {
    /// The archive an action's `env` means now; the inner error says in a sentence why it means none.
    pub async fn find_env_package(&self, env: &EnvRef) -> Result<Result<PackageRef, String>> {
        let no_venv =
            |name: &dyn std::fmt::Display| Ok(Err(format!("there is no venv `{name}`; see `lp venv list`")));
        let (venv_id, which) = match parse(env) {
            Named::Path => return Ok(Err("it is a path inside the app".to_owned())),
            Named::Built => return Ok(Err("it is built from a lock".to_owned())),
            Named::Id(venv_id) => (venv_id, VersionRef::Active),
            Named::Wrong { name } => {
                return Ok(Err(format!(
                    "`{}` names no version of the venv `{name}`; write `{name}@3`",
                    of(env)
                )));
            }
            Named::Active { name } => match self.find_named(Kind::Venv, name).await? {
                Some(venv_id) => (VenvId(venv_id), VersionRef::Active),
                None => return no_venv(&name),
            },
            Named::Version { name, number } => match self.find_named(Kind::Venv, name).await? {
                Some(venv_id) => (VenvId(venv_id), VersionRef::Number(number)),
                None => return no_venv(&name),
            },
        };
        match (self.find_version_of(PackageId::Venv(venv_id), which).await, which) {
            (Ok(version), _) => Ok(Ok(PackageRef { digest: version.digest, size_bytes: version.size_bytes })),
            (Err(Error::NotFound { what: "version", .. }), VersionRef::Number(number)) => {
                let written = of(env);
                let name = written.rsplit_once('@').map_or(written.as_str(), |(name, _)| name);
                Ok(Err(format!(
                    "the venv `{name}` has no version {number}; see `lp venv history list {name}`"
                )))
            }
            (Err(Error::NotFound { .. }), _) => no_venv(&of(env)),
            (Err(error), _) => Err(error),
        }
    }

    /// Tells whether an archive is, or was, what an action's `env` means: a venv may be updated between an assignment and its fetch.
    pub async fn is_version_of_env(&self, env: &EnvRef, digest: &str) -> Result<bool> {
        let venv_id = match parse(env) {
            Named::Path | Named::Built => return Ok(false),
            Named::Id(venv_id) => Some(venv_id.0),
            Named::Active { name } | Named::Version { name, .. } | Named::Wrong { name } => {
                self.find_named(Kind::Venv, name).await?
            }
        };
        let Some(venv_id) = venv_id else { return Ok(false) };
        let sql = placeholders(self.backend, "SELECT 1 FROM versions WHERE package_id = ? AND digest = ?");
        let statement = self.statement(sql, [venv_id.into(), digest.into()]);
        Ok(self.read.query_one_raw(statement).await?.is_some())
    }
}

/// As it is written.
fn of(env: &EnvRef) -> String {
    match env {
        EnvRef::Path(path) => path.clone(),
        EnvRef::Built(recipe) => recipe.source.shown(),
        EnvRef::Venv(venv_id) => venv_id.to_string(),
        EnvRef::Named(name) => name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_at_sign_begins_the_version() {
        let named = |text: &str| EnvRef::Named(text.to_owned());
        for (text, meant) in [
            ("libs", Named::Active { name: "libs" }),
            ("libs@3", Named::Version { name: "libs", number: 3 }),
            ("libs@2@3", Named::Version { name: "libs@2", number: 3 }),
            ("libs@", Named::Wrong { name: "libs" }),
            ("libs@0", Named::Wrong { name: "libs" }),
            ("libs@latest", Named::Wrong { name: "libs" }),
        ] {
            assert_eq!(parse(&named(text)), meant, "{text}");
        }
    }
}
