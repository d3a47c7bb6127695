//! Making an environment usable on this machine.
//!
//! One made elsewhere names the place where it was made and its Python by absolute paths. Scripts and activation are put right by
//! [`lp_package::venv`]; what a conda pack leaves to `conda-unpack` is done here; and where `home` in `pyvenv.cfg` and the links `bin/python*`
//! lead nowhere they are pointed at this machine's Python of the same minor version. A venv with packages for another Python than the machine
//! has is refused: it would start and find none of them.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use lp_package::venv::{self, Config, Form, conda};

use super::conda_script;
use super::python::{self, Python};
use crate::isolation::is_open_to_all;

/// What a venv has without anything installed.
const BARE: [&str; 6] = ["pip", "setuptools", "pkg_resources", "wheel", "_distutils_hack", "_virtualenv"];

/// Why an environment cannot be used here. The text completes "its venv ...".
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("cannot be made usable here")]
    Io(#[from] io::Error),
    #[error("cannot be made usable here")]
    Conda(#[from] conda::CondaError),
    #[error("cannot be made usable here: {0}")]
    Script(#[from] conda_script::Error),
    #[error("is not one: {0}")]
    Form(&'static str),
    #[error(
        "has packages for Python {wanted} and this node has {found}: install python{wanted} on it, or pack an environment that brings its \
         own Python (conda-pack)"
    )]
    Python { wanted: String, found: String },
}

/// Adapts the environment at `root`, which will lie at `place` under its name.
pub(super) fn adapt(root: &Path, place: &Path) -> Result<(), Error> {
    let form = Form::of_directory(root);
    match form {
        Form::Venv | Form::Conda | Form::Programs => {}
        Form::PixiPack => return Err(Error::Form(form.refusal().unwrap_or_default())),
        // an env in an app may be for its modules alone
        Form::Nothing => return Ok(()),
    }
    match conda::unpack(root, place)? {
        conda::Unpacking::None => {}
        conda::Unpacking::Done { files } => tracing::debug!(files, "rewrote what conda-unpack would have"),
        conda::Unpacking::Unreadable if root != place => conda_script::run(root, place)?,
        // a directory of the app, which is gone through again after each start of the node: a script may be run only once
        conda::Unpacking::Unreadable => {
            tracing::warn!(path = %root.display(), "its conda-unpack was not run")
        }
    }
    let done = venv::relocate(root, Some(place))?;
    tracing::debug!(scripts = done.scripts, activations = done.activations, "moved an environment");
    find_python(root, place)
}

/// The Python an environment has, for people: `3.11 in /usr/bin`.
pub(super) fn describe(root: &Path) -> Option<String> {
    let config = Config::parse(&fs::read_to_string(root.join("pyvenv.cfg")).unwrap_or_default());
    match (config.python().or_else(|| library_version(root)), config.value("home")) {
        (Some(version), Some(home)) => Some(format!("{version} in {home}")),
        (Some(version), None) if root.join("bin/python").exists() => Some(format!("{version}, its own")),
        (Some(_) | None, _) => None,
    }
}

/// Points what leads nowhere at this machine's Python.
fn find_python(venv: &Path, place: &Path) -> Result<(), Error> {
    let path = venv.join("pyvenv.cfg");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    let mut config = Config::parse(&text);
    let wanted = config.python().or_else(|| library_version(venv));
    let homeless = config.value("home").is_some_and(|home| !has_python(Path::new(home), wanted.as_deref()));
    let broken = broken_links(&venv.join("bin"))?;
    if !homeless && broken.is_empty() {
        return Ok(());
    }
    let brought = python::brought_beside(place);
    let found = python::find(wanted.as_deref(), brought.as_deref());
    if let Some(wanted) = &wanted
        && found.as_ref().is_none_or(|python| python.version != *wanted)
        && has_packages(venv, wanted)
    {
        let found = found.map_or("none".to_owned(), |python| format!("Python {} alone", python.version));
        return Err(Error::Python { wanted: wanted.clone(), found });
    }
    let Some(Python { executable, .. }) = found else {
        tracing::warn!(version = wanted, "a venv needs a Python and this machine has none");
        return Ok(());
    };
    let dir = executable.parent().unwrap_or(Path::new("/usr/bin"));
    if homeless {
        config.set("home", &dir.display().to_string());
        fs::write(&path, config.text())?;
    }
    for link in broken {
        fs::remove_file(&link)?;
        symlink(&executable, &link)?;
    }
    Ok(())
}

fn has_python(dir: &Path, version: Option<&str>) -> bool {
    let exact = version.map(|version| format!("python{version}"));
    exact.as_deref().into_iter().chain(["python3", "python"]).any(|name| is_usable(&dir.join(name)))
}

/// There, and not in a place that is closed to the users programs of a root node run as.
fn is_usable(python: &Path) -> bool {
    python.exists() && (!nix::unistd::geteuid().is_root() || is_open_to_all(python))
}

/// `bin/python*` that are absolute links to nothing.
fn broken_links(bin: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(bin) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut broken = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let is_python = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python"));
        let absolute = fs::read_link(&path).is_ok_and(|target| target.is_absolute());
        if is_python && absolute && !is_usable(&path) {
            broken.push(path);
        }
    }
    Ok(broken)
}

/// Whether something is installed in it for this Python, beside what every venv has.
fn has_packages(venv: &Path, version: &str) -> bool {
    let site = venv.join(format!("lib/python{version}/site-packages"));
    let is_bare = |name: &str| {
        let package = name.split(['-', '.']).next().unwrap_or(name);
        BARE.contains(&package) || name == "distutils-precedence.pth" || name == "__pycache__"
    };
    fs::read_dir(site)
        .into_iter()
        .flatten()
        .flatten()
        .any(|entry| !is_bare(&entry.file_name().to_string_lossy()))
}

/// `3.11`, from the name of the library's directory.
fn library_version(venv: &Path) -> Option<String> {
    let libraries = fs::read_dir(venv.join("lib")).ok()?;
    libraries.flatten().find_map(|entry| {
        let version = entry.file_name().to_str()?.strip_prefix("python")?.to_owned();
        version.starts_with("3.").then_some(version)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn venv(version: &str, package: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let site = dir.path().join(format!("lib/python{version}/site-packages"));
        fs::create_dir_all(site.join(package)).unwrap();
        fs::create_dir(dir.path().join("bin")).unwrap();
        fs::write(dir.path().join("pyvenv.cfg"), format!("home = /nowhere/bin\nversion = {version}.1\n"))
            .unwrap();
        symlink("/nowhere/bin/python3", dir.path().join("bin/python")).unwrap();
        dir
    }

    #[test]
    fn packages_for_a_python_that_is_not_here_are_a_reason_to_refuse() {
        let with_packages = venv("3.99", "numpy");
        let bare = venv("3.99", "pip");

        let refused = adapt(with_packages.path(), Path::new("/new")).unwrap_err().to_string();

        assert!(refused.starts_with("has packages for Python 3.99 and this node has "), "{refused}");
        assert!(refused.contains("install python3.99"), "{refused}");
        adapt(bare.path(), Path::new("/new")).unwrap();
    }

    #[test]
    fn a_conda_pack_names_its_place_in_the_cache() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("bin")).unwrap();
        fs::create_dir_all(dir.path().join("conda-meta")).unwrap();
        fs::write(dir.path().join("bin/tool"), "#!/opt/old_env/bin/python3.11\nprefix = '/opt/old_env'\n")
            .unwrap();
        let script = "#!/usr/bin/env python\n_prefix_records = [\n('bin/tool', '/opt/old_env', 'text')\n]\n";
        fs::write(dir.path().join("bin/conda-unpack"), script).unwrap();
        fs::write(dir.path().join("bin/python3.11"), "").unwrap();

        adapt(dir.path(), Path::new("/cache/venv")).unwrap();

        let tool = fs::read_to_string(dir.path().join("bin/tool")).unwrap();
        assert!(tool.ends_with("prefix = '/cache/venv'\n"), "{tool}");
        assert!(tool.contains("/python3.11\" \"$0\""), "{tool}");
    }

    #[test]
    fn a_directory_with_the_packages_of_a_pixi_pack_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("channel")).unwrap();
        fs::write(dir.path().join("pixi-pack.json"), "{}").unwrap();

        let refused = adapt(dir.path(), Path::new("/new")).unwrap_err().to_string();

        assert!(refused.contains("lp venv create -f environment.tar"), "{refused}");
    }
}
