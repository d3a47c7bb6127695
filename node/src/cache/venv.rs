//! Unpacking packages, and making venvs usable on this machine.
//!
//! A venv made elsewhere names its Python by absolute paths: `home` in `pyvenv.cfg` and the links `bin/python*`. Where those lead nowhere
//! here they are pointed at this machine's Python of the same minor version, as LitePipeline's node did.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use lp_package::{LinkPolicy, RootPolicy, Rules, UnpackError, unpack as unpack_archive};

use super::Error;
use super::index::Kind;
use super::python::{self, Python};

/// The forms an env inside of an app may have, the first that is found.
const ARCHIVE_ENDINGS: [&str; 5] = ["tar.gz", "tgz", "tar.zst", "tar", "zip"];

/// Unpacks a package so that `dest` appears complete; its size.
pub(super) fn unpack(archive: &Path, dest: &Path, kind: Kind) -> Result<u64, Error> {
    let rules = match kind {
        Kind::App => Rules::app(),
        Kind::Venv => Rules::venv(),
    };
    let result = match kind {
        Kind::App => {
            unpack_archive(archive, dest, rules, |_| ControlFlow::Continue(())).map(|done| done.bytes)
        }
        Kind::Venv => unpack_venv(archive, dest, rules),
    };
    result.map_err(|error| {
        Error::Never(format!("its {} package cannot be unpacked: {}", kind.word(), chain(&error)))
    })
}

/// In two steps, because the venv must be made usable before it appears under its name.
fn unpack_venv(archive: &Path, dest: &Path, rules: Rules) -> Result<u64, UnpackError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| UnpackError::Create { path, source }
    };
    let parent = dest.parent().unwrap_or(dest);
    let aside = parent.join(format!("{}{}", lp_package::unpack::TEMPORARY_PREFIX, uuid::Uuid::new_v4()));
    debug_assert_eq!(rules.links, LinkPolicy::AllowAbsoluteTargets, "venvs link to their Python");
    // a flat venv may hold nothing but `bin`, which is then no root to be stripped
    let rules = Rules { root: RootPolicy::Keep, ..rules };
    let done = unpack_archive(archive, &aside, rules, |_| ControlFlow::Continue(()))?;
    let root = root(&aside);
    let made =
        adapt(&root).map_err(failed(&root)).and_then(|()| fs::rename(&root, dest).map_err(failed(dest)));
    if made.is_err() || root != aside {
        // swept at the next start otherwise
        let _ = fs::remove_dir_all(&aside);
    }
    made.map(|()| done.bytes)
}

/// The directory that holds `bin`: the archive itself or its one directory.
fn root(unpacked: &Path) -> PathBuf {
    let mut entries = fs::read_dir(unpacked).into_iter().flatten().flatten();
    match (entries.next(), entries.next()) {
        (Some(only), None) if only.file_name() != "bin" && only.path().is_dir() => only.path(),
        _ => unpacked.to_owned(),
    }
}

/// Where a venv at a path of the app is.
///
/// # Errors
/// A path that leaves the app.
pub(super) fn inner_path(app: &Path, inner: &str) -> Result<PathBuf, Error> {
    let path = Path::new(inner);
    let stays = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if inner.is_empty() || inner.contains('\0') || !stays {
        return Err(Error::Never(format!(
            "its env `{}` is not a path inside of the app",
            inner.escape_debug()
        )));
    }
    Ok(app.join(path.components().filter(|part| matches!(part, Component::Normal(_))).collect::<PathBuf>()))
}

/// Sees to it that the venv at `dest`, written `inner`, is there; how many bytes were added.
pub(super) fn make_inner(app: &Path, inner: &str, dest: &Path) -> Result<u64, Error> {
    if dest.is_dir() {
        let inside =
            dest.canonicalize().is_ok_and(|dest| app.canonicalize().is_ok_and(|app| dest.starts_with(app)));
        return if inside {
            Ok(0)
        } else {
            Err(Error::Never(format!("its env `{inner}` leads out of the app")))
        };
    }
    for ending in ARCHIVE_ENDINGS {
        let mut archive = dest.as_os_str().to_owned();
        archive.push(".");
        archive.push(ending);
        let archive = PathBuf::from(archive);
        if archive.is_file() {
            return unpack_venv(&archive, dest, Rules::venv()).map_err(|error| {
                Error::Never(format!("its env `{inner}.{ending}` cannot be unpacked: {}", chain(&error)))
            });
        }
    }
    Err(Error::Never(format!("its env `{inner}` is not in the app, and neither is `{inner}.tar.gz`")))
}

/// Points what leads nowhere at this machine's Python.
fn adapt(venv: &Path) -> io::Result<()> {
    let config = venv.join("pyvenv.cfg");
    let text = match fs::read_to_string(&config) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let home = value(&text, "home");
    let homeless = home.is_some_and(|home| !has_python(Path::new(home)));
    let broken = broken_links(&venv.join("bin"))?;
    if !homeless && broken.is_empty() {
        return Ok(());
    }
    let wanted = version(venv, &text);
    let Some(Python { executable, .. }) = python::find(wanted.as_deref()) else {
        tracing::warn!(version = wanted, "a venv needs a Python and this machine has none");
        return Ok(());
    };
    let dir = executable.parent().unwrap_or(Path::new("/usr/bin"));
    if homeless {
        let lines = text.lines().map(|line| match line.split_once('=') {
            Some((key, _)) if key.trim() == "home" => format!("home = {}", dir.display()),
            Some(_) | None => line.to_owned(),
        });
        fs::write(&config, lines.collect::<Vec<_>>().join("\n") + "\n")?;
    }
    for link in broken {
        fs::remove_file(&link)?;
        symlink(&executable, &link)?;
    }
    Ok(())
}

fn value<'a>(config: &'a str, key: &str) -> Option<&'a str> {
    config.lines().find_map(|line| {
        let (found, value) = line.split_once('=')?;
        (found.trim() == key).then_some(value.trim())
    })
}

fn has_python(dir: &Path) -> bool {
    ["python3", "python"].iter().any(|name| is_usable(&dir.join(name)))
}

/// There, and not in a place that is closed to the users programs of a root node run as.
fn is_usable(python: &Path) -> bool {
    python.exists() && (!nix::unistd::geteuid().is_root() || crate::isolation::is_open_to_all(python))
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

/// `3.11`, from the configuration or from the name of the library's directory.
fn version(venv: &Path, config: &str) -> Option<String> {
    let written = value(config, "version").or_else(|| value(config, "version_info"));
    if let Some(written) = written {
        return Some(written.splitn(3, '.').take(2).collect::<Vec<_>>().join("."));
    }
    let libraries = fs::read_dir(venv.join("lib")).ok()?;
    libraries.flatten().find_map(|entry| Some(entry.file_name().to_str()?.strip_prefix("python")?.to_owned()))
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.ends_with(&next_text) {
            text = format!("{text}: {next_text}");
        }
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(dir: &Path, name: &str, entries: &[(&str, &str)], links: &[(&str, &str)]) -> PathBuf {
        let path = dir.join(name);
        let gzip =
            flate2::write::GzEncoder::new(fs::File::create(&path).unwrap(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        for (name, content) in entries {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o755);
            tar.append_data(&mut header, name, content.as_bytes()).unwrap();
        }
        for (name, target) in links {
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            tar.append_link(&mut header, name, target).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap();
        path
    }

    #[test]
    fn a_venv_made_elsewhere_finds_the_python_of_this_machine() {
        let dir = tempfile::tempdir().unwrap();
        let config = "home = /nowhere/bin\ninclude-system-site-packages = false\nversion = 3.99.1\n";
        let packed = archive(
            dir.path(),
            "venv.tar.gz",
            &[("pyvenv.cfg", config), ("bin/tool", "x")],
            &[("bin/python", "/nowhere/bin/python3"), ("bin/python3", "python")],
        );
        let dest = dir.path().join("venv");

        unpack(&packed, &dest, Kind::Venv).unwrap();

        let Some(python) = python::find(Some("3.99")) else { return };
        let config = fs::read_to_string(dest.join("pyvenv.cfg")).unwrap();
        assert!(
            config.starts_with(&format!("home = {}\n", python.executable.parent().unwrap().display())),
            "{config}"
        );
        assert!(config.contains("include-system-site-packages = false"));
        assert_eq!(fs::read_link(dest.join("bin/python")).unwrap(), python.executable);
        assert_eq!(
            fs::read_link(dest.join("bin/python3")).unwrap(),
            Path::new("python"),
            "relative links are kept"
        );
    }

    #[test]
    fn a_venv_inside_of_an_app_is_a_directory_or_unpacked_from_its_archive_once() {
        let dir = tempfile::tempdir().unwrap();
        let app = dir.path();
        fs::create_dir_all(app.join("venvs/plain/bin")).unwrap();
        archive(&app.join("venvs"), "packed.tar.gz", &[("root/bin/tool", "x")], &[]);
        let make = |inner: &str| make_inner(app, inner, &inner_path(app, inner)?);

        assert_eq!(make("venvs/plain").unwrap(), 0);
        assert_eq!(make("./venvs/packed").unwrap(), 1);
        assert!(app.join("venvs/packed/bin/tool").is_file());
        assert_eq!(make("venvs/packed").unwrap(), 0);
        assert!(make("venvs/none").unwrap_err().to_string().contains("`venvs/none.tar.gz`"));
    }

    #[test]
    fn an_env_outside_of_the_app_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let app = dir.path().join("app");
        fs::create_dir_all(&app).unwrap();
        symlink("/usr", app.join("out")).unwrap();
        for inner in ["../x", "a/../../x", "/usr", "", "a\0b"] {
            assert!(inner_path(&app, inner).is_err(), "{inner:?}");
        }
        assert!(make_inner(&app, "out", &app.join("out")).is_err());
    }

    #[test]
    fn a_broken_archive_is_a_reason_not_a_retry() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        fs::write(&path, "no archive").unwrap();

        let error = unpack(&path, &dir.path().join("out"), Kind::App).unwrap_err();

        assert!(!error.is_transient());
        assert!(error.to_string().starts_with("its app package cannot be unpacked: "), "{error}");
        assert!(!dir.path().join("out").exists());
    }
}
