//! A part's settings: its file, `LP_*` variables over it, flags over both (`lp_settings` lays them over one another).
//!
//! What only this binary knows is which variables belong to somebody else: to another part, to the command line, to programs that run
//! as actions. Those are not even shown to a part; of the rest a plain slip is refused and all else is left alone.

use std::fs;
use std::path::Path;

use lp_settings::{Layers, Part};

use crate::commands::Session;
use crate::failure::Failure;
use crate::output::text;

/// Variables of ours that are no part's keys: the command line's, and those programs of actions are given.
const OURS: &[&str] = &[
    "LP_CONTEXT",
    "LP_MANAGER",
    "LP_TOKEN",
    "LP_LOG",
    "LP_LOG_LEVEL",
    "LP_TASK_ID",
    "LP_TASK_NAME",
    "LP_ACTION",
    "LP_ATTEMPT",
    "LP_ATTEMPT_KEY",
    "LP_WORKSPACE",
    "LP_NODE_ID",
];

/// What flags and the environment say.
#[derive(Debug, Default)]
pub(super) struct Settings {
    flags: Vec<(String, String)>,
    variables: Vec<(String, String)>,
}

impl Settings {
    /// The environment as far as it may be this part's, but for what it is deaf to.
    pub(super) fn of_environment(part: &Part, deaf_to: &[&str]) -> Self {
        let texts = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let variables =
            texts.filter(|(name, _)| is_for(part, name) && !deaf_to.contains(&name.as_str())).collect();
        Self { flags: Vec::new(), variables }
    }

    /// Adds `--set KEY=VALUE`.
    ///
    /// # Errors
    /// `Usage` where there is no `=`, or no such key.
    pub(super) fn with_words(mut self, part: &Part, words: &[String]) -> Result<Self, Failure> {
        for word in words {
            let Some((key, value)) = word.split_once('=') else {
                return Err(Failure::usage(
                    format!("`{}` is not KEY=VALUE", text::visible(word)),
                    "for example --set log_level=debug",
                ));
            };
            part.check_key("--set", key).map_err(|error| {
                let keys: Vec<&str> = part.keys.iter().map(|(key, _)| *key).collect();
                let what = text::visible(&error.to_string()).into_owned();
                Failure::usage(what, format!("the keys are {}", keys.join(", ")))
            })?;
            self.flags.push((key.to_owned(), value.to_owned()));
        }
        Ok(self)
    }

    /// Lays a flag over, where it was given.
    pub(super) fn with(mut self, key: &str, value: Option<impl ToString>) -> Self {
        self.flags.extend(value.map(|value| (key.to_owned(), value.to_string())));
        self
    }

    /// All layers; `file` is its name and its text.
    pub(super) fn over<'l>(&'l self, file: Option<(&'l str, &'l str)>) -> Layers<'l> {
        Layers { file, variables: &self.variables, flags: &self.flags }
    }
}

/// A variable is a part's where it is one of its keys, or where it is nobody's and may be a slip.
fn is_for(part: &Part, name: &str) -> bool {
    let Some(key) = name.strip_prefix("LP_").map(str::to_ascii_lowercase) else { return false };
    let has = |part: &Part| part.check_key("", &key).is_ok();
    let others = [lp_manager::Config::part(), lp_node::Config::part(), lp_viewer::Config::part()];
    has(part) || (!OURS.contains(&name) && !others.iter().any(has))
}

/// The text of `--label KEY=VALUE` as the key `labels` takes it, whatever is in the value.
///
/// # Errors
/// `Usage` where there is no `=`.
pub(super) fn label(word: &str) -> Result<String, Failure> {
    let Some((key, value)) = word.split_once('=') else {
        let what = format!("--label: `{}` is not KEY=VALUE", text::visible(word));
        return Err(Failure::usage(what, "for example --label gpu=a100"));
    };
    // JSON is YAML
    Ok(serde_json::json!({ key: value }).to_string())
}

/// A configuration file's name and text.
pub(super) fn read(path: Option<&Path>) -> Result<Option<(String, String)>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let failed = |source| Failure::File { what: "read", path: path.to_owned(), source };
    Ok(Some((path.display().to_string(), fs::read_to_string(path).map_err(failed)?)))
}

/// A file as a layer.
pub(super) fn layer(file: &Option<(String, String)>) -> Option<(&str, &str)> {
    file.as_ref().map(|(name, text)| (name.as_str(), text.as_str()))
}

/// A configuration that cannot be used.
pub(super) fn wrong(error: &dyn std::error::Error) -> Failure {
    let what = text::visible(&super::running::chain(error)).into_owned();
    Failure::usage(what, "-g DIR writes a file with every key explained")
}

/// Tells what a configuration says in vain.
pub(super) fn warn(session: &Session, warnings: &[String]) {
    for warning in warnings {
        session.out.warn(&text::visible(warning));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_others_are_not_shown_to_a_part_and_slips_are() {
        let manager = lp_manager::Config::part();

        for name in ["LP_HTTP_PORT", "LP_HTTP_PROT", "LP_DEST"] {
            assert!(is_for(&manager, name), "{name}");
        }
        // of the node, of the command line, of programs, of nobody
        for name in ["LP_ACTION_SLOTS", "LP_CONTEXT", "LP_TASK_ID", "PATH", "lp_http_port"] {
            assert!(!is_for(&manager, name), "{name}");
        }
    }

    #[test]
    fn no_variable_of_ours_is_a_slip_of_a_key() {
        for part in [lp_manager::Config::part(), lp_node::Config::part(), lp_viewer::Config::part()] {
            let variables: Vec<_> = OURS
                .iter()
                .map(|name| (*name).to_owned())
                .chain(["LP_SIM_SEED".to_owned(), "LP_TEST_POSTGRES".to_owned()])
                .filter(|name| is_for(&part, name) && part.check_key("", &name[3..].to_lowercase()).is_err())
                .map(|name| (name, String::new()))
                .collect();
            let layers = Layers { variables: &variables, ..Layers::default() };
            assert!(part.load::<serde_json::Value>(&layers).is_ok(), "{variables:?}");
        }
    }

    #[test]
    fn unknown_keys_and_words_without_a_value_are_wrong_usage() {
        let part = lp_manager::Config::part();
        for word in ["x", "x=1", "=1", "http_prot=1"] {
            let error = Settings::default().with_words(&part, &[word.to_owned()]).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{word}");
        }
        let error = Settings::default().with_words(&part, &["http_prot=1".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "--set: there is no key `http_prot`; did you mean `http_port`?");
    }
}
