//! What `conda-unpack` does, without running it.
//!
//! conda-pack leaves `bin/conda-unpack`, a Python script with a list of (file, old place, text or binary), to be run once where the
//! environment was unpacked. The list is read and followed here instead: a node unpacks aside and renames, so the place to be written is not
//! where the files are; and what a package brings must not be run by whoever unpacks it, who on a node may be root.
//!
//! How a place is replaced in a file is the business of `prefix`.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::form::CONDA_UNPACK;
use super::prefix::{self, Content, NoRoom};
use super::relocate::replace;

/// 16 MiB of script: some 100,000 files.
const MAX_SCRIPT_BYTES: u64 = 16 << 20;
/// 1 GiB: a file that is rewritten is held in memory.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// The line before the list.
const BEGIN: &str = "_prefix_records = [";

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpacking {
    /// There is no such script.
    None,
    /// So many files name the new place.
    Done { files: u64 },
    /// The script is not one of conda-pack's: it can only be run.
    Unreadable,
}

/// Why a file of the list cannot be rewritten.
#[derive(Debug, thiserror::Error)]
pub enum CondaError {
    #[error("rewrite `{file}` as its conda-unpack says")]
    Io { file: String, source: io::Error },
    #[error("rewrite `{file}` as its conda-unpack says: the name leads out of the environment")]
    Outside { file: String },
    #[error("rewrite `{file}` as its conda-unpack says: it is larger than 1 GiB")]
    TooBig { file: String },
    #[error(
        "rewrite `{file}` as its conda-unpack says: it has room for a place of {room} characters, and the cache's has {needed}; a shorter \
         data_path of the node helps"
    )]
    NoRoom { file: String, room: usize, needed: usize },
}

#[derive(Debug, PartialEq, Eq)]
struct Record {
    file: String,
    placeholder: String,
    content: Content,
}

/// Rewrites the conda environment at `root`, which will lie at `place`.
///
/// # Errors
/// The first file that cannot be rewritten; others may have been by then.
pub fn unpack(root: &Path, place: &Path) -> Result<Unpacking, CondaError> {
    let failed = |source| CondaError::Io { file: CONDA_UNPACK.to_owned(), source };
    let script = root.join(CONDA_UNPACK);
    match script.metadata() {
        Ok(facts) if facts.len() > MAX_SCRIPT_BYTES => return Ok(Unpacking::Unreadable),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Unpacking::None),
        Err(error) => return Err(failed(error)),
    }
    let bytes = fs::read(&script).map_err(failed)?;
    let Some(records) = std::str::from_utf8(&bytes).ok().and_then(read) else {
        return Ok(Unpacking::Unreadable);
    };
    let mut files = 0;
    for record in &records {
        files += u64::from(rewrite(root, place, record)?);
    }
    Ok(Unpacking::Done { files })
}

fn rewrite(root: &Path, place: &Path, record: &Record) -> Result<bool, CondaError> {
    let Record { file, placeholder, content } = record;
    let failed = |source| CondaError::Io { file: file.clone(), source };
    let path = inside(root, file)?;
    let facts = match path.symlink_metadata() {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    if !facts.is_file() || placeholder.is_empty() {
        return Ok(false);
    }
    if facts.len() > MAX_FILE_BYTES {
        return Err(CondaError::TooBig { file: file.clone() });
    }
    let old = fs::read(&path).map_err(failed)?;
    let new = prefix::replace(&old, placeholder, place, *content)
        .map_err(|NoRoom { room, needed }| CondaError::NoRoom { file: file.clone(), room, needed })?;
    if new == old {
        return Ok(false);
    }
    replace(&path, &new, io::empty()).map_err(failed)?;
    Ok(true)
}

/// The file in the environment; nothing on the way to it leads out.
fn inside(root: &Path, file: &str) -> Result<PathBuf, CondaError> {
    let outside = || CondaError::Outside { file: file.to_owned() };
    let relative = Path::new(file);
    if file.is_empty() || !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(outside());
    }
    let path = root.join(relative);
    let Ok(parent) = path.parent().unwrap_or(root).canonicalize() else { return Ok(path) };
    let root = root.canonicalize().map_err(|source| CondaError::Io { file: file.to_owned(), source })?;
    if parent.starts_with(root) { Ok(path) } else { Err(outside()) }
}

/// The records of a script; None where it is none of conda-pack's.
fn read(script: &str) -> Option<Vec<Record>> {
    let begin = script.find(BEGIN)? + BEGIN.len();
    let mut rest = script[begin..].trim_start();
    let mut records = Vec::new();
    loop {
        if rest.starts_with(']') {
            return Some(records);
        }
        rest = rest.strip_prefix('(')?;
        let mut fields = [String::new(), String::new(), String::new()];
        for (number, field) in fields.iter_mut().enumerate() {
            if number > 0 {
                rest = rest.trim_start().strip_prefix(',')?;
            }
            (*field, rest) = literal(rest.trim_start())?;
        }
        rest = rest.trim_start().strip_prefix(')')?.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        let [file, placeholder, mode] = fields;
        let content = Content::of(&mode)?;
        records.push(Record { file, placeholder, content });
    }
}

/// A text as Python's `repr` writes it, and what follows. None where it holds what no file name of a package does.
fn literal(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => match letters.next()?.1 {
                escaped @ ('\\' | '\'' | '"') => value.push(escaped),
                _ => return None,
            },
            letter if letter == quote => return Some((value, &text[at + 1..])),
            letter => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(records: &str, files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let script =
            format!("#!/usr/bin/env python\nimport x\n\n_prefix_records = [\n{records}\n]\n\nif x: pass\n");
        for (name, content) in files.iter().copied().chain([(CONDA_UNPACK, script.as_bytes())]) {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        dir
    }

    #[test]
    fn text_and_machine_code_name_the_new_place() {
        let dir = environment(
            "('bin/tool', '/old/place', 'text'),\n('lib/x.so', '/old/place/long', 'binary'),\n('gone', '/old', 'text')",
            &[
                ("bin/tool", b"#!/old/place/bin/python\nprint('/old/place')\n"),
                ("lib/x.so", b"\x7fELF\0/old/place/long/lib:/old/place/long/x\0next\0"),
                ("bin/other", b"/old/place"),
            ],
        );

        let done = unpack(dir.path(), Path::new("/new")).unwrap();

        assert_eq!(done, Unpacking::Done { files: 2 });
        let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
        assert_eq!(read("bin/tool"), b"#!/new/bin/python\nprint('/new')\n");
        assert_eq!(read("bin/other"), b"/old/place", "it is not in the list");
        let code = read("lib/x.so");
        assert!(code.starts_with(b"\x7fELF\0/new/lib:/new/x\0\0"), "{}", code.escape_ascii());
        assert!(code.ends_with(b"\0next\0"));
        assert_eq!(code.len(), b"\x7fELF\0/old/place/long/lib:/old/place/long/x\0next\0".len());
        assert_eq!(unpack(dir.path(), Path::new("/new")).unwrap(), Unpacking::Done { files: 0 });
    }

    #[test]
    fn a_place_that_does_not_fit_is_told_with_what_helps() {
        let dir = environment("('x', '/old', 'binary')", &[("x", b"/old/lib\0")]);

        let error = unpack(dir.path(), Path::new("/much/longer")).unwrap_err();

        assert!(matches!(&error, CondaError::NoRoom { room: 4, needed: 12, .. }), "{error}");
        assert_eq!(fs::read(dir.path().join("x")).unwrap(), b"/old/lib\0");
    }

    #[test]
    fn no_record_reaches_outside() {
        for file in ["../x", "/etc/passwd", "", "a/../../x", "out/x"] {
            let dir = environment(&format!("({file:?}, '/old', 'text')"), &[("a/b", b"")]);
            std::os::unix::fs::symlink("/", dir.path().join("out")).unwrap();
            let error = unpack(dir.path(), Path::new("/new")).unwrap_err();
            assert!(matches!(error, CondaError::Outside { .. }), "{file}: {error}");
        }
    }

    #[test]
    fn only_scripts_of_conda_pack_are_followed() {
        assert_eq!(read("_prefix_records = [\n\n]").unwrap(), []);
        let quoted = read("_prefix_records = [\n(\"it's\", 'a\\\\b', 'text')]").unwrap();
        assert_eq!((quoted[0].file.as_str(), quoted[0].placeholder.as_str()), ("it's", "a\\b"));
        for script in [
            "",
            "#!/bin/sh\n",
            "_prefix_records = [x]",
            "_prefix_records = [('a', 'b', 'c')]",
            "_prefix_records = [('a",
        ] {
            assert_eq!(read(script), None, "{script}");
        }
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(unpack(dir.path(), Path::new("/new")).unwrap(), Unpacking::None);
    }
}
