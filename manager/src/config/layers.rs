//! Lays `LP_*` variables over a file and refuses what it does not know.
//!
//! The variable of a key is `LP_` and the key in capitals (`LP_HTTP_PORT`). Variables are read as YAML scalars, so a number
//! means the same in both places. Variables of other names belong to other parts of `lp` and are left alone.

use std::time::Duration;

use serde_norway::{Mapping, Value};

use super::Config;

/// Whoever waits for a task and then asks about it takes some seconds; so does a node that sends the rest of a log.
const SHORTEST_KEEP: Duration = Duration::from_secs(60);

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the configuration is not YAML: {0}")]
    NotYaml(#[source] serde_norway::Error),
    #[error("the configuration is not a list of `key: value` lines")]
    NotAMapping,
    #[error("the configuration has an unknown key `{key}`{}", hint(.nearest))]
    UnknownKey { key: String, nearest: Option<&'static str> },
    #[error("the configuration is not right: {0}")]
    Invalid(#[source] serde_norway::Error),
    #[error("the configuration is not right: {0}")]
    Inconsistent(&'static str),
}

fn hint(nearest: &Option<&'static str>) -> String {
    nearest.map(|key| format!(", did you mean `{key}`?")).unwrap_or_default()
}

impl Config {
    /// Every key, in the order of the template.
    pub const KEYS: &[&str] = &[
        "http_host",
        "http_port",
        "http_workers",
        "allowed_hosts",
        "data_path",
        "database",
        "blobs",
        "max_buffer_size",
        "heartbeat",
        "lost_after",
        "keep_orphans",
        "keep_tasks",
        "keep_tasks_count",
        "keep_logs",
        "keep_logs_size",
        "keep_workspaces",
        "keep_versions",
        "log_level",
        "advertise",
    ];

    /// Reads a configuration from the text of a file (empty: all defaults) and the environment.
    ///
    /// # Errors
    /// `UnknownKey` names the nearest known key; `Invalid` the key and what is wrong with its value.
    pub fn parse(yaml: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let mut keys = match serde_norway::from_str(yaml).map_err(Error::NotYaml)? {
            Value::Null => Mapping::new(),
            Value::Mapping(keys) => keys,
            _ => return Err(Error::NotAMapping),
        };
        refuse_unknown(&keys)?;
        for key in Self::KEYS {
            if let Some(text) = variable(&format!("LP_{}", key.to_uppercase())) {
                keys.insert(Value::from(*key), scalar(key, &text));
            }
        }
        // a key without a value is a key that is not there
        keys.retain(|_, value| !value.is_null());
        let config: Self = serde_norway::from_value(Value::Mapping(keys)).map_err(Error::Invalid)?;
        config.check()
    }

    fn check(self) -> Result<Self, Error> {
        if self.heartbeat.is_zero() {
            return Err(Error::Inconsistent("`heartbeat` must be longer than 0"));
        }
        if self.lost_after < self.heartbeat * 2 {
            return Err(Error::Inconsistent(
                "`lost_after` must be at least twice `heartbeat`, or one late sign of life loses a node",
            ));
        }
        if self.http_workers == 0 || self.http_workers > 256 {
            return Err(Error::Inconsistent("`http_workers` must be between 1 and 256"));
        }
        for (keep, error) in [
            (self.keep_tasks, "`keep_tasks` must be at least 1m, or who waits for a task would find it gone"),
            (self.keep_logs, "`keep_logs` must be at least 1m, or a log would be gone before it is read"),
            (
                self.keep_workspaces,
                "`keep_workspaces` must be at least 1m, or logs could not be sent on in time",
            ),
        ] {
            if keep.is_some_and(|keep| keep < SHORTEST_KEEP) {
                return Err(Error::Inconsistent(error));
            }
        }
        if self.keep_tasks_count == Some(0) {
            return Err(Error::Inconsistent(
                "`keep_tasks_count` must be at least 1; leave it out to keep all",
            ));
        }
        Ok(self)
    }
}

fn scalar(key: &str, text: &str) -> Value {
    if key == "allowed_hosts" {
        return text.split(',').map(str::trim).filter(|host| !host.is_empty()).map(Value::from).collect();
    }
    match serde_norway::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Null)) => value,
        _ => Value::from(text),
    }
}

fn refuse_unknown(keys: &Mapping) -> Result<(), Error> {
    for key in keys.keys() {
        let key = key.as_str().ok_or(Error::NotAMapping)?;
        if !Config::KEYS.contains(&key) {
            return Err(Error::UnknownKey { key: key.to_owned(), nearest: nearest(key) });
        }
    }
    Ok(())
}

/// 0.75 by Jaro-Winkler catches swapped and missing letters and keeps quiet about words that merely share a beginning.
fn nearest(key: &str) -> Option<&'static str> {
    let scored = Config::KEYS.iter().map(|known| (strsim::jaro_winkler(key, known), *known));
    scored.filter(|(score, _)| *score >= 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(yaml: &str) -> Result<Config, Error> {
        Config::parse(yaml, |_| None)
    }

    #[test]
    fn an_empty_file_is_all_defaults() {
        assert_eq!(parse("").unwrap(), Config::default());
        assert_eq!(parse("# nothing\nhttp_port:\n").unwrap(), Config::default());
    }

    #[test]
    fn what_is_kept_is_for_ever_unless_an_age_a_count_or_a_size_is_given() {
        let config =
            parse("keep_tasks: 90d\nkeep_logs_size: 2GiB\nkeep_versions: 3\nkeep_workspaces:\n").unwrap();

        assert_eq!(config.keep_tasks, Some(Duration::from_secs(90 * 24 * 3600)));
        assert_eq!((config.keep_logs_size, config.keep_versions), (Some(2 << 30), Some(3)));
        assert_eq!((config.keep_workspaces, config.keep_tasks_count, config.keep_logs), (None, None, None));
    }

    #[test]
    fn variables_go_over_the_file() {
        let variables = [
            ("LP_HTTP_PORT", "9001"),
            ("LP_HEARTBEAT", "500ms"),
            ("LP_DATABASE", "sqlite://x.db"),
            ("LP_OTHER", "1"),
        ];
        let variable =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, text)| (*text).to_owned());

        let config =
            Config::parse("http_port: 9000\nhttp_host: 0.0.0.0\nmax_buffer_size: 1GiB\n", variable).unwrap();

        assert_eq!((config.http_port, config.http_host.as_str()), (9001, "0.0.0.0"));
        assert_eq!(config.heartbeat, Duration::from_millis(500));
        assert_eq!(config.max_buffer_size, 1 << 30);
        assert_eq!(config.database.as_deref(), Some("sqlite://x.db"));
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        let error = parse("http_prot: 1").unwrap_err();

        assert_eq!(
            error.to_string(),
            "the configuration has an unknown key `http_prot`, did you mean `http_port`?"
        );
        assert!(parse("zzz: 1").unwrap_err().to_string().ends_with("unknown key `zzz`"));
    }

    #[test]
    fn wrong_values_are_refused() {
        for yaml in [
            "http_port: 70000",
            "http_port: yes",
            "heartbeat: 0",
            "heartbeat: -1",
            "lost_after: 9",
            "max_buffer_size: -5",
            "http_workers: 0",
            "keep_tasks: 5s",
            "keep_tasks_count: 0",
            "keep_logs: -1d",
            "keep_logs_size: much",
            "keep_workspaces: 1",
            "keep_versions: -1",
            "- a",
            "a: [",
            "1: 2",
        ] {
            assert!(parse(yaml).is_err(), "{yaml}");
        }
    }
}
