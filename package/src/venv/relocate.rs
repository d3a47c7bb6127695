//! An environment that no longer names the place where it was made.
//!
//! Files are replaced, never written to: a tool may have linked them from its cache, and what the link leads to belongs to it.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::activate;
use super::config::Config;
use super::script::{HEAD_BYTES, Named};

/// No script of a person or a package index is larger; what is (a program with an archive behind it) is moved as a stream.
const MAX_ACTIVATE_BYTES: u64 = 1 << 20;

/// What was changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Relocated {
    /// Scripts that name their interpreter in another way now.
    pub scripts: u64,
    /// Activation scripts that name another place now.
    pub activations: u64,
}

/// Makes the environment at `root` independent of where it was made. `place` is where it will lie, where that is known: only what cannot
/// work it out for itself (`activate` in plain sh) is told. Doing it again changes nothing.
///
/// # Errors
/// Whatever reading and replacing files fails with; an environment without a `bin` is left as it is.
pub fn relocate(root: &Path, place: Option<&Path>) -> io::Result<Relocated> {
    let bin = root.join("bin");
    let mut done = Relocated::default();
    let entries = match fs::read_dir(&bin) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(done);
        }
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if !entry.file_type()?.is_file() {
            continue;
        }
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if activate::is_one(name) {
            done.activations += u64::from(rewrite_activation(&entry.path(), name, place)?);
        } else {
            done.scripts += u64::from(rewrite_script(&entry.path(), &bin)?);
        }
    }
    forget_maker(root)?;
    Ok(done)
}

fn rewrite_activation(path: &Path, name: &str, place: Option<&Path>) -> io::Result<bool> {
    if path.metadata()?.len() > MAX_ACTIVATE_BYTES {
        return Ok(false);
    }
    let Ok(text) = String::from_utf8(fs::read(path)?) else { return Ok(false) };
    let Some(new) = activate::rewrite(name, &text, place) else { return Ok(false) };
    replace(path, new.as_bytes(), io::empty())?;
    Ok(true)
}

fn rewrite_script(path: &Path, bin: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    (&mut file).take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    let Some(named) = Named::read(&head) else { return Ok(false) };
    if named.is_of_the_machine() {
        return Ok(false);
    }
    let Some(name) = interpreter(bin, &named) else { return Ok(false) };
    let begin = named.beside(&name);
    let rest = head[named.rest().min(head.len())..].to_vec();
    replace(path, begin.as_bytes(), rest.as_slice().chain(file))?;
    Ok(true)
}

/// The interpreter of this environment that is meant: the one of that name, or for a Python any that is there.
fn interpreter(bin: &Path, named: &Named<'_>) -> Option<String> {
    let others: &[&str] = if named.is_python() { &["python", "python3"] } else { &[] };
    let names = std::iter::once(named.name()).chain(others.iter().copied());
    names
        .filter(|name| !name.is_empty())
        .find(|name| bin.join(name).symlink_metadata().is_ok())
        .map(str::to_owned)
}

/// `executable` and `command` tell where and how the venv was made; Python reads neither.
fn forget_maker(root: &Path) -> io::Result<()> {
    let path = root.join("pyvenv.cfg");
    let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
    let mut config = Config::parse(&text);
    config.remove("executable");
    config.remove("command");
    if config.text() == text { Ok(()) } else { replace(&path, config.text().as_bytes(), io::empty()) }
}

/// Puts a file with this content and the old one's mode in the place of `path`.
pub(super) fn replace(path: &Path, begin: &[u8], mut rest: impl Read) -> io::Result<()> {
    let mode = path.metadata()?.permissions().mode() & 0o777;
    let mut aside = path.as_os_str().to_owned();
    aside.push(".lp-new");
    let aside = Path::new(&aside);
    let mut write = || {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(aside)?;
        file.write_all(begin)?;
        io::copy(&mut rest, &mut file)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        fs::rename(aside, path)
    };
    let written = write();
    if written.is_err() {
        let _ = fs::remove_file(aside);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn venv(scripts: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("bin")).unwrap();
        for (name, text) in scripts {
            let path = dir.path().join("bin").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        dir
    }

    fn read(dir: &tempfile::TempDir, name: &str) -> String {
        fs::read_to_string(dir.path().join(name)).unwrap()
    }

    #[test]
    fn scripts_run_with_the_interpreter_beside_them_wherever_they_lie() {
        let echo = "#!/bin/sh\necho \"this one: $*\"\n";
        let dir = venv(&[
            ("python3", echo),
            ("tool", "#!/old/bin/python3 -E\nimport x\n"),
            ("own", "#!/usr/bin/python3\n"),
        ]);

        let done = relocate(dir.path(), None).unwrap();

        assert_eq!(done, Relocated { scripts: 1, activations: 0 });
        assert_eq!(read(&dir, "bin/own"), "#!/usr/bin/python3\n");
        assert!(read(&dir, "bin/tool").ends_with("' '''\nimport x\n"));
        let moved = dir.path().join("moved");
        fs::rename(dir.path().join("bin"), &moved).unwrap();
        symlink(moved.join("tool"), dir.path().join("link")).unwrap();
        let output = std::process::Command::new(dir.path().join("link")).arg("a b").output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.starts_with("this one: -E ") && said.ends_with("link a b\n"), "{said}");
    }

    #[test]
    fn doing_it_again_changes_nothing() {
        let dir =
            venv(&[("python", ""), ("tool", "#!/old/bin/python\n"), ("activate", "VIRTUAL_ENV=/old\n")]);
        fs::write(
            dir.path().join("pyvenv.cfg"),
            "home = /usr/bin\ncommand = /usr/bin/python3 -m venv /old\n",
        )
        .unwrap();

        let first = relocate(dir.path(), Some(Path::new("/new"))).unwrap();
        let again = relocate(dir.path(), Some(Path::new("/new"))).unwrap();

        assert_eq!((first.scripts, first.activations), (1, 1));
        assert_eq!(again, Relocated::default());
        assert_eq!(read(&dir, "pyvenv.cfg"), "home = /usr/bin\n");
    }

    #[test]
    fn a_script_whose_interpreter_is_not_in_the_environment_stays() {
        let dir = venv(&[("tool", "#!/old/bin/perl\n"), ("binary", "\u{7f}ELF")]);

        assert_eq!(relocate(dir.path(), None).unwrap(), Relocated::default());
        assert_eq!(read(&dir, "bin/tool"), "#!/old/bin/perl\n");
        assert_eq!(relocate(&dir.path().join("bin"), None).unwrap(), Relocated::default(), "no bin in it");
    }

    #[test]
    fn what_a_link_of_the_tool_leads_to_is_not_written_to() {
        let dir = venv(&[("python", ""), ("tool", "#!/old/bin/python\n")]);
        let cache = dir.path().join("cache");
        fs::hard_link(dir.path().join("bin/tool"), &cache).unwrap();

        relocate(dir.path(), None).unwrap();

        assert_eq!(fs::read_to_string(cache).unwrap(), "#!/old/bin/python\n");
        assert!(read(&dir, "bin/tool").starts_with("#!/bin/sh\n"));
        assert!(fs::metadata(dir.path().join("bin/tool")).unwrap().permissions().mode() & 0o111 != 0);
    }
}
