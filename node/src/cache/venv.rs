//! Unpacking packages: apps, uploaded environments, and environments inside of apps.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Component, Path, PathBuf};

use lp_package::venv::form::find_root;
use lp_package::venv::{Form, pixi};
use lp_package::{LinkPolicy, RootPolicy, Rules, UnpackError, unpack as unpack_archive};

use super::index::Kind;
use super::{Error, adapt};

/// The forms an env inside of an app may have, the first that is found.
const ARCHIVE_ENDINGS: [&str; 5] = ["tar.gz", "tgz", "tar.zst", "tar", "zip"];

/// Told the bytes written so far, again and again.
pub(super) type Progress<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

/// Unpacks a package so that `dest` appears complete.
pub(super) fn unpack(archive: &Path, dest: &Path, kind: Kind, progress: Progress<'_>) -> Result<(), Error> {
    let done = match kind {
        Kind::App => {
            unpack_archive(archive, dest, Rules::app(), progress).map(drop).map_err(Unpacking::Archive)
        }
        Kind::Venv => unpack_venv(archive, dest, Rules::venv(), progress),
    };
    done.map_err(|error| Error::Never(format!("its {} package {error}", kind.word())))
}

/// In two steps, because the environment must be made usable before it appears under its name.
fn unpack_venv(archive: &Path, dest: &Path, rules: Rules, progress: Progress<'_>) -> Result<(), Unpacking> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| UnpackError::Create { path, source }
    };
    let parent = dest.parent().unwrap_or(dest);
    let aside = parent.join(format!("{}{}", lp_package::unpack::TEMPORARY_PREFIX, uuid::Uuid::new_v4()));
    debug_assert_eq!(rules.links, LinkPolicy::AllowAbsoluteTargets, "venvs link to their Python");
    // a flat venv may hold nothing but `bin`, which is then no root to be stripped
    let rules = Rules { root: RootPolicy::Keep, ..rules };
    unpack_archive(archive, &aside, rules, progress)?;
    let mut root = find_root(&aside);
    let built = match Form::of_directory(&root) {
        Form::PixiPack => pixi::install(&root, dest).map(|made| root = made).map_err(Unpacking::from),
        Form::Venv | Form::Conda | Form::Programs | Form::Nothing => Ok(()),
    };
    let made = built
        .and_then(|()| adapt::adapt(&root, dest).map_err(Unpacking::from))
        .and_then(|()| fs::rename(&root, dest).map_err(failed(dest)).map_err(Unpacking::from));
    if made.is_err() || root != aside {
        // swept at the next start otherwise
        let _ = fs::remove_dir_all(&aside);
    }
    made
}

/// Why an archive did not become an environment. The text completes "its venv ...".
#[derive(Debug, thiserror::Error)]
enum Unpacking {
    #[error("cannot be unpacked: {}", chain(.0))]
    Archive(#[from] UnpackError),
    #[error("cannot be made an environment: {}", chain(.0))]
    Pixi(#[from] pixi::PixiError),
    #[error("{}", chain(.0))]
    Adapt(#[from] adapt::Error),
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

/// Sees to it that the venv at `dest`, written `inner`, is there and usable. What is done to one that came as a directory of the app changes
/// nothing when it is done again.
pub(super) fn make_inner(app: &Path, inner: &str, dest: &Path, progress: Progress<'_>) -> Result<(), Error> {
    if dest.is_dir() {
        let inside =
            dest.canonicalize().is_ok_and(|dest| app.canonicalize().is_ok_and(|app| dest.starts_with(app)));
        if !inside {
            return Err(Error::Never(format!("its env `{inner}` leads out of the app")));
        }
        let made = adapt::adapt(dest, dest);
        return made.map_err(|error| Error::Never(format!("its env `{inner}` {}", chain(&error))));
    }
    for ending in ARCHIVE_ENDINGS {
        let mut archive = dest.as_os_str().to_owned();
        archive.push(".");
        archive.push(ending);
        let archive = PathBuf::from(archive);
        if archive.is_file() {
            let done = unpack_venv(&archive, dest, Rules::venv(), progress);
            return done.map_err(|error| Error::Never(format!("its env `{inner}.{ending}` {error}")));
        }
    }
    Err(Error::Never(format!("its env `{inner}` is not in the app, and neither is `{inner}.tar.gz`")))
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
    use std::os::unix::fs::symlink;

    use super::super::python;
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

        unpack(&packed, &dest, Kind::Venv, &mut |_| ControlFlow::Continue(())).unwrap();

        let Some(python) = python::find(Some("3.99"), None) else { return };
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
        let make = |inner: &str| {
            make_inner(app, inner, &inner_path(app, inner)?, &mut |_| ControlFlow::Continue(()))
        };

        make("venvs/plain").unwrap();
        make("./venvs/packed").unwrap();
        assert!(app.join("venvs/packed/bin/tool").is_file());
        make("venvs/packed").unwrap();
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
        assert!(make_inner(&app, "out", &app.join("out"), &mut |_| ControlFlow::Continue(())).is_err());
    }

    #[test]
    fn a_broken_archive_is_a_reason_not_a_retry() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        fs::write(&path, "no archive").unwrap();

        let error = unpack(&path, &dir.path().join("out"), Kind::App, &mut |_| ControlFlow::Continue(()))
            .unwrap_err();

        assert!(!error.is_transient());
        assert!(error.to_string().starts_with("its app package cannot be unpacked: "), "{error}");
        assert!(!dir.path().join("out").exists());
    }
}
