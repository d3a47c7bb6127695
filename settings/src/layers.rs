//! Laying variables over a file and flags over both, and refusing what nobody knows.
//!
//! The variable of a key is `LP_` and the key in capitals (`LP_HTTP_PORT`). Other programs may use the prefix too, so a variable that is no
//! key's is left alone, unless it is a plain slip of one that is.

use serde::de::DeserializeOwned;
use serde_norway::{Mapping, Value};

use super::error::Error;
use super::nearest;
use super::text::{self, Kind};

/// How the variables begin.
const PREFIX: &str = "LP_";

/// The keys a part has.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub keys: Vec<(&'static str, Kind)>,
    /// Other names a key is accepted under, with its own.
    pub aliases: &'static [(&'static str, &'static str)],
    /// Keys of LitePipeline without a meaning here, and why; they are warned of.
    pub obsolete: &'static [(&'static str, &'static str)],
}

/// Where the settings come from, lowest first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layers<'l> {
    /// How messages call the file, and its text.
    pub file: Option<(&'l str, &'l str)>,
    /// Those of the environment that may be this part's; others are passed over.
    pub variables: &'l [(String, String)],
    /// Keys with their texts; a key of entries may stand here several times.
    pub flags: &'l [(String, String)],
}

/// Settings, and what should be told about them.
#[derive(Debug)]
pub struct Loaded<C> {
    pub config: C,
    pub warnings: Vec<String>,
}

impl Part {
    /// Reads the three layers into one configuration.
    ///
    /// # Errors
    /// `UnknownKey` and `UnknownVariable` name what was probably meant; `Value` and `Wrong` the key and what is wrong with its value.
    pub fn load<C: DeserializeOwned>(&self, layers: &Layers<'_>) -> Result<Loaded<C>, Error> {
        let mut settings = Mapping::new();
        let mut warnings = Vec::new();
        if let Some((place, text)) = layers.file {
            self.read_file(place, text, &mut settings, &mut warnings)?;
        }
        for (name, text) in layers.variables {
            self.read_variable(name, text, &mut settings)?;
        }
        for (key, text) in layers.flags {
            let kind = self.kind(key).ok_or_else(|| self.unknown("--set", key))?;
            let value = read(kind, text, "--set", key)?;
            lay_over(&mut settings, self.canonical(key), kind, value);
        }
        // a key without a value is a key that is not there
        settings.retain(|_, value| !value.is_null());
        match serde_norway::from_value(Value::Mapping(settings.clone())) {
            Ok(config) => Ok(Loaded { config, warnings }),
            Err(source) => Err(Error::Wrong { key: wrong_key::<C>(settings), source }),
        }
    }

    /// Refuses a key that is none. `place` says where it stood.
    ///
    /// # Errors
    /// `UnknownKey`.
    pub fn check_key(&self, place: &str, key: &str) -> Result<(), Error> {
        self.kind(key).map(drop).ok_or_else(|| self.unknown(place, key))
    }

    fn read_file(
        &self,
        place: &str,
        text: &str,
        settings: &mut Mapping,
        warnings: &mut Vec<String>,
    ) -> Result<(), Error> {
        let not_yaml = |source| Error::NotYaml { place: place.to_owned(), source };
        let given = match serde_norway::from_str(text).map_err(not_yaml)? {
            Value::Null => return Ok(()),
            Value::Mapping(given) => given,
            _ => return Err(Error::NotAMapping { place: place.to_owned() }),
        };
        for (key, value) in given {
            let Value::String(key) = key else { return Err(Error::NotAMapping { place: place.to_owned() }) };
            if let Some((_, why)) = self.obsolete.iter().find(|(name, _)| *name == key) {
                warnings.push(format!("{place}: `{key}` has no effect: {why}"));
                continue;
            }
            let kind = self.kind(&key).ok_or_else(|| self.unknown(place, &key))?;
            lay_over(settings, self.canonical(&key), kind, text::of_file(kind, value));
        }
        Ok(())
    }

    fn read_variable(&self, name: &str, text: &str, settings: &mut Mapping) -> Result<(), Error> {
        let Some(key) = name.strip_prefix(PREFIX).map(str::to_ascii_lowercase) else { return Ok(()) };
        if let Some(kind) = self.kind(&key) {
            let value = read(kind, text, &format!("the variable {name}"), &key)?;
            lay_over(settings, self.canonical(&key), kind, value);
            return Ok(());
        }
        match nearest::variable(&key, self.keys.iter().map(|(known, _)| *known)) {
            Some(meant) => Err(Error::UnknownVariable {
                name: name.to_owned(),
                nearest: format!("{PREFIX}{}", meant.to_ascii_uppercase()),
            }),
            None => Ok(()),
        }
    }

    fn kind(&self, key: &str) -> Option<Kind> {
        let key = self.canonical(key);
        self.keys.iter().find(|(known, _)| *known == key).map(|(_, kind)| *kind)
    }

    fn canonical<'k>(&self, key: &'k str) -> &'k str {
        self.aliases.iter().find(|(alias, _)| *alias == key).map_or(key, |(_, name)| name)
    }

    fn unknown(&self, place: &str, key: &str) -> Error {
        let nearest = nearest::key(key, self.keys.iter().map(|(known, _)| *known)).map(str::to_owned);
        Error::UnknownKey { place: place.to_owned(), key: key.to_owned(), nearest }
    }
}

fn read(kind: Kind, text: &str, place: &str, key: &str) -> Result<Value, Error> {
    let wrong = |why| Error::Value { place: place.to_owned(), key: key.to_owned(), why };
    text::parse(kind, text).map_err(wrong)
}

/// The key that is wrong by itself; the reader of values says what is wrong, not where.
fn wrong_key<C: DeserializeOwned>(settings: Mapping) -> String {
    let alone = |key: &Value, value: Value| Value::Mapping([(key.clone(), value)].into_iter().collect());
    let mut wrong = settings
        .into_iter()
        .filter_map(|(key, value)| serde_norway::from_value::<C>(alone(&key, value)).err().map(|_| key));
    wrong.next().and_then(|key| key.as_str().map(str::to_owned)).unwrap_or_else(|| "?".to_owned())
}

fn lay_over(settings: &mut Mapping, key: &str, kind: Kind, value: Value) {
    if let (Kind::Map | Kind::TextMap, Value::Mapping(more)) = (kind, &value)
        && let Some(Value::Mapping(entries)) = settings.get_mut(key)
    {
        entries.extend(more.clone());
        return;
    }
    settings.insert(key.into(), value);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use serde::Deserialize;

    use super::*;
    use crate::de;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Config {
        http_port: u16,
        name: Option<String>,
        hosts: Vec<String>,
        #[serde(deserialize_with = "de::duration")]
        wait: Duration,
        #[serde(deserialize_with = "de::size_opt")]
        room: Option<u64>,
        labels: BTreeMap<String, String>,
        counts: BTreeMap<String, u64>,
        strict: bool,
    }

    fn part() -> Part {
        Part {
            keys: vec![
                ("http_port", Kind::Scalar),
                ("name", Kind::Text),
                ("hosts", Kind::List),
                ("wait", Kind::Scalar),
                ("room", Kind::Scalar),
                ("labels", Kind::TextMap),
                ("counts", Kind::Map),
                ("strict", Kind::Yaml),
            ],
            aliases: &[("port", "http_port")],
            obsolete: &[("tcp_port", "there is one port")],
        }
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
    }

    fn load(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Loaded<Config>, Error> {
        let (variables, flags) = (owned(variables), owned(flags));
        part().load(&Layers { file: Some(("lp.yml", file)), variables: &variables, flags: &flags })
    }

    #[test]
    fn flags_go_over_variables_and_these_over_the_file() {
        let file = "port: 1\nname: 7\nwait: 1m\nroom:\nlabels: {gpu: a100, rack: 7}\ncounts: {licence: 1}\n";

        let loaded = load(
            file,
            &[
                ("LP_HTTP_PORT", "2"),
                ("LP_LABELS", "gpu=h100,os=12"),
                ("LP_NAME", "8"),
                ("PATH", "/"),
                ("LP_OTHER", "x"),
            ],
            &[
                ("http_port", "3"),
                ("hosts", "a, b"),
                ("labels", "gpu=v100"),
                ("labels", "x=y"),
                ("counts", "{tape: 2}"),
                ("room", "2KiB"),
                ("strict", "true"),
            ],
        );

        let config = loaded.unwrap().config;
        assert_eq!((config.http_port, config.name.as_deref(), config.room), (3, Some("8"), Some(2048)));
        assert_eq!(
            (config.hosts.as_slice(), config.wait),
            (["a".to_owned(), "b".to_owned()].as_slice(), Duration::from_secs(60))
        );
        let label = |key: &str| config.labels[key].as_str();
        assert_eq!((label("gpu"), label("rack"), label("os"), label("x")), ("v100", "7", "12", "y"));
        assert_eq!(config.counts, [("licence".to_owned(), 1), ("tape".to_owned(), 2)].into());
        assert!(config.strict);
    }

    #[test]
    fn nothing_is_all_defaults_and_what_is_obsolete_is_told() {
        for file in ["", "# nothing\nhttp_port:\n"] {
            assert_eq!(load(file, &[], &[]).unwrap().config, Config::default(), "{file}");
        }
        let loaded = load("tcp_port: 6001", &[], &[]).unwrap();
        assert_eq!(loaded.warnings, ["lp.yml: `tcp_port` has no effect: there is one port"]);
    }

    #[test]
    fn what_nobody_knows_is_refused_with_what_was_probably_meant_in_each_layer() {
        for (file, variables, flags, message) in [
            (
                "http_prot: 1",
                &[][..],
                &[][..],
                "lp.yml: there is no key `http_prot`; did you mean `http_port`?",
            ),
            ("zzz: 1", &[], &[], "lp.yml: there is no key `zzz`"),
            (
                "",
                &[("LP_HTTP_PROT", "1")],
                &[],
                "the variable LP_HTTP_PROT means nothing to lp; did you mean LP_HTTP_PORT?",
            ),
            ("", &[], &[("lables", "a=b")], "--set: there is no key `lables`; did you mean `labels`?"),
            ("- a", &[], &[], "lp.yml is not a list of `key: value` lines"),
            ("1: 2", &[], &[], "lp.yml is not a list of `key: value` lines"),
            ("a: [", &[], &[], "lp.yml is not YAML"),
            (
                "",
                &[("LP_LABELS", "gpu")],
                &[],
                "the variable LP_LABELS: the value of `labels` cannot be read: `gpu` is not KEY=VALUE",
            ),
            ("http_port: 70000", &[], &[], "the value of `http_port` is wrong: "),
            ("wait: -1", &[], &[], "the value of `wait` is wrong: "),
            ("room: much", &[], &[], "the value of `room` is wrong: "),
        ] {
            let error = load(file, variables, flags).unwrap_err().to_string();
            assert!(
                error == message || message.ends_with(": ") && error.starts_with(message),
                "{file}: {error}"
            );
        }
        assert!(
            load("", &[("LP_TASK_ID", "x"), ("LP_DEST", "printer")], &[]).is_ok(),
            "other programs' variables"
        );
    }
}
