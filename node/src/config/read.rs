//! Reading settings from their three places.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lp_protocol::units;
use serde::{Deserialize, Deserializer};
use serde_norway::{Mapping, Value};

use super::Config;
use super::keys::{ALIASES, KEYS, Kind, OBSOLETE};

/// How the variables begin.
const PREFIX: &str = "LP_";

/// Similar enough for a guess at what was meant; 0.75 takes `slots` for `action_slots` no more.
const SIMILAR: f64 = 0.75;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` is not YAML", path.display())]
    Syntax { path: PathBuf, source: serde_norway::Error },
    #[error("`{}` is not a list of `key: value`", path.display())]
    NotSettings { path: PathBuf },
    #[error("{place}: there is no setting `{key}`{}", guess.as_deref().map(|guess| format!("; did you mean `{guess}`?")).unwrap_or_default())]
    Unknown { place: String, key: String, guess: Option<String> },
    #[error("{place}: the value of `{key}` cannot be read")]
    Value { place: String, key: String, source: serde_norway::Error },
    #[error("a setting has a wrong value: {0}")]
    Wrong(#[source] serde_norway::Error),
    #[error("{0}")]
    Rule(String),
}

/// Settings, and what should be told about them.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads the file if there is one, then `LP_*` variables, then flags (key and text); later ones win.
    ///
    /// # Errors
    /// A file that cannot be read, an unknown key of file or flags, a value of the wrong kind or out of its range. Variables
    /// nobody knows are other programs' and pass.
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
        flags: &[(String, String)],
    ) -> Result<Loaded, Error> {
        let mut settings = Mapping::new();
        let mut warnings = Vec::new();
        if let Some(path) = file {
            read_file(path, &mut settings, &mut warnings)?;
        }
        for (name, text) in variables {
            let Some(key) = name.strip_prefix(PREFIX).map(str::to_ascii_lowercase) else { continue };
            if let Some(value) = parse(&key, &text, &format!("variable {name}"))? {
                settings.insert(key.into(), value);
            }
        }
        for (key, text) in flags {
            let place = format!("--{}", key.replace('_', "-"));
            let value = parse(key, text, &place)?.ok_or_else(|| unknown(&place, key))?;
            settings.insert(key.as_str().into(), value);
        }
        let config: Config = serde_norway::from_value(Value::Mapping(settings)).map_err(Error::Wrong)?;
        config.check()?;
        Ok(Loaded { config, warnings })
    }

    fn check(&self) -> Result<(), Error> {
        let rule = |text: &str| Err(Error::Rule(text.to_owned()));
        if self.docker_support {
            return rule("docker_support must be false: this version runs no containers");
        }
        if self.action_slots == Some(0) {
            return rule("action_slots must be at least 1");
        }
        if self.cpus.is_some_and(|cpus| !cpus.is_finite() || cpus < 0.0) {
            return rule("cpus must be a number that is not negative");
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
        crate::http::Manager::new(&self.manager_address())
            .map_err(|error| Error::Rule(error.to_string()))
            .map(drop)
    }
}

fn read_file(path: &Path, settings: &mut Mapping, warnings: &mut Vec<String>) -> Result<(), Error> {
    let text =
        std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let value: Value =
        serde_norway::from_str(&text).map_err(|source| Error::Syntax { path: path.to_owned(), source })?;
    let place = path.display().to_string();
    let given = match value {
        Value::Null => return Ok(()),
        Value::Mapping(given) => given,
        _ => return Err(Error::NotSettings { path: path.to_owned() }),
    };
    for (key, value) in given {
        let Value::String(key) = key else { return Err(Error::NotSettings { path: path.to_owned() }) };
        if let Some((_, why)) = OBSOLETE.iter().find(|(name, _)| *name == key) {
            warnings.push(format!("{place}: `{key}` has no effect: {why}"));
            continue;
        }
        let Some(kind) = find_kind(&key) else { return Err(unknown(&place, &key)) };
        // `gpu: null` and the like mean the default
        if value == Value::Null {
            continue;
        }
        settings.insert(canonical(&key).into(), as_text(kind, value));
    }
    Ok(())
}

/// A name like `7` is a number to YAML and a name to us.
fn as_text(kind: Kind, value: Value) -> Value {
    match (kind, &value) {
        (Kind::Text, Value::Number(number)) => Value::String(number.to_string()),
        (Kind::Text, Value::Bool(word)) => Value::String(word.to_string()),
        _ => value,
    }
}

/// The value of a variable or flag; None where there is no such setting.
fn parse(key: &str, text: &str, place: &str) -> Result<Option<Value>, Error> {
    match find_kind(key) {
        None => Ok(None),
        Some(Kind::Text) => Ok(Some(Value::String(text.to_owned()))),
        Some(Kind::Value) => match serde_norway::from_str(text) {
            Ok(value) => Ok(Some(value)),
            Err(source) => Err(Error::Value { place: place.to_owned(), key: key.to_owned(), source }),
        },
    }
}

fn find_kind(key: &str) -> Option<Kind> {
    let key = canonical(key);
    KEYS.iter().find(|known| known.name == key).map(|known| known.kind)
}

fn canonical(key: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == key).map_or(key, |(_, name)| name)
}

fn unknown(place: &str, key: &str) -> Error {
    let similar = KEYS.iter().map(|known| (strsim::jaro_winkler(key, known.name), known.name));
    let best = similar.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score >= SIMILAR);
    Error::Unknown {
        place: place.to_owned(),
        key: key.to_owned(),
        guess: best.map(|(_, name)| name.to_owned()),
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Bytes(u64),
    Number(f64),
    Text(String),
}

pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = match NumberOrText::deserialize(deserializer)? {
        NumberOrText::Bytes(bytes) => return Ok(bytes),
        NumberOrText::Number(number) => number.to_string(),
        NumberOrText::Text(text) => text,
    };
    units::parse_size(&text).map_err(serde::de::Error::custom)
}

pub(super) fn size_opt<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    size(deserializer).map(Some)
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = match NumberOrText::deserialize(deserializer)? {
        NumberOrText::Bytes(seconds) => seconds.to_string(),
        NumberOrText::Number(seconds) => seconds.to_string(),
        NumberOrText::Text(text) => text,
    };
    units::parse_duration(&text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Loaded, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("configuration.yml");
        std::fs::write(&path, file).unwrap();
        let own = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect::<Vec<_>>()
        };
        Config::load(Some(&path), own(variables), &own(flags))
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
        assert_eq!((config.name.as_deref(), config.gpus), (Some("7"), Some(3)));
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
            (
                "acton_slots: 1",
                [].as_slice(),
                "there is no setting `acton_slots`; did you mean `action_slots`?",
            ),
            ("xyzzy: 1", &[], "there is no setting `xyzzy`"),
            (
                "",
                &[("retry_intervall", "1")],
                "--retry-intervall: there is no setting `retry_intervall`; did you mean `retry_interval`?",
            ),
            ("docker_support: true", &[], "docker_support must be false"),
            ("action_slots: 0", &[], "action_slots must be at least 1"),
            ("cpus: -1", &[], "cpus must be"),
            ("manager_url: localhost", &[], "not an http or https address"),
            ("resources: {slots: 1}", &[], "resources must not hold `slots`"),
            ("memory: much", &[], "a setting has a wrong value"),
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
