//! Lays `LP_*` variables over a file and flags over both (see `lp_settings`), and checks what the keys say together.

use lp_settings::{Kind, Layers, Loaded, Part};

use super::Config;

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
        "allowed_hosts",
        "public_url",
        "manager_http_host",
        "manager_http_port",
        "manager",
        "token",
        "token_file",
        "session_idle",
        "log_level",
    ];

    /// The keys, and how their texts are read.
    pub fn part() -> Part {
        let kind = |key: &str| match key {
            "allowed_hosts" => Kind::List,
            // a token of digits is a text all the same
            "token" => Kind::Text,
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
        if self.token.is_some() && self.token_file.is_some() {
            return Err(Error::Inconsistent("give `token` or `token_file`, not both"));
        }
        if self.session_idle.is_zero() {
            return Err(Error::Inconsistent("`session_idle` must be longer than 0"));
        }
        if let Some(url) = &self.public_url
            && public_host(url).is_none()
        {
            return Err(Error::Inconsistent(
                "`public_url` must be an address such as https://lp.example, without a path",
            ));
        }
        Ok(self)
    }
}

/// The host and port in `public_url`; None where it is not of the form `http(s)://host[:port]`.
pub(crate) fn public_host(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let host = rest.strip_suffix('/').unwrap_or(rest);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    (!host.is_empty() && host.bytes().all(plain)).then_some(host)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
    fn variables_go_over_the_file() {
        let variables = [
            ("LP_HTTP_PORT", "9001"),
            ("LP_TOKEN", "12345"),
            ("LP_SESSION_IDLE", "500ms"),
            ("LP_OTHER", "1"),
        ];
        let variables = variables.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let file = "http_port: 9000\nhttp_host: 0.0.0.0\n";

        let config =
            Config::load(&Layers { file: Some(("f", file)), variables: &variables, flags: &[] }).unwrap();

        assert_eq!((config.http_port, config.http_host.as_str()), (9001, "0.0.0.0"));
        assert_eq!(config.token.as_ref().map(|token| token.reveal()), Some("12345"));
        assert_eq!(config.session_idle, Duration::from_millis(500));
    }

    #[test]
    fn wrong_values_are_refused() {
        for yaml in [
            "http_port: 70000",
            "http_port: yes",
            "session_idle: 0",
            "session_idle: -1",
            "token: a\ntoken_file: b",
            "public_url: lp.example",
            "public_url: https://lp.example/base",
            "public_url: 'https://a b'",
            "- a",
            "a: [",
            "1: 2",
        ] {
            assert!(parse(yaml).is_err(), "{yaml}");
        }
    }

    #[test]
    fn the_managers_address_is_a_host_and_a_port_or_a_url() {
        for (yaml, url) in [
            ("", "http://127.0.0.1:8000"),
            ("manager_http_host: '::1'", "http://[::1]:8000"),
            ("manager_http_host: lp\nmanager_http_port: 1", "http://lp:1"),
            ("manager: https://lp.example/x\nmanager_http_port: 1", "https://lp.example/x"),
        ] {
            assert_eq!(parse(yaml).unwrap().manager_url(), url, "{yaml}");
        }
    }

    #[test]
    fn the_token_is_in_no_debug_text() {
        assert!(!format!("{:?}", parse("token: sesame").unwrap()).contains("sesame"));
    }
}
