//! What the tests need besides Rust: found, installed, or named.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{self, find, is_ci, works};

/// Something that must be on the machine.
struct Need {
    what: &'static str,
    /// What Debian and Ubuntu call it.
    packages: &'static [&'static str],
    is_there: fn() -> bool,
}

const COMPILER: Need =
    Need { what: "a C compiler", packages: &["gcc", "libc6-dev"], is_there: || find("cc").is_some() };

const POSTGRES: Need =
    Need { what: "PostgreSQL", packages: &["postgresql"], is_there: || postgres_bin().is_some() };

/// The example applications are written in Python, and one brings an environment made with `python3 -m venv`.
const PYTHON: Need = Need {
    what: "Python 3 with venv and pip",
    packages: &["python3", "python3-venv", "python3-pip"],
    is_there: || works("python3", &["-c", "import venv, ensurepip"]),
};

/// Headless, driven by the tests of the viewer.
const BROWSER: Need = Need {
    what: "Chromium with its driver",
    packages: &["chromium", "chromium-driver"],
    is_there: || find("chromium").is_some() && find("chromedriver").is_some(),
};

/// Fetches axe-core, with which the browser tests check the pages.
const NPM: Need = Need { what: "npm", packages: &["npm"], is_there: || find("npm").is_some() };
/// Runs the tests' containers; one that is started already will do.
const DOCKER: Need = Need {
    what: "a container engine (as root: dockerd)",
    packages: &["docker.io"],
    is_there: || crate::docker::found().is_some() || (is_root() && find("dockerd").is_some()),
};

/// The tests' images are made of it: one static program.
const BUSYBOX: Need =
    Need { what: "busybox", packages: &["busybox-static"], is_there: || find("busybox").is_some() };

/// What a build needs.
pub(crate) fn compiler() -> Result<()> {
    meet(&[COMPILER])
}

/// What the tests need.
pub(crate) fn tests() -> Result<()> {
    meet(&[COMPILER, POSTGRES, PYTHON, DOCKER, BUSYBOX, BROWSER, NPM])
}

/// What pictures of pages need.
pub(crate) fn browser() -> Result<()> {
    meet(&[COMPILER, BROWSER])
}

/// The directory of PostgreSQL's programs: Debian has them outside of the PATH, one directory a version.
pub(crate) fn postgres_bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin).or_else(|| Some(find("initdb")?.parent()?.to_owned()))
}

fn meet(needs: &[Need]) -> Result<()> {
    let missing = |needs: &[&Need]| {
        needs.iter().filter(|need| !(need.is_there)()).map(|need| need.what).collect::<Vec<_>>()
    };
    let absent: Vec<&Need> = needs.iter().filter(|need| !(need.is_there)()).collect();
    if absent.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = absent.iter().flat_map(|need| need.packages).copied().collect();
    if can_install() {
        install(&packages)?;
    }
    let still = missing(&absent);
    if still.is_empty() {
        return Ok(());
    }
    let text = format!(
        "{} is missing; on Debian or Ubuntu: apt-get install {}",
        still.join(" and "),
        packages.join(" ")
    );
    if is_ci() || still.contains(&COMPILER.what) {
        bail!("{text}");
    }
    eprintln!("xtask: {text}; the tests that need it will fail");
    Ok(())
}

fn can_install() -> bool {
    is_root() && find("apt-get").is_some()
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn install(packages: &[&str]) -> Result<()> {
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    let install = || {
        let mut command = apt(&["install", "--yes", "--no-install-recommends"]);
        command.args(packages);
        command
    };
    // lists of packages age: fetch them only where the ones that are there do not do
    if command::run(&mut install()).is_ok() {
        return Ok(());
    }
    command::run(&mut apt(&["update"]))?;
    command::run(&mut install())
}
