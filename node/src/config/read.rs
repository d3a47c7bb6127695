//! Reading settings from their three places (see `lp_settings`), and what they must keep.

use lp_protocol::docker::reference::is_registry_setting;
use lp_protocol::labels;
use lp_settings::{Layers, Loaded};

use super::{Config, keys};
use crate::docker;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Settings(#[from] lp_settings::Error),
    #[error("{0}")]
    Rule(String),
}

impl Config {
    /// Reads the file if there is one, then `LP_*` variables, then flags; later ones win.
    ///
    /// # Errors
    /// Those of [`lp_settings::Part::load`], and `Rule` for a value out of its range.
    pub fn load(layers: &Layers<'_>) -> Result<Loaded<Self>, Error> {
        let loaded: Loaded<Self> = keys::part().load(layers)?;
        loaded.config.check()?;
        Ok(loaded)
    }

    fn check(&self) -> Result<(), Error> {
        let rule = |text: &str| Err(Error::Rule(text.to_owned()));
        self.check_docker().map_err(Error::Rule)?;
        if self.action_slots == Some(0) {
            return rule("action_slots must be at least 1");
        }
        if self.cpus.is_some_and(|cpus| !cpus.is_finite() || cpus < 0.0) {
            return rule("cpus must be a number that is not negative");
        }
        if self.max_processes == 0 {
            return rule("max_processes must be at least 1");
        }
        if let Some(reason) = self.gpus.as_ref().and_then(crate::gpus::Wanted::mistake) {
            return rule(&reason);
        }
        if self.env_build_timeout.is_zero() {
            return rule("env_build_timeout must be longer than nothing");
        }
        if self.retry_interval.is_zero() {
            return rule("retry_interval must be longer than nothing");
        }
        if self.name.as_deref().is_some_and(|name| name.is_empty() || name.contains(char::is_control)) {
            return rule("name must be a text without control characters");
        }
        if let Some(name) =
            self.resources.keys().find(|name| ["slots", "cpus", "memory", "gpus"].contains(&name.as_str()))
        {
            return rule(&format!("resources must not hold `{name}`, which is a setting of its own"));
        }
        for (key, value) in &self.labels {
            if let Err(error) = labels::check(key, value) {
                return rule(&format!("the label `{key}={value}` cannot be used: it {error}"));
            }
        }
        crate::http::Manager::new(&self.manager_address())
            .map_err(|error| Error::Rule(error.to_string()))
            .map(drop)
    }
}

impl Config {
    fn check_docker(&self) -> Result<(), String> {
        if let Some(host) = self.docker_host.as_ref().filter(|host| !docker::settings::is_host(host)) {
            return Err(format!("docker_host must be unix:///PATH or tcp://HOST:PORT, not `{host}`"));
        }
        if let Some(registry) = self.docker_registry.as_ref().filter(|text| !is_registry_setting(text)) {
            return Err(format!(
                "docker_registry must be a host, with a port where it needs one, not `{registry}`"
            ));
        }
        docker::allow::Allowed::parse(&self.docker_allow).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn load(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Loaded<Config>, Error> {
        let own = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect::<Vec<_>>()
        };
        Config::load(&Layers {
            file: Some(("node.yml", file)),
            variables: &own(variables),
            flags: &own(flags),
        })
    }

    #[test]
    fn flags_win_over_variables_and_these_over_the_file() {
        let file = "action_slots: 1\ncpus: 1.5\nmemory: 2GiB\nname: 7\ngpu: 3\nresources: {licence: 2}\nretry_interval: 1m\n";
        let config = load(
            file,
            &[("LP_CPUS", "3"), ("LP_ACTION_SLOTS", "5"), ("LP_OTHER", "x")],
            &[("action_slots", "9")],
        );

        let config = config.unwrap().config;
        assert_eq!((config.action_slots, config.cpus, config.memory), (Some(9), Some(3.0), Some(2 << 30)));
        assert_eq!((config.name.as_deref(), config.gpus().len()), (Some("7"), 3));
        assert_eq!(config.retry_interval, Duration::from_secs(60));
        assert_eq!(config.capacity().named["licence"], 2);
    }

    #[test]
    fn the_generated_file_is_accepted_with_and_without_its_comments() {
        let template = Config::template();
        let bare: String = template
            .lines()
            .filter_map(|line| line.strip_prefix('#'))
            .filter(|line| !line.starts_with(' '))
            .fold(String::new(), |text, line| text + line + "\n");

        assert!(load(&template, &[], &[]).unwrap().warnings.is_empty());
        let config = load(&bare, &[], &[]).unwrap().config;
        assert_eq!(config.cache_size, 20 << 30);
    }

    #[test]
    fn a_configuration_of_litepipeline_is_accepted_with_warnings() {
        let file = "log_level: NOSET\nmanager_http_host: 10.0.0.1\nmanager_http_port: 8000\nmanager_tcp_port: 6001\n\
                    executor_interval: 1\nretry_interval: 5\naction_slots: 2\ngpu: null\ndocker_support: false\ndata_path: ./d\n";

        let loaded = load(file, &[], &[]).unwrap();

        assert_eq!(loaded.config.manager_address(), "http://10.0.0.1:8000");
        assert_eq!(loaded.warnings.len(), 3, "{:?}", loaded.warnings);
    }

    #[test]
    fn mistakes_are_named() {
        for (file, flags, expected) in [
            ("acton_slots: 1", [].as_slice(), "there is no key `acton_slots`; did you mean `action_slots`?"),
            ("xyzzy: 1", &[], "there is no key `xyzzy`"),
            (
                "",
                &[("retry_intervall", "1")],
                "--set: there is no key `retry_intervall`; did you mean `retry_interval`?",
            ),
            ("docker_support: yes please", &[], "`yes please` is not one of auto, true and false"),
            ("docker_host: localhost", &[], "docker_host must be unix:///PATH"),
            ("docker_registry: http://hub", &[], "docker_registry must be a host"),
            ("docker_allow: [priviledged]", &[], "docker_allow: `priviledged` is not known"),
            ("action_slots: 0", &[], "action_slots must be at least 1"),
            ("run_as: a b", &[], "`a b` is not a user: a name, UID"),
            ("isolation: some", &[], "the value of `isolation` is wrong"),
            ("max_processes: 0", &[], "max_processes must be at least 1"),
            ("gpus: [a, a]", &[], "gpus names `a` twice"),
            ("gpus: many", &[], "the value of `gpus` is wrong"),
            ("cpus: -1", &[], "cpus must be"),
            ("manager_url: localhost", &[], "not an http or https address"),
            ("resources: {slots: 1}", &[], "resources must not hold `slots`"),
            ("memory: much", &[], "the value of `memory` is wrong"),
            ("labels: {gpu: '!a'}", &[], "the label `gpu=!a` cannot be used: it must not begin with `!`"),
            (
                "labels: {g pu: a}",
                &[],
                "the label `g pu=a` cannot be used: it must begin with a letter or digit",
            ),
            ("- a", &[], "is not a list of `key: value`"),
        ] {
            let error = load(file, &[], flags).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let config = load("join_token: geheim", &[], &[]).unwrap().config;

        assert!(!format!("{config:?} {:?}", config.join_token).contains("geheim"));
    }
}
