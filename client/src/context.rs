//! Which manager a command talks to, and with which token.
//!
//! The first that is given wins: `--manager`/`LP_MANAGER`, then a context file (`--context`/`LP_CONTEXT`), then the context of the
//! latest `lp up`. A token from a context file is only ever sent to the manager of that same file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::Global;
use crate::failure::Failure;

/// What `client.json` holds.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub(crate) struct Context {
    /// Address of the manager.
    pub(crate) manager: String,
    /// Address of the viewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) viewer: Option<String>,
    pub(crate) token: String,
}

/// The manager that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) manager: String,
    pub(crate) token: String,
    /// Where the address was found, as told to people.
    pub(crate) origin: String,
}

/// Finds the manager; `config_dir` is the user's configuration directory.
///
/// # Errors
/// `NoManager` where nothing names one, `File` where a context file cannot be read, `Invalid` where it is none.
pub(crate) fn find(global: &Global, config_dir: Option<&Path>) -> Result<Target, Failure> {
    // a variable that is set to nothing is not set
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (manager, token) = (given(&global.manager), given(&global.token));
    let context = match global.context.as_ref().filter(|path| !path.as_os_str().is_empty()) {
        Some(path) => Some((path.clone(), load(path)?)),
        None => latest(config_dir)?,
    };
    match (manager, context) {
        (Some(manager), context) => {
            let of_same = context.filter(|(_, context)| is_same(&manager, &context.manager));
            let token = token.or(of_same.map(|(_, context)| context.token));
            let origin = "--manager or LP_MANAGER".to_owned();
            Ok(Target { manager, token: token.unwrap_or_default(), origin })
        }
        (None, Some((path, context))) => {
            let token = token.unwrap_or(context.token);
            Ok(Target { manager: context.manager, token, origin: path.display().to_string() })
        }
        (None, None) => Err(Failure::NoManager),
    }
}

/// `$XDG_CONFIG_HOME`, or `~/.config`.
pub(crate) fn config_dir() -> Option<PathBuf> {
    home_path("XDG_CONFIG_HOME", ".config")
}

/// `$XDG_DATA_HOME`, or `~/.local/share`.
pub(crate) fn data_dir() -> Option<PathBuf> {
    home_path("XDG_DATA_HOME", ".local/share")
}

fn home_path(variable: &str, below_home: &str) -> Option<PathBuf> {
    // the specification wants relative paths ignored
    let given = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    given.or_else(|| {
        let home = std::env::var_os("HOME").map(PathBuf::from).filter(|path| path.is_absolute())?;
        Some(home.join(below_home))
    })
}

/// Writes `DIR/client.json`, readable by its owner only, and makes it the default context.
pub(crate) fn publish(path: &Path, context: &Context, config_dir: Option<&Path>) -> Result<(), Failure> {
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |source| Failure::File { what, path, source }
    };
    let mut text =
        serde_json::to_vec_pretty(context).map_err(io::Error::from).map_err(failed("write", path))?;
    text.push(b'\n');
    write_private(path, &text).map_err(failed("write", path))?;
    if let Some(directory) = config_dir.map(|directory| directory.join("lp")) {
        let pointer = directory.join("context");
        let target = fs::canonicalize(path).map_err(failed("find", path))?;
        let written = fs::create_dir_all(&directory).and_then(|()| {
            use std::os::unix::ffi::OsStrExt;
            write_private(&pointer, target.as_os_str().as_bytes())
        });
        written.map_err(failed("write", &pointer))?;
    }
    Ok(())
}

fn is_same(one: &str, other: &str) -> bool {
    let normal = |url: &str| {
        lp_protocol::client::ManagerClient::new(url, "").map(|client| client.base_url().to_owned()).ok()
    };
    matches!((normal(one), normal(other)), (Some(one), Some(other)) if one == other)
}

/// The context the latest `lp up` wrote, unless its directory is gone.
fn latest(config_dir: Option<&Path>) -> Result<Option<(PathBuf, Context)>, Failure> {
    use std::os::unix::ffi::OsStringExt;
    let Some(pointer) = config_dir.map(|directory| directory.join("lp/context")) else { return Ok(None) };
    let path = match fs::read(&pointer) {
        Ok(bytes) => PathBuf::from(std::ffi::OsString::from_vec(bytes.trim_ascii_end().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Failure::File { what: "read", path: pointer, source }),
    };
    match load(&path) {
        Ok(context) => Ok(Some((path, context))),
        Err(Failure::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn load(path: &Path) -> Result<Context, Failure> {
    let inside = path.join("client.json");
    let path = if path.is_dir() { inside.as_path() } else { path };
    let text = fs::read(path).map_err(|source| Failure::File {
        what: "read the context",
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&text).map_err(|error| Failure::Invalid {
        what: format!("{} is not a client.json: {error}", path.display()),
        hint: Some("`lp up` writes one: {\"manager\": URL, \"token\": TOKEN}".to_owned()),
    })
}

/// Writes a file that appears whole, readable by its owner only.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = directory.join(format!(".{}.tmp", uuid::Uuid::new_v4().as_simple()));
    let write = || {
        let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::os::unix::fs::PermissionsExt;

    fn global(arguments: &[&str]) -> Global {
        let mut words = vec!["lp", "status"];
        words.extend(arguments);
        let mut global = crate::cli::Cli::parse_from(words).global;
        // the environment of whoever runs the tests has no say
        if !arguments.contains(&"--manager") {
            global.manager = None;
        }
        if !arguments.contains(&"--token") {
            global.token = None;
        }
        if !arguments.contains(&"--context") {
            global.context = None;
        }
        global
    }

    fn context(manager: &str, token: &str) -> Context {
        Context { manager: manager.to_owned(), viewer: None, token: token.to_owned() }
    }

    #[test]
    fn flags_go_before_a_named_context_and_that_before_the_latest_one() {
        let home = tempfile::tempdir().unwrap();
        let (latest, named) = (home.path().join("latest.json"), home.path().join("named.json"));
        publish(&named, &context("http://n", "tn"), None).unwrap();
        publish(&latest, &context("http://l", "tl"), Some(home.path())).unwrap();
        let named = named.to_str().unwrap();

        let table: [(&[&str], &str, &str); 7] = [
            (&[], "http://l", "tl"),
            (&["--token", "x"], "http://l", "x"),
            (&["--context", named], "http://n", "tn"),
            (&["--context", named, "--token", "x"], "http://n", "x"),
            (&["--manager", "http://m", "--context", named], "http://m", ""),
            (&["--manager", "http://n/", "--context", named], "http://n/", "tn"),
            (&["--manager", "", "--token", "", "--context", ""], "http://l", "tl"),
        ];
        for (arguments, manager, token) in table {
            let target = find(&global(arguments), Some(home.path())).unwrap();
            assert_eq!((target.manager.as_str(), target.token.as_str()), (manager, token), "{arguments:?}");
        }
    }

    #[test]
    fn without_any_manager_the_command_says_so() {
        let home = tempfile::tempdir().unwrap();

        assert!(matches!(find(&global(&[]), Some(home.path())), Err(Failure::NoManager)));
        assert!(matches!(find(&global(&[]), None), Err(Failure::NoManager)));
    }

    #[test]
    fn a_context_whose_directory_is_gone_is_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("client.json");
        publish(&path, &context("http://l", "t"), Some(home.path())).unwrap();

        fs::remove_file(path).unwrap();

        assert!(matches!(find(&global(&[]), Some(home.path())), Err(Failure::NoManager)));
    }

    #[test]
    fn a_named_context_must_be_there_and_be_one() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("x.json");
        let arguments = ["--context", path.to_str().unwrap()];

        assert_eq!(find(&global(&arguments), None).unwrap_err().exit_code(), 1);
        fs::write(&path, "{}").unwrap();
        assert_eq!(find(&global(&arguments), None).unwrap_err().exit_code(), 5);
    }

    #[test]
    fn a_directory_stands_for_its_client_json() {
        let home = tempfile::tempdir().unwrap();
        publish(&home.path().join("client.json"), &context("http://l", "t"), None).unwrap();

        let target = find(&global(&["--context", home.path().to_str().unwrap()]), None).unwrap();

        assert_eq!(target.manager, "http://l");
    }

    #[test]
    fn what_holds_a_token_is_readable_by_its_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("client.json");
        fs::write(&path, "old").unwrap();

        publish(&path, &context("http://l", "t"), Some(home.path())).unwrap();

        for file in [path, home.path().join("lp/context")] {
            assert_eq!(
                fs::metadata(&file).unwrap().permissions().mode() & 0o777,
                0o600,
                "{}",
                file.display()
            );
        }
    }
}
