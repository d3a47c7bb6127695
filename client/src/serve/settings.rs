//! A part's settings: its file, `LP_*` variables over it, flags over both.
//!
//! The parts read their file and variables themselves; flags are laid over by answering for the variable of the same key.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::commands::Session;
use crate::failure::Failure;
use crate::output::text;

/// What flags say, by the key of the configuration.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    values: BTreeMap<String, String>,
    /// Variables that are not asked for: another part's, or another meaning.
    deaf_to: &'static [&'static str],
}

impl Settings {
    /// Reads `--set KEY=VALUE`.
    ///
    /// # Errors
    /// `Usage` where there is no `=`, or no such key.
    pub(super) fn from_words(words: &[String], keys: &[&str]) -> Result<Self, Failure> {
        let mut settings = Self::default();
        for word in words {
            let Some((key, value)) = word.split_once('=') else {
                return Err(Failure::usage(
                    format!("`{}` is not KEY=VALUE", text::visible(word)),
                    "for example --set log_level=debug",
                ));
            };
            if !keys.contains(&key) {
                let what = format!("there is no key `{}`", text::visible(key));
                return Err(Failure::usage(what, format!("the keys are {}", keys.join(", "))));
            }
            settings.values.insert(key.to_owned(), value.to_owned());
        }
        Ok(settings)
    }

    /// Lays a flag over, where it was given.
    pub(super) fn with(mut self, key: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.values.insert(key.to_owned(), value.to_string());
        }
        self
    }

    /// Ignores these variables of the environment.
    pub(super) fn deaf_to(mut self, variables: &'static [&'static str]) -> Self {
        self.deaf_to = variables;
        self
    }

    /// The value for `LP_<KEY>`.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let key = name.strip_prefix("LP_").unwrap_or(name).to_ascii_lowercase();
        match self.values.get(&key) {
            Some(value) => Some(value.clone()),
            None if self.deaf_to.contains(&name) => None,
            None => std::env::var(name).ok(),
        }
    }
}

impl Settings {
    /// All of them, for a part that lays them over itself.
    pub(super) fn into_flags(self) -> Vec<(String, String)> {
        self.values.into_iter().collect()
    }
}

/// The environment, but for what a part is deaf to.
pub(super) fn variables(deaf_to: &'static [&'static str]) -> impl Iterator<Item = (String, String)> {
    let texts = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    texts.filter(|(name, _)| !deaf_to.contains(&name.as_str()))
}

/// The text of a configuration file; empty where there is none.
pub(super) fn read(path: Option<&Path>) -> Result<String, Failure> {
    let Some(path) = path else { return Ok(String::new()) };
    fs::read_to_string(path).map_err(|source| Failure::File { what: "read", path: path.to_owned(), source })
}

/// A configuration that cannot be used, told with the file it is from.
pub(super) fn wrong(path: Option<&Path>, error: &dyn std::error::Error) -> Failure {
    let file = path.map(|path| format!("{}: ", path.display())).unwrap_or_default();
    Failure::usage(format!("{file}{error}"), "-g DIR writes a file with every key explained")
}

/// Writes a commented configuration file and prints its path; an existing one is left alone.
pub(super) fn generate(
    session: &Session,
    directory: &Path,
    name: &str,
    template: &str,
) -> Result<(), Failure> {
    let path: PathBuf = directory.join(name);
    let failed = |source| Failure::File { what: "write", path: path.clone(), source };
    fs::create_dir_all(directory).map_err(failed)?;
    // tokens are kept in it
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
    file.write_all(template.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    session.out.line(&text::visible(&path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_answer_before_the_environment() {
        let words = ["http_port=1".to_owned(), "data_path=a=b".to_owned()];
        let settings = Settings::from_words(&words, &["http_port", "data_path"]).unwrap();
        let settings = settings.with("http_port", Some(2)).with("data_path", None::<String>);

        assert_eq!(settings.variable("LP_HTTP_PORT").as_deref(), Some("2"));
        assert_eq!(settings.variable("LP_DATA_PATH").as_deref(), Some("a=b"));
    }

    #[test]
    fn variables_of_another_meaning_are_not_asked_for() {
        // PATH is set wherever tests run
        assert!(Settings::default().variable("PATH").is_some());
        assert!(Settings::default().deaf_to(&["PATH"]).variable("PATH").is_none());
    }

    #[test]
    fn unknown_keys_and_words_without_a_value_are_wrong_usage() {
        for word in ["x", "x=1", "=1"] {
            let error = Settings::from_words(&[word.to_owned()], &["y"]).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{word}");
        }
    }
}
