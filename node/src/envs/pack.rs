//! From the directory a build has made to the pack that everybody gets.

use std::fs::File;
use std::path::Path;

use lp_package::pack::Ignores;
use lp_package::venv::{prune, relocate};
use lp_package::{Format, LinkPolicy, PackOptions};
use lp_protocol::frames::PackageRef;

/// Name of the root in the pack: whatever it is it is taken off.
const ROOT: &str = "env";

/// Makes the environment independent of where it was built, and packs it into `archive`.
///
/// # Errors
/// A sentence.
pub(super) fn pack(env: &Path, archive: &Path) -> Result<PackageRef, String> {
    relocate(env, None).map_err(|error| format!("it cannot be made independent of its place: {error}"))?;
    prune(env).map_err(|error| format!("it cannot be tidied up: {error}"))?;
    let file = File::create(archive).map_err(|error| format!("its pack cannot be written: {error}"))?;
    let options = PackOptions {
        format: Format::TarZst,
        root_name: Some(ROOT.to_owned()),
        // its Python lies outside
        links: LinkPolicy::AllowAbsoluteTargets,
        // what was installed is wanted, whatever a package's own repository ignores
        ignores: Ignores::OwnOnly,
        ..PackOptions::default()
    };
    let (file, packed) =
        lp_package::pack(env, file, &options).map_err(|error| format!("it cannot be packed: {error}"))?;
    // it is uploaded next, and looked at again after a crash only by its digest
    drop(file);
    Ok(PackageRef { digest: packed.summed.digest.to_string(), size_bytes: packed.summed.size })
}
