//! A field of a form: label, help, and what is wrong with it, under it. What was typed stays when a form comes back.

use askama::Template;
use askama::filters::HtmlSafe;

#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "parts/field.html")]
pub(crate) struct Field {
    /// Also its id in the page, so unique in it.
    name: &'static str,
    label: &'static str,
    pub(crate) value: String,
    kind: Kind,
    help: Option<String>,
    /// From the server, after sending.
    error: Option<String>,
    placeholder: &'static str,
    is_required: bool,
}

impl HtmlSafe for Field {}

/// What one types or chooses in it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Line(&'static str),
    Area {
        rows: u32,
    },
    /// Checked as JSON while one types.
    Json {
        rows: u32,
        is_object: bool,
    },
    Choice(Vec<(String, String)>),
    Check,
}

impl Field {
    fn new(name: &'static str, label: &'static str, value: impl Into<String>, kind: Kind) -> Self {
        Self {
            name,
            label,
            value: value.into(),
            kind,
            help: None,
            error: None,
            placeholder: "",
            is_required: false,
        }
    }

    pub(crate) fn line(name: &'static str, label: &'static str, value: impl Into<String>) -> Self {
        Self::new(name, label, value, Kind::Line("text"))
    }

    pub(crate) fn number(name: &'static str, label: &'static str, value: impl Into<String>) -> Self {
        Self::new(name, label, value, Kind::Line("number"))
    }

    pub(crate) fn area(name: &'static str, label: &'static str, value: impl Into<String>, rows: u32) -> Self {
        Self::new(name, label, value, Kind::Area { rows })
    }

    /// A JSON object.
    pub(crate) fn json_object(
        name: &'static str,
        label: &'static str,
        value: impl Into<String>,
        rows: u32,
    ) -> Self {
        Self::new(name, label, value, Kind::Json { rows, is_object: true })
    }

    /// `options` are values and the words for them; an empty value is "none of them".
    pub(crate) fn choice(
        name: &'static str,
        label: &'static str,
        value: impl Into<String>,
        options: Vec<(String, String)>,
    ) -> Self {
        Self::new(name, label, value, Kind::Choice(options))
    }

    /// Sent as `on`, or not at all.
    pub(crate) fn check(name: &'static str, label: &'static str, is_on: bool) -> Self {
        Self::new(name, label, if is_on { "on" } else { "" }, Kind::Check)
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn error(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }

    pub(crate) fn placeholder(mut self, placeholder: &'static str) -> Self {
        self.placeholder = placeholder;
        self
    }

    pub(crate) fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// The ids of what stands under it.
    fn described_by(&self) -> String {
        let mut ids = Vec::new();
        if self.error.is_some() || matches!(self.kind, Kind::Json { .. }) {
            ids.push(format!("f-{}-error", self.name));
        }
        if self.help.is_some() {
            ids.push(format!("f-{}-help", self.name));
        }
        ids.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_keeps_what_was_typed_and_says_what_is_wrong() {
        for field in [
            Field::line("a", "A", "<x>\"").error(Some("no <b>".to_owned())),
            Field::area("a", "A", "<x>\"", 3).error(Some("no <b>".to_owned())),
            Field::json_object("a", "A", "<x>\"", 3).error(Some("no <b>".to_owned())),
        ] {
            let html = field.render().unwrap();
            assert!(html.contains("&#60;x&#62;") && !html.contains("<x>") && !html.contains("<b>"), "{html}");
            assert!(html.contains("for=\"f-a\"") && html.contains("aria-invalid=\"true\""), "{html}");
            assert!(html.contains("aria-describedby=\"f-a-error\""), "{html}");
        }
    }

    #[test]
    fn the_chosen_option_is_the_one_of_the_value() {
        let options = vec![(String::new(), "any".to_owned()), ("b".to_owned(), "B".to_owned())];
        let html = Field::choice("a", "A", "b", options).render().unwrap();

        assert!(html.contains("<option value=\"b\" selected>B</option>"), "{html}");
    }
}
