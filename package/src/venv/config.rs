//! `pyvenv.cfg`: which Python a venv was made with.
//!
//! Lines of `key = value`; keys are compared as Python's `site` does, in lower case. Lines that are not understood are kept as they are.

/// The lines of a `pyvenv.cfg`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    lines: Vec<String>,
}

impl Config {
    pub fn parse(text: &str) -> Self {
        Self { lines: text.lines().map(str::to_owned).collect() }
    }

    pub fn value(&self, key: &str) -> Option<&str> {
        self.lines.iter().find_map(|line| {
            let (found, value) = line.split_once('=')?;
            is_key(found, key).then_some(value.trim())
        })
    }

    /// Replaces the value where the key is there; never adds one.
    pub fn set(&mut self, key: &str, value: &str) {
        for line in &mut self.lines {
            if line.split_once('=').is_some_and(|(found, _)| is_key(found, key)) {
                *line = format!("{key} = {value}");
            }
        }
    }

    /// Takes the key out, wherever it stands.
    pub fn remove(&mut self, key: &str) {
        self.lines.retain(|line| !line.split_once('=').is_some_and(|(found, _)| is_key(found, key)));
    }

    /// `3.11`: venv writes `version`, uv and virtualenv `version_info`.
    pub fn python(&self) -> Option<String> {
        let written = self.value("version").or_else(|| self.value("version_info"))?;
        minor(written)
    }

    pub fn has_system_packages(&self) -> bool {
        self.value("include-system-site-packages").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let mut text = self.lines.join("\n");
        text.push('\n');
        text
    }
}

fn is_key(found: &str, key: &str) -> bool {
    found.trim().eq_ignore_ascii_case(key)
}

/// `3.11` of `3.11.7` and of `3.11.7.final.0`.
fn minor(version: &str) -> Option<String> {
    let mut parts = version.split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(major) && is_number(minor)).then(|| format!("{major}.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_there_is_changed() {
        let mut config = Config::parse("home = /old/bin\nHome=x\nversion = 3.11.2\n# a comment\n");

        config.set("home", "/new/bin");
        config.set("executable", "/new/bin/python");
        config.remove("version");

        assert_eq!(config.text(), "home = /new/bin\nhome = /new/bin\n# a comment\n");
    }

    #[test]
    fn the_version_is_read_from_what_either_tool_writes() {
        for (text, python) in [
            ("version = 3.11.2", Some("3.11")),
            ("version_info = 3.12.1.final.0", Some("3.12")),
            ("version_info=3.13", Some("3.13")),
            ("version = 3", None),
            ("version = x.y", None),
            ("home = /x", None),
        ] {
            assert_eq!(Config::parse(text).python().as_deref(), python, "{text}");
        }
    }
}
