//! A wheel becomes an installed package (the "binary distribution format" of the Python packaging specifications).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::archive::Extracted;
use super::link::site_packages;
use super::prefix_dir::PrefixDir;
use super::{PixiError, list, name, scripts};

/// Scripts of wheels begin with this where they want the environment's Python.
const PYTHON_MARK: &[u8] = b"#!python";

/// Puts the unpacked wheel into the environment, whose Python is of this version (`3.12`).
pub(super) fn install(prefix: &PrefixDir, wheel: &Extracted, python: &str) -> Result<(), PixiError> {
    let modules = site_packages(python);
    for path in list(&wheel.files)? {
        let name = name(&path);
        if let Some(project) = name.strip_suffix(".data") {
            spread_data(prefix, &path, project, &modules, python)?;
        } else {
            take(prefix, &path, &modules.join(&name))?;
            if name.ends_with(".dist-info") {
                write_scripts(prefix, wheel, &prefix.path().join(&modules).join(&name))?;
            }
        }
    }
    Ok(())
}

/// What a wheel has for other places than that of its modules.
fn spread_data(
    prefix: &PrefixDir,
    data: &Path,
    project: &str,
    modules: &Path,
    python: &str,
) -> Result<(), PixiError> {
    for path in list(data)? {
        match name(&path).as_str() {
            "purelib" | "platlib" => take_all(prefix, &path, modules)?,
            "data" => take_all(prefix, &path, Path::new(""))?,
            "headers" => {
                let project = project.split('-').next().unwrap_or(project);
                take_all(prefix, &path, &PathBuf::from(format!("include/python{python}/{project}")))?;
            }
            "scripts" => {
                for script in list(&path)? {
                    take_script(prefix, &script)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn take_all(prefix: &PrefixDir, dir: &Path, relative: &Path) -> Result<(), PixiError> {
    list(dir)?.iter().try_for_each(|path| take(prefix, path, &relative.join(name(path))))
}

/// Moves a file or a directory with all that is in it.
fn take(prefix: &PrefixDir, path: &Path, relative: &Path) -> Result<(), PixiError> {
    let facts = path.symlink_metadata().map_err(|source| read_error(path, source))?;
    if facts.is_dir() {
        prefix.make_dir(relative)?;
        take_all(prefix, path, relative)
    } else {
        prefix.take(path, relative)
    }
}

fn take_script(prefix: &PrefixDir, script: &Path) -> Result<(), PixiError> {
    let text = fs::read(script).map_err(|source| read_error(script, source))?;
    let relative = Path::new("bin").join(name(script));
    match text.strip_prefix(PYTHON_MARK) {
        Some(rest) => {
            let begin = format!("#!{}", prefix.place().join("bin/python").display());
            prefix.write(relative, &[begin.as_bytes(), rest].concat(), true)
        }
        None => prefix.write(relative, &text, true),
    }
}

fn write_scripts(prefix: &PrefixDir, wheel: &Extracted, info: &Path) -> Result<(), PixiError> {
    let text = match fs::read_to_string(info.join("entry_points.txt")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(read_error(&info.join("entry_points.txt"), source)),
    };
    for line in scripts::in_section(&text) {
        let script = scripts::read(line)
            .and_then(|(name, target)| Some((name, scripts::of_entry_point(prefix.place(), target)?)));
        let (name, script) = script.ok_or_else(|| PixiError::Install {
            package: wheel.package.clone(),
            reason: format!("its entry point `{}` is none", line.escape_debug()),
        })?;
        prefix.write(Path::new("bin").join(name), script.as_bytes(), true)?;
    }
    Ok(())
}

fn read_error(path: &Path, source: io::Error) -> PixiError {
    PixiError::Read { file: name(path), source }
}
