//! Finding the program, and saying why there is none.
//!
//! A program that cannot be started is the commonest mistake in a new application, so each way to fail has its own sentence. The happy
//! path costs a few `access` calls; reasons are only looked for after the system has refused.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

/// 256 bytes of a `#!` line, all the kernel looks at.
const SHEBANG_BYTES: u64 = 256;

/// Finds the file to execute for the first word of a command: with a slash relative to `cwd`, else over `path`.
///
/// # Errors
/// The reason there is none, for people.
pub(crate) fn find(word: &str, cwd: &Path, path: &str) -> Result<PathBuf, String> {
    if word.is_empty() {
        return Err("the command is empty".to_owned());
    }
    if word.contains('\0') {
        return Err("the command holds a NUL".to_owned());
    }
    if word.contains('/') {
        let file = cwd.join(word);
        return if is_program(&file) { Ok(file) } else { Err(why_not(word, &file, cwd)) };
    }
    for dir in path.split(':') {
        // an empty part of PATH is the current directory
        let file = cwd.join(dir).join(word);
        if is_program(&file) {
            return Ok(file);
        }
    }
    let hint = if cwd.join(word).is_file() {
        format!("; the app has a file of that name: write `./{word}`")
    } else {
        String::new()
    };
    Err(format!("`{word}` is not on the PATH of the action: {path}{hint}"))
}

/// What to do about a spawn the system refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A text file without `#!`: shells run it themselves, and so did LitePipeline's.
    NeedsShell,
    Reason(String),
}

/// Explains a refused spawn of `program`, written `word`, in `cwd`.
pub(crate) fn explain(errno: i32, word: &str, program: &Path, cwd: &Path) -> Refusal {
    let error = Errno::from_raw(errno);
    if error == Errno::ENOEXEC && is_text(program) {
        return Refusal::NeedsShell;
    }
    if !cwd.is_dir() {
        return Refusal::Reason(format!("the app's directory `{}` is missing on this node", cwd.display()));
    }
    Refusal::Reason(match error {
        Errno::ENOEXEC => format!("`{word}` is not a program for this machine ({})", std::env::consts::ARCH),
        Errno::E2BIG => {
            format!("the arguments and environment of `{word}` are longer than the system allows")
        }
        Errno::EAGAIN => {
            format!("cannot start `{word}`: this user has as many processes as the system allows")
        }
        Errno::ENOMEM => format!("cannot start `{word}`: the node is out of memory"),
        Errno::ENOSPC | Errno::EDQUOT => "cannot create stdout.data: the node's disk is full".to_owned(),
        Errno::EEXIST => "stdout.data is in the workspace already".to_owned(),
        Errno::EACCES if is_program(program) && nix::unistd::geteuid().is_root() => {
            format!(
                "`{word}`, its interpreter or a directory above them is closed to the user that programs run as on this node"
            )
        }
        Errno::ENOENT | Errno::EACCES | Errno::ENOTDIR => why_not(word, program, cwd),
        Errno::EPERM => format!(
            "cannot start `{word}`: this machine does not let the node confine it as `lp node info` says"
        ),
        other => format!("cannot start `{word}`: {}", other.desc()),
    })
}

fn is_program(file: &Path) -> bool {
    access(file, AccessFlags::X_OK).is_ok() && file.is_file()
}

/// The sentence about a file that is none, or cannot be executed.
fn why_not(word: &str, file: &Path, cwd: &Path) -> String {
    if file.is_dir() {
        return format!("`{word}` is a directory, not a program");
    }
    if !file.exists() {
        let place = if word.starts_with('/') { "on this node" } else { "in the app" };
        return match cwd.join(word).symlink_metadata() {
            Ok(found) if found.is_symlink() => format!("`{word}` is a link to something that is not there"),
            Ok(_) | Err(_) => format!("there is no `{word}` {place}"),
        };
    }
    if let Some(interpreter) = interpreter(file)
        && !is_program(&cwd.join(&interpreter))
    {
        return format!("interpreter `{interpreter}` of `{word}` is missing on this node");
    }
    if access(file, AccessFlags::X_OK).is_err() {
        return format!("`{word}` is not executable; chmod +x it or write {}", written_out(word));
    }
    format!("`{word}` cannot be executed: a library loader or interpreter it names is missing on this node")
}

/// How to call a script that is not executable.
fn written_out(word: &str) -> String {
    match Path::new(word).extension().and_then(|extension| extension.to_str()) {
        Some("py") => format!("`python {word}`"),
        Some("sh" | "bash") => format!("`bash {word}`"),
        Some("pl") => format!("`perl {word}`"),
        Some("js") => format!("`node {word}`"),
        Some("rb") => format!("`ruby {word}`"),
        _ => format!("`INTERPRETER {word}`"),
    }
}

/// The program a script names in its first line.
fn interpreter(file: &Path) -> Option<String> {
    let head = head(file)?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    Some(line.split_ascii_whitespace().next()?.to_owned())
}

/// As bash decides before it runs a file itself: no NUL in the first bytes.
fn is_text(file: &Path) -> bool {
    head(file).is_some_and(|head| !head.contains(&0))
}

fn head(file: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    File::open(file).ok()?.take(SHEBANG_BYTES).read_to_end(&mut head).ok()?;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn app(files: &[(&str, &str, u32)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, content, mode) in files {
            fs::write(dir.path().join(name), content).unwrap();
            fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(*mode)).unwrap();
        }
        dir
    }

    #[test]
    fn a_program_is_found_in_the_app_or_on_the_path() {
        let app = app(&[("run", "", 0o755)]);
        let path = format!("/nowhere:{}:/bin", app.path().display());

        assert_eq!(find("./run", app.path(), "").unwrap(), app.path().join("./run"));
        assert_eq!(find("run", Path::new("/"), &path).unwrap(), app.path().join("run"));
        assert_eq!(find("/bin/sh", app.path(), "").unwrap(), Path::new("/bin/sh"));
    }

    #[test]
    fn each_way_to_have_no_program_has_its_sentence() {
        let app = app(&[("first.py", "#!/usr/bin/env python3\n", 0o644), ("alone", "x", 0o644)]);
        fs::create_dir(app.path().join("dir")).unwrap();
        symlink("/nowhere/x", app.path().join("broken")).unwrap();
        for (word, expected) in [
            ("", "the command is empty"),
            ("foo", "`foo` is not on the PATH of the action: /nowhere"),
            (
                "alone",
                "`alone` is not on the PATH of the action: /nowhere; the app has a file of that name: write `./alone`",
            ),
            ("./foo", "there is no `./foo` in the app"),
            ("/nowhere/foo", "there is no `/nowhere/foo` on this node"),
            ("./broken", "`./broken` is a link to something that is not there"),
            ("./dir", "`./dir` is a directory, not a program"),
            ("./first.py", "`./first.py` is not executable; chmod +x it or write `python ./first.py`"),
        ] {
            assert_eq!(find(word, app.path(), "/nowhere").unwrap_err(), expected);
        }
    }

    #[test]
    fn a_refused_spawn_is_explained() {
        let app = app(&[
            ("gone", "#!/usr/bin/python9 -u\n", 0o755),
            ("text", "echo hi\n", 0o755),
            ("binary", "\0\0", 0o755),
        ]);
        let explain =
            |errno: Errno, word: &str| explain(errno as i32, word, &app.path().join(word), app.path());

        assert_eq!(
            explain(Errno::ENOENT, "gone"),
            Refusal::Reason("interpreter `/usr/bin/python9` of `gone` is missing on this node".into())
        );
        assert_eq!(explain(Errno::ENOEXEC, "text"), Refusal::NeedsShell);
        let Refusal::Reason(reason) = explain(Errno::ENOEXEC, "binary") else {
            panic!("a binary is not for a shell")
        };
        assert!(reason.starts_with("`binary` is not a program for this machine"), "{reason}");
    }
}
