//! How an environment is made: from a recipe and the tool that was found to the command lines, one after another.
//!
//! Nothing is run here. Whoever runs the steps (the client on the user's machine, a node in a build) decides about time limits, logs and
//! isolation, and afterwards about [`relocate`](super::relocate::relocate) and [`prune`](super::prune::prune). uv is used where it is found:
//! it is fast, reads `uv.lock` and fetches a Python that the machine lacks. `python -m venv` and pip do for the rest.
//!
//! Nothing a recipe says becomes an option of a tool: names of packages come after `--`, and those that look like options are refused.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::config::Config;

/// What the environment is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipe {
    /// A lock file of uv with `pyproject.toml` beside it. The project itself is not installed: it is the app.
    UvLock { lock: PathBuf },
    /// A `requirements.txt`.
    Requirements { file: PathBuf },
    /// Names of packages, with versions or not: `numpy==2.3.1`.
    Packages { packages: Vec<String> },
}

/// What makes environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tool {
    Uv {
        uv: PathBuf,
    },
    /// `python -m venv` and pip.
    Pip {
        python: PathBuf,
    },
}

/// One environment to be made. All paths are absolute: the steps have working directories of their own.
#[derive(Debug, Clone, Copy)]
pub struct Making<'a> {
    pub recipe: &'a Recipe,
    pub tool: &'a Tool,
    /// `3.12`, or `3.12.4`.
    pub python: Option<&'a str>,
    /// Where the environment will be; must not exist, its parent must.
    pub dest: &'a Path,
    /// A directory that exists, for files in between.
    pub scratch: &'a Path,
    pub sources: Sources<'a>,
}

/// Where packages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sources<'a> {
    /// The index the tools are configured for, and their caches.
    Index,
    /// What the tool's cache holds; only uv can.
    Cache,
    /// Wheels in this directory and nothing else.
    Wheels(&'a Path),
}

/// One program to be run to its end with success before the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// For people: `make the venv`.
    pub what: &'static str,
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// To be set beside the rest of the environment, from which [`CLEARED`] is to be taken.
    pub environ: Vec<(OsString, OsString)>,
    /// The working directory: paths in requirements are relative to it.
    pub directory: PathBuf,
}

/// Variables that would make the tools work on another environment than the one to be made.
pub const CLEARED: [&str; 6] =
    ["VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "UV_PROJECT_ENVIRONMENT", "PIP_TARGET"];

/// Why there is no way to make it.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    #[error("make an environment from `{}`: there is no such file", path.display())]
    NoFile { path: PathBuf },
    #[error("make an environment from `{}`: there is no `pyproject.toml` beside it", path.display())]
    NoProject { path: PathBuf },
    #[error("make an environment from `{}`: only uv reads its lock files, and it is not on the PATH", path.display())]
    NeedsUv { path: PathBuf },
    #[error("make an environment: no directory `{}` with wheels", path.display())]
    NoWheels { path: PathBuf },
    #[error("make an environment from what is in a cache: only uv can, and it is not on the PATH")]
    CacheNeedsUv,
    #[error("make an environment: neither uv nor {wanted} is on the PATH")]
    NoTool { wanted: String },
    #[error("make an environment: `{text}` is not a version of Python; write `3.12`")]
    BadPython { text: String },
    #[error("make an environment: `{text}` is not the name of a package")]
    BadPackage { text: String },
    #[error("make an environment of no packages")]
    NoPackages,
    #[error("make an environment with Python {wanted}: the one that was made has Python {found}")]
    WrongPython { wanted: String, found: String },
}

impl RecipeError {
    /// Returns what the user can do about it, as a sentence.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NeedsUv { .. } => Some(
                "Install uv, or write a requirements file of it once: `uv export --frozen -o requirements.txt`.",
            ),
            Self::NoTool { .. } => {
                Some("Install uv, which brings the Python that is asked for, or that Python.")
            }
            Self::CacheNeedsUv => Some("Install uv, or give a directory of wheels."),
            Self::NoWheels { .. } => Some("Fill one with `pip download -d wheels -r requirements.txt`."),
            Self::WrongPython { .. } => Some("Install that Python, or uv, which fetches it."),
            Self::BadPackage { .. } => Some("Write it as in a requirements file: `numpy`, `numpy==2.3.1`."),
            Self::NoFile { .. } | Self::NoProject { .. } | Self::BadPython { .. } | Self::NoPackages => None,
        }
    }
}

impl Tool {
    /// uv where it is on this PATH, else the Python of the version, else any Python 3.
    ///
    /// # Errors
    /// `NoTool`.
    pub fn find(path: &OsStr, python: Option<&str>) -> Result<Self, RecipeError> {
        let find = |name: &str| {
            std::env::split_paths(path).map(|dir| dir.join(name)).find(|file| {
                file.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
            })
        };
        if let Some(uv) = find("uv") {
            return Ok(Self::Uv { uv });
        }
        let exact = python.map(|python| format!("python{}", minor(python)));
        let names = exact.iter().map(String::as_str).chain(["python3", "python"]);
        names.map(find).find_map(|found| found).map(|python| Self::Pip { python }).ok_or_else(|| {
            RecipeError::NoTool { wanted: exact.clone().unwrap_or_else(|| "python3".to_owned()) }
        })
    }

    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Uv { .. } => "uv",
            Self::Pip { .. } => "pip",
        }
    }
}

/// The commands that make it, in their order.
///
/// # Errors
/// Whatever can be known before anything is run.
pub fn steps(making: &Making<'_>) -> Result<Vec<Step>, RecipeError> {
    check(making)?;
    match making.tool {
        Tool::Uv { uv } => Ok(uv_steps(making, uv)),
        Tool::Pip { python } => Ok(pip_steps(making, python)),
    }
}

/// Whether what was made has the Python that was asked for: a `python3` of the PATH may be any.
///
/// # Errors
/// `WrongPython`.
pub fn check_python(dest: &Path, wanted: Option<&str>) -> Result<(), RecipeError> {
    let Some(wanted) = wanted else { return Ok(()) };
    let text = std::fs::read_to_string(dest.join("pyvenv.cfg")).unwrap_or_default();
    let found = Config::parse(&text).python().unwrap_or_else(|| "of an unknown version".to_owned());
    if found == minor(wanted) {
        return Ok(());
    }
    Err(RecipeError::WrongPython { wanted: wanted.to_owned(), found })
}

fn check(making: &Making<'_>) -> Result<(), RecipeError> {
    let Making { recipe, tool, python, dest: _, scratch: _, sources } = making;
    if let Some(text) = python {
        let parts: Vec<_> = text.split('.').collect();
        let is_number = |part: &&str| {
            !part.is_empty() && part.len() < 5 && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !(2..=3).contains(&parts.len()) || !parts.iter().all(is_number) {
            return Err(RecipeError::BadPython { text: (*text).to_owned() });
        }
    }
    let must_be_file = |path: &Path| match path.is_file() {
        true => Ok(()),
        false => Err(RecipeError::NoFile { path: path.to_owned() }),
    };
    match recipe {
        Recipe::UvLock { lock } => {
            must_be_file(lock)?;
            if !directory_of(lock).join("pyproject.toml").is_file() {
                return Err(RecipeError::NoProject { path: lock.clone() });
            }
            if matches!(tool, Tool::Pip { .. }) {
                return Err(RecipeError::NeedsUv { path: lock.clone() });
            }
        }
        Recipe::Requirements { file } => must_be_file(file)?,
        Recipe::Packages { packages } => check_packages(packages)?,
    }
    match sources {
        Sources::Wheels(path) if !path.is_dir() => Err(RecipeError::NoWheels { path: (*path).to_owned() }),
        Sources::Cache if matches!(tool, Tool::Pip { .. }) => Err(RecipeError::CacheNeedsUv),
        Sources::Wheels(_) | Sources::Cache | Sources::Index => Ok(()),
    }
}

fn check_packages(packages: &[String]) -> Result<(), RecipeError> {
    let is_name = |text: &String| {
        text.starts_with(|first: char| first.is_ascii_alphanumeric()) && !text.chars().any(char::is_control)
    };
    match packages.iter().find(|text| !is_name(text)) {
        Some(text) => Err(RecipeError::BadPackage { text: text.clone() }),
        None if packages.is_empty() => Err(RecipeError::NoPackages),
        None => Ok(()),
    }
}

fn uv_steps(making: &Making<'_>, uv: &Path) -> Vec<Step> {
    let Making { recipe, python, dest, scratch, sources, .. } = *making;
    let project = match recipe {
        Recipe::UvLock { lock } => Some(directory_of(lock)),
        Recipe::Requirements { .. } | Recipe::Packages { .. } => None,
    };
    // without an index there is none to fetch a Python from either
    let mut common: Vec<OsString> = vec!["--no-progress".into(), "--color=never".into()];
    if sources != Sources::Index {
        common.extend(["--offline".into(), "--no-python-downloads".into()]);
    }
    let step = |what, arguments: Vec<OsString>, directory: &Path| Step {
        what,
        program: uv.to_owned(),
        arguments: [arguments, common.clone()].concat(),
        environ: Vec::new(),
        directory: directory.to_owned(),
    };
    let mut venv: Vec<OsString> = vec!["venv".into(), "--relocatable".into()];
    match project {
        Some(project) => venv.extend(["--project".into(), project.into()]),
        None => venv.push("--no-project".into()),
    }
    venv.extend(python.into_iter().flat_map(|python| ["--python".into(), python.into()]));
    venv.push(dest.into());
    let mut steps = vec![step("make the venv", venv, scratch)];

    let own_python = dest.join("bin/python");
    // copies: a link into uv's cache would let a program that writes into its environment write into all others
    let install = |what: Vec<OsString>, directory: &Path| {
        let mut arguments: Vec<OsString> =
            ["pip", "install", "--link-mode=copy", "--python"].map(OsString::from).into();
        arguments.push(own_python.clone().into());
        if let Sources::Wheels(wheels) = sources {
            arguments.extend(["--no-index".into(), "--find-links".into(), wheels.into()]);
        }
        // the packages come last, after `--`, and options of all commands before
        let mut step = step("install the packages", arguments, directory);
        step.arguments.extend(what);
        step
    };
    match recipe {
        Recipe::Requirements { file } => {
            steps.push(install(vec!["--requirement".into(), file.into()], directory_of(file)));
        }
        Recipe::Packages { packages } => {
            let names = packages.iter().map(OsString::from);
            steps.push(install(std::iter::once("--".into()).chain(names).collect(), scratch));
        }
        Recipe::UvLock { lock } => {
            let project = directory_of(lock);
            match sources {
                Sources::Wheels(_) => {
                    // what is locked as coming from an index is found among wheels only by name, version and hash
                    let listed = scratch.join("locked-requirements.txt");
                    let mut export: Vec<OsString> =
                        ["export", "--frozen", "--no-dev", "--no-emit-workspace", "--quiet", "--project"]
                            .map(OsString::from)
                            .into();
                    export.extend([project.into(), "--output-file".into(), listed.clone().into()]);
                    steps.push(step("read the lock", export, scratch));
                    steps.push(install(vec!["--requirement".into(), listed.into()], project));
                }
                Sources::Index | Sources::Cache => {
                    let mut sync: Vec<OsString> = [
                        "sync",
                        "--frozen",
                        "--no-dev",
                        "--no-install-workspace",
                        "--link-mode=copy",
                        "--project",
                    ]
                    .map(OsString::from)
                    .into();
                    sync.extend([project.into(), "--python".into(), own_python.clone().into()]);
                    let mut sync = step("install the packages", sync, scratch);
                    sync.environ.push(("UV_PROJECT_ENVIRONMENT".into(), dest.into()));
                    steps.push(sync);
                }
            }
        }
    }
    steps
}

fn pip_steps(making: &Making<'_>, python: &Path) -> Vec<Step> {
    let Making { recipe, dest, scratch, sources, .. } = *making;
    let step = |what, program: PathBuf, arguments: Vec<OsString>, directory: &Path| Step {
        what,
        program,
        arguments,
        environ: Vec::new(),
        directory: directory.to_owned(),
    };
    let own_python = dest.join("bin/python");
    let pip = |arguments: &[&str]| -> Vec<OsString> {
        let fixed = ["-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "--no-color"];
        fixed.iter().chain(arguments).map(OsString::from).collect()
    };
    let mut install = pip(&["install", "--no-warn-script-location", "--no-compile", "--progress-bar=off"]);
    if let Sources::Wheels(wheels) = sources {
        install.extend(["--no-index".into(), "--find-links".into(), wheels.into()]);
    }
    let directory = match recipe {
        Recipe::Requirements { file } | Recipe::UvLock { lock: file } => {
            install.extend(["--requirement".into(), file.into()]);
            directory_of(file)
        }
        Recipe::Packages { packages } => {
            install.push("--".into());
            install.extend(packages.iter().map(OsString::from));
            scratch
        }
    };
    vec![
        step(
            "make the venv",
            python.to_owned(),
            vec!["-I".into(), "-m".into(), "venv".into(), dest.into()],
            scratch,
        ),
        step("install the packages", own_python.clone(), install, directory),
        // as with uv: what runs an app needs none, and a tenth of a small pack would be pip
        step("remove pip", own_python, pip(&["uninstall", "--yes", "--quiet", "pip"]), scratch),
    ]
}

fn directory_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

/// `3.12` of `3.12.4`.
fn minor(python: &str) -> String {
    python.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests;
