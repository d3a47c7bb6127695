//! What an application's environments are built from: read from the archive at upload, kept as digests with the plan.

use std::collections::BTreeSet;
use std::path::Path;

use lp_package::{Rules, Survey, Want, read_files};
use lp_protocol::manifest::locks::{self, LockFiles, MAX_LOCK_BYTES};
use lp_protocol::plan::Plan;
use lp_protocol::{ErrorCode, env};

use super::failure::Failure;

/// Times the archive is read for files that others include; each reads all of one more level.
const MAX_ROUNDS: usize = 10;

/// Takes the digests of the files that the plan's recipes name, and of those that actions made at run time may name.
pub(super) fn settle(path: &Path, survey: &Survey, plan: &mut Plan) -> Result<(), Failure> {
    let named = locks::named(plan);
    let likely: Vec<String> =
        locks::LIKELY.iter().filter(|name| survey.has_file(name)).map(|name| (*name).to_owned()).collect();
    if named.is_empty() && likely.is_empty() && !locks::has_recipes(plan) {
        return Ok(());
    }
    let wanted: BTreeSet<String> = named.iter().cloned().chain(likely.iter().cloned()).collect();
    let mut files = read(path, survey, &wanted, Wheels::Too)?;
    include(path, survey, &named, &mut files).map_err(refused)?;
    plan.locks = locks::digest(&named, &files).map_err(|error| refused(Trouble::Lock(error)))?;
    for name in likely {
        let alone = BTreeSet::from([name]);
        // nobody has named it: what is wrong with it matters to whoever does
        if include(path, survey, &alone, &mut files).is_ok()
            && let Ok(found) = locks::digest(&alone, &files)
        {
            plan.locks.extend(found);
        }
    }
    env::settle(plan).map_err(|(action, file)| {
        Failure::new(
            ErrorCode::InvalidManifest,
            format!("action `{action}`: `env` names `{file}`, which the app does not have"),
        )
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wheels {
    Too,
    Not,
}

enum Trouble {
    Lock(locks::Error),
    Archive(Failure),
}

/// Reads what the files include, level by level.
fn include(
    path: &Path,
    survey: &Survey,
    named: &BTreeSet<String>,
    files: &mut LockFiles,
) -> Result<(), Trouble> {
    for _ in 0..MAX_ROUNDS {
        let wanted = locks::still_wanted(named, files).map_err(Trouble::Lock)?;
        let there: BTreeSet<String> = wanted.into_iter().filter(|name| survey.has_file(name)).collect();
        if there.is_empty() {
            break;
        }
        let before = files.texts.len();
        files.texts.extend(read(path, survey, &there, Wheels::Not).map_err(Trouble::Archive)?.texts);
        if files.texts.len() == before {
            // too large to be read
            break;
        }
    }
    Ok(())
}

fn read(
    path: &Path,
    survey: &Survey,
    wanted: &BTreeSet<String>,
    wheels: Wheels,
) -> Result<LockFiles, Failure> {
    let want = |name: &str| {
        if wanted.contains(name) {
            Want::Content { max_bytes: MAX_LOCK_BYTES }
        } else if wheels == Wheels::Too && locks::is_wheel(name) {
            Want::Digest
        } else {
            Want::Nothing
        }
    };
    let found = read_files(path, Rules::app(), survey.root.as_deref(), &want)?;
    let wheels = found.digests.into_iter().map(|(name, digest)| (name, digest.to_string())).collect();
    Ok(LockFiles { texts: found.contents, wheels })
}

fn refused(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Lock(error) => {
            Failure::new(ErrorCode::InvalidManifest, format!("an environment cannot be built: {error}"))
        }
        Trouble::Archive(failure) => failure,
    }
}
