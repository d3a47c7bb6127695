//! What differs between two versions: their files, and for an application the meaning of their manifests.

use std::path::PathBuf;

use actix_web::HttpResponse;
use lp_package::listing::{Fact, FactKind};
use lp_package::{ArchiveError, Limits, Listing, Rules};
use lp_protocol::manifest;
use lp_protocol::views::{
    ChangedFile, FileChanges, ManifestChanges, PackagedFile, PackagedKind, VersionDiff, VersionView,
};
use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::super::blobs::parse_digest;
use super::super::failure::Failure;
use super::super::state::State;
use super::shared::parse;
use crate::blobs::Key;
use crate::store::{Detail, PackageId};

/// Pairs of archives compared at once: each keeps a processor busy and holds the names of all files of both.
static COMPARISONS: Semaphore = Semaphore::const_new(1);

/// Entries of an archive that is compared, 250,000: about 40 MiB of memory, and more than the largest environments in use hold.
const MAX_ENTRIES: u32 = 250_000;

/// Paths in each list of the answer, unless fewer are asked for.
const MAX_LISTED: u32 = 10_000;
const DEFAULT_LISTED: u32 = 1000;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiffQuery {
    /// Number of a version, `active` or `previous`; default `previous`.
    from: Option<String>,
    /// The same; default `active`.
    to: Option<String>,
    /// Most paths in each list, at most 10,000; default 1000. The counts are whole all the same.
    limit: Option<u32>,
}

pub(super) async fn answer(
    state: &State,
    package: PackageId,
    query: &DiffQuery,
) -> Result<HttpResponse, Failure> {
    let from = parse(query.from.as_deref().unwrap_or("previous"))?;
    let to = parse(query.to.as_deref().unwrap_or("active"))?;
    let from = state.store.load_version(package, from).await?;
    let to = state.store.load_version(package, to).await?;
    let limit = query.limit.unwrap_or(DEFAULT_LISTED).min(MAX_LISTED) as usize;
    let files = compare_files(state, package, [&from.version, &to.version], limit).await?;
    let manifest = compare_manifests(&from, &to)?;
    Ok(HttpResponse::Ok().json(VersionDiff { from: from.version, to: to.version, files, manifest }))
}

fn compare_manifests(from: &Detail, to: &Detail) -> Result<Option<ManifestChanges>, Failure> {
    let (Some((_, from)), Some((_, to))) = (&from.program, &to.program) else { return Ok(None) };
    let changes = manifest::changes(from.as_bytes(), to.as_bytes());
    changes.map(Some).map_err(|error| Failure::internal(&error))
}

async fn compare_files(
    state: &State,
    package: PackageId,
    versions: [&VersionView; 2],
    limit: usize,
) -> Result<FileChanges, Failure> {
    let mut paths = Vec::with_capacity(2);
    for version in versions {
        paths.push(state.blobs.path_of(&Key::package(&parse_digest(&version.digest)?)));
    }
    let rules = match package {
        PackageId::App(_) => Rules::app(),
        PackageId::Venv(_) => Rules::venv(),
    };
    let rules = rules.with_limits(Limits { max_entries: MAX_ENTRIES, ..Limits::default() });
    let turn = COMPARISONS.acquire().await.map_err(|error| Failure::internal(&error))?;
    let compared = tokio::task::spawn_blocking(move || compare(turn, &paths, rules, limit)).await;
    Ok(compared.map_err(|error| Failure::internal(&error))??)
}

/// The turn lasts until the work is done, also where the caller has gone meanwhile.
fn compare(
    _turn: SemaphorePermit<'static>,
    paths: &[PathBuf],
    rules: Rules,
    limit: usize,
) -> Result<FileChanges, ArchiveError> {
    let [from, to] = paths else { return Ok(FileChanges::default()) };
    let before = lp_package::list(from, rules)?;
    if from == to {
        return Ok(FileChanges { unchanged_count: before.len() as u64, ..FileChanges::default() });
    }
    Ok(changes(&before, &lp_package::list(to, rules)?, limit))
}

fn changes(before: &Listing, after: &Listing, limit: usize) -> FileChanges {
    let mut found = FileChanges::default();
    for (path, from, to) in before.beside(after) {
        match (from, to) {
            (Some(from), Some(to)) if from == to => found.unchanged_count += 1,
            (Some(from), Some(to)) => {
                found.changed_count += 1;
                if found.changed.len() < limit {
                    found.changed.push(ChangedFile {
                        path: path.to_owned(),
                        from_kind: kind(from),
                        to_kind: kind(to),
                        from_size_bytes: from.size,
                        to_size_bytes: to.size,
                    });
                }
            }
            (None, Some(to)) => {
                found.added_count += 1;
                if found.added.len() < limit {
                    found.added.push(file(path, to));
                }
            }
            (Some(from), None) => {
                found.removed_count += 1;
                if found.removed.len() < limit {
                    found.removed.push(file(path, from));
                }
            }
            (None, None) => {}
        }
    }
    found
}

fn file(path: &str, fact: &Fact) -> PackagedFile {
    PackagedFile { path: path.to_owned(), kind: kind(fact), size_bytes: fact.size }
}

fn kind(fact: &Fact) -> PackagedKind {
    match fact.kind {
        FactKind::File { executable: false } => PackagedKind::File,
        FactKind::File { executable: true } => PackagedKind::Program,
        FactKind::Link => PackagedKind::Link,
        FactKind::Directory => PackagedKind::Directory,
    }
}
