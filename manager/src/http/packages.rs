//! From an uploaded archive to a version: the whole archive is read once under limits, and for an app its manifest is compiled.

use std::collections::BTreeMap;
use std::path::PathBuf;

use actix_web::web;
use lp_package::{Digest, Rules, Summed};
use lp_protocol::manifest::{self, MANIFEST_NAME};
use lp_protocol::plan::EnvRef;
use lp_protocol::{ApiError, ErrorCode};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::failure::Failure;
use super::state::State;
use crate::auth::Principal;
use crate::blobs::Key;
use crate::store::{NewVersion, PackageList, Program};

/// Archives read at once: each keeps a processor busy and may hold some ten MiB of names.
pub(super) static SURVEYS: Semaphore = Semaphore::const_new(2);

/// What a package is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    App { strict: bool },
    Venv,
}

/// Query of the lists of apps and venvs.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListPackages {
    /// A glob over the name: `*` and `?`.
    pub(crate) name: Option<String>,
    /// `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
    /// Largest number of items, at most 1000; default 50.
    pub(crate) limit: Option<u32>,
}

impl From<ListPackages> for PackageList {
    fn from(ListPackages { name, cursor, limit }: ListPackages) -> Self {
        Self { name, cursor, limit }
    }
}

/// Reads the archive with this digest and makes a version of it. What an `env` of it names and is not there (yet) is told beside, or refused
/// where strictness was asked for.
pub(crate) async fn version_of(
    state: &web::Data<State>,
    digest: &str,
    description: String,
    caller: Principal,
    purpose: Purpose,
) -> Result<(NewVersion, Vec<String>), Failure> {
    let digest = super::blobs::parse_digest(digest)?;
    if state.blobs.touch_package(&digest).await?.is_none() {
        return Err(
            Failure::not_found("package", digest).hint("Upload it first: PUT /api/v1/blobs/{digest}.")
        );
    }
    let path = state.blobs.path_of(&Key::package(&digest));
    let known = state.catalogue.recall_sums(&digest);
    let _turn = SURVEYS.acquire().await.map_err(|error| Failure::internal(&error))?;
    let read = tokio::task::spawn_blocking(move || read_archive(path, digest, known, purpose)).await;
    let archive = read.map_err(|error| Failure::internal(&error))??;
    state.catalogue.remember_sums(&archive.summed);
    let missing = missing_envs(state, archive.program.as_ref()).await?;
    if let (Purpose::App { strict: true }, Some(first)) = (purpose, missing.first()) {
        return Err(Failure::new(ErrorCode::InvalidManifest, first.clone()));
    }
    let version = NewVersion {
        digest: archive.summed.digest.to_string(),
        sha1: archive.summed.sha1,
        size_bytes: archive.summed.size,
        format: archive.format.to_string(),
        description,
        create_by: caller.actor(),
        program: archive.program,
    };
    Ok((version, missing))
}

/// A sentence for each `env` that means nothing now.
async fn missing_envs(state: &State, program: Option<&Program>) -> Result<Vec<String>, Failure> {
    let mut missing = Vec::new();
    let Some(Program { plan, .. }) = program else { return Ok(missing) };
    let mut envs: BTreeMap<&EnvRef, &str> = BTreeMap::new();
    for action in plan.actions.iter().chain(&plan.on_success).chain(&plan.on_fail) {
        match &action.env {
            None | Some(EnvRef::Path(_) | EnvRef::Built(_)) => {}
            Some(env @ (EnvRef::Venv(_) | EnvRef::Named(_))) => {
                envs.entry(env).or_insert(&action.name);
            }
        }
    }
    for (env, action) in envs {
        if let Err(reason) = state.store.find_env_package(env).await? {
            missing.push(format!("`env` of action `{action}`: {reason}"));
        }
    }
    Ok(missing)
}

struct ReadArchive {
    summed: Summed,
    format: lp_package::Format,
    program: Option<Program>,
}

fn read_archive(
    path: PathBuf,
    digest: Digest,
    known: Option<Summed>,
    purpose: Purpose,
) -> Result<ReadArchive, Failure> {
    let summed = match known {
        Some(summed) => summed,
        None => lp_package::digest::sum_file(&path).map_err(|error| Failure::internal(&error))?,
    };
    if summed.digest != digest {
        let cause =
            std::io::Error::other(format!("the stored package {digest} has the digest {}", summed.digest));
        return Err(Failure::internal(&cause));
    }
    let rules = match purpose {
        Purpose::App { .. } => Rules::app(),
        Purpose::Venv => Rules::venv(),
    };
    let survey = lp_package::survey(&path, rules, MANIFEST_NAME, manifest::MAX_BYTES as u64)?;
    let Purpose::App { strict } = purpose else {
        return Ok(ReadArchive { summed, format: survey.format, program: None });
    };
    let Some(bytes) = &survey.file else {
        return Err(Failure::new(
            ErrorCode::InvalidManifest,
            format!("the archive has no {MANIFEST_NAME} ({})", survey.describe_top()),
        )
        .hint("It must be in the one directory that holds everything, or at the top of the archive."));
    };
    let has_path = |path: &str| survey.kind_of(path).is_some();
    let options = manifest::Options { strict, has_path: Some(&has_path) };
    let mut parsed = manifest::parse(bytes, &options).map_err(ApiError::from)?;
    super::locks::settle(&path, &survey, &mut parsed.plan)?;
    let program = Program {
        plan: parsed.plan,
        // it was parsed as UTF-8
        manifest: String::from_utf8_lossy(bytes).into_owned(),
        warnings: parsed.warnings.iter().map(ToString::to_string).collect(),
    };
    Ok(ReadArchive { summed, format: survey.format, program: Some(program) })
}
