//! Lays `LP_*` variables over a file and flags over both (see `lp_settings`), and checks what the keys say together.

use std::time::Duration;

use lp_settings::{Kind, Layers, Loaded, Part};

use super::Config;

/// Whoever waits for a task and then asks about it takes some seconds; so does a node that sends the rest of a log.
const SHORTEST_KEEP: Duration = Duration::from_secs(60);

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Settings(#[from] lp_settings::Error),
    #[error("the configuration is not right: {0}")]
    Inconsistent(&'static str),
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
        "docker_registry",
        "keep_builds",
        "log_level",
        "advertise",
    ];

    /// The keys, and how their texts are read.
    pub fn part() -> Part {
        let kind = |key: &str| match key {
            "allowed_hosts" => Kind::List,
            _ => Kind::Scalar,
        };
        Part { keys: Self::KEYS.iter().map(|key| (*key, kind(key))).collect(), ..Part::default() }
    }

    /// Reads a configuration from its layers; nothing is all defaults.
    ///
    /// # Errors
    /// Those of [`Part::load`], and `Inconsistent` where keys contradict one another.
    pub fn load(layers: &Layers<'_>) -> Result<Self, Error> {
        let Loaded { config, warnings: _ } = Self::part().load::<Self>(layers)?;
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
        let is_registry = |text: &String| lp_protocol::docker::reference::is_registry_setting(text);
        if self.docker_registry.as_ref().is_some_and(|text| !text.is_empty() && !is_registry(text)) {
            return Err(Error::Inconsistent(
                "`docker_registry` must be a host, with a port where it needs one, such as hub.example:5000",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(yaml: &str) -> Result<Config, Error> {
        Config::load(&Layers { file: Some(("the file", yaml)), ..Layers::default() })
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
            ("LP_ALLOWED_HOSTS", "a, b"),
            ("LP_OTHER", "1"),
        ];
        let variables = variables.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let file = "http_port: 9000\nhttp_host: 0.0.0.0\nmax_buffer_size: 1GiB\n";

        let config =
            Config::load(&Layers { file: Some(("f", file)), variables: &variables, flags: &[] }).unwrap();

        assert_eq!((config.http_port, config.http_host.as_str()), (9001, "0.0.0.0"));
        assert_eq!(config.heartbeat, Duration::from_millis(500));
        assert_eq!(config.max_buffer_size, 1 << 30);
        assert_eq!(config.database.as_deref(), Some("sqlite://x.db"));
        assert_eq!(config.allowed_hosts, ["a", "b"]);
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
