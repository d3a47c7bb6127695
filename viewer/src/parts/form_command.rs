//! As a command, of a form: the `lp` line that would do the same. With scripts it follows what is typed.

use askama::Template;
use askama::filters::HtmlSafe;

use super::shell_word;

#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "parts/form_command.html")]
pub(crate) struct FormCommand {
    /// The words that do not change.
    base: String,
    flags: Vec<Flag>,
}

impl HtmlSafe for FormCommand {}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Flag {
    /// The form's field whose value follows the flag; a checkbox has no value.
    field: &'static str,
    flag: &'static str,
    value: String,
    /// What is not worth a word: the command's own default.
    default: &'static str,
}

impl FormCommand {
    /// Words of strangers in `base` must have gone through `shell_word`.
    pub(crate) fn new(base: impl Into<String>) -> Self {
        Self { base: base.into(), flags: Vec::new() }
    }

    /// A field and the option that says the same; left out where its value is `default`.
    pub(crate) fn flag(
        mut self,
        field: &'static str,
        flag: &'static str,
        value: impl Into<String>,
        default: &'static str,
    ) -> Self {
        self.flags.push(Flag { field, flag, value: value.into(), default });
        self
    }

    fn line(&self) -> String {
        let mut line = self.base.clone();
        for flag in &self.flags {
            if let Some(words) = flag.words() {
                line.push(' ');
                line.push_str(&words);
            }
        }
        line
    }

    /// What the script builds the line from.
    fn plan(&self) -> String {
        let flags: Vec<[&str; 3]> =
            self.flags.iter().map(|flag| [flag.field, flag.flag, flag.default]).collect();
        serde_json::to_string(&flags).unwrap_or_default()
    }
}

impl Flag {
    fn words(&self) -> Option<String> {
        let Flag { field: _, flag, value, default } = self;
        let value = value.trim();
        if value.is_empty() || value == *default {
            return None;
        }
        if let Some(switch) = flag.strip_suffix('*') {
            return Some(switch.to_owned());
        }
        // what is chosen of two kinds of things: `application/ID` or `workflow/ID`
        if let (Some((app, workflow)), Some((kind, id))) = (flag.split_once('|'), value.split_once('/')) {
            let flag = if kind == "workflow" { workflow } else { app };
            return Some(format!("{flag} {}", shell_word(id)));
        }
        Some(format!("{flag} {}", shell_word(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_stays_one_word_and_defaults_are_left_out() {
        let command = FormCommand::new("lp task create -a etl")
            .flag("name", "-n", "a; rm", "")
            .flag("priority", "-p", "0", "0")
            .flag("enable", "-e*", "on", "")
            .flag("input", "-i", "{\"a\": 1}", "{}");

        assert_eq!(command.line(), "lp task create -a etl -n 'a; rm' -e -i '{\"a\": 1}'");
        assert!(!command.render().unwrap().contains("\"a\""));
    }
}
