//! `pixi-pack.json`, and what the names of packages tell.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{PixiError, name};

/// The file that makes a directory a pack.
pub const METADATA: &str = "pixi-pack.json";

/// The one format there is so far (pixi-pack's `DEFAULT_PIXI_PACK_VERSION`).
const VERSION: &str = "1";

/// 16 MiB: the list of files of a package with some 50,000 files.
const MAX_JSON_BYTES: u64 = 16 << 20;

#[derive(Deserialize)]
struct Metadata {
    version: String,
    platform: String,
}

/// Tells whether this machine can use the pack at `packed`.
pub(super) fn check(packed: &Path) -> Result<(), PixiError> {
    let Metadata { version, platform } = read(&packed.join(METADATA))?.ok_or_else(|| {
        PixiError::Metadata { file: METADATA.to_owned(), reason: "it is missing".to_owned() }
    })?;
    if version != VERSION {
        let reason =
            format!("it is of format {}, and only format {VERSION} is known", version.escape_debug());
        return Err(PixiError::Metadata { file: METADATA.to_owned(), reason });
    }
    let machine = platform_of(std::env::consts::ARCH);
    if platform != machine {
        return Err(PixiError::Platform { packed: platform.escape_debug().to_string(), machine });
    }
    Ok(())
}

/// Conda's word for Linux on such a processor.
fn platform_of(arch: &str) -> String {
    let word = match arch {
        "x86_64" => "64",
        "x86" => "32",
        "powerpc64" => "ppc64le",
        other => other,
    };
    format!("linux-{word}")
}

/// Reads a JSON file; None where there is none.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, PixiError> {
    let file = name(path);
    let opened = match File::open(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(PixiError::Read { file, source }),
    };
    let mut text = Vec::new();
    opened
        .take(MAX_JSON_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(|source| PixiError::Read { file: file.clone(), source })?;
    if text.len() as u64 > MAX_JSON_BYTES {
        return Err(PixiError::Metadata { file, reason: "it is larger than 16 MiB".to_owned() });
    }
    let read = serde_json::from_slice(&text);
    read.map(Some).map_err(|error| PixiError::Metadata { file, reason: error.to_string() })
}

/// `3.12` where the package is Python itself: `python-3.12.7-hc5c86c4_0_cpython.conda`.
pub(super) fn python_of(package: &Path) -> Option<String> {
    let file = name(package);
    let mut parts = file.rsplitn(3, '-');
    let (_build, version, package) = (parts.next()?, parts.next()?, parts.next()?);
    let mut numbers = version.split('.');
    let (major, minor) = (numbers.next()?, numbers.next()?);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (package == "python" && is_number(major) && is_number(minor)).then(|| format!("{major}.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_is_known_by_the_name_of_its_package() {
        for (file, python) in [
            ("python-3.12.7-hc5c86c4_0_cpython.conda", Some("3.12")),
            ("python-3.9.20-h13acc7a_1_cpython.tar.bz2", Some("3.9")),
            ("python-dateutil-2.9.0-pyhd8ed1ab_0.conda", None),
            ("python_abi-3.12-5_cp312.conda", None),
            ("python-x.y-0.conda", None),
            ("python", None),
        ] {
            assert_eq!(python_of(Path::new(file)).as_deref(), python, "{file}");
        }
    }

    #[test]
    fn platforms_have_condas_names() {
        for (arch, platform) in
            [("x86_64", "linux-64"), ("aarch64", "linux-aarch64"), ("powerpc64", "linux-ppc64le")]
        {
            assert_eq!(platform_of(arch), platform);
        }
    }
}
