//! What lists are narrowed by. A filter stands in the address: its form makes one, and the page reads it.

use actix_web::http::StatusCode;
use lp_protocol::client::ListPackages;
use lp_protocol::views::DEFAULT_PAGE;
use serde::Deserialize;

use super::sheet::given;
use crate::failure::{Failure, sentence};
use crate::parts::{Field, FilterBar, Pager, clip, url_part};

/// Of what has a name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    name: String,
    cursor: String,
}

impl Named {
    pub(super) fn is_empty(&self) -> bool {
        self.name.is_empty()
    }

    pub(super) fn to_list(&self) -> ListPackages {
        ListPackages { name: glob(&self.name), cursor: given(&self.cursor), limit: Some(DEFAULT_PAGE) }
    }

    pub(super) fn bar(&self, list: &'static str) -> FilterBar {
        let bar = FilterBar::new(list, vec![name_field(&self.name)]);
        match self.is_empty() {
            true => bar,
            false => bar.chip(format!("name: {}", clip(&self.name, 60)), list),
        }
    }

    pub(super) fn pager(&self, list: &str, next_cursor: Option<String>) -> Pager {
        let named = format!("{list}?name={}", url_part(&self.name));
        Pager {
            older: next_cursor.map(|cursor| format!("{named}&cursor={}", url_part(&cursor))),
            newest: (!self.cursor.is_empty()).then_some(named),
        }
    }
}

/// Of what has a name and can be enabled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Switched {
    name: String,
    /// `true` or `false`.
    enable: String,
    cursor: String,
}

impl Switched {
    pub(crate) fn first_page(name: String, enable: String) -> Self {
        Self { name, enable, cursor: String::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn is_first_page(&self) -> bool {
        self.cursor.is_empty()
    }

    pub(super) fn name(&self) -> Option<String> {
        glob(&self.name)
    }

    pub(super) fn enable(&self) -> Option<bool> {
        self.enable.parse().ok()
    }

    pub(super) fn cursor(&self) -> Option<String> {
        given(&self.cursor)
    }

    pub(super) fn query(&self) -> String {
        self.without("")
    }

    fn without(&self, left_out: &str) -> String {
        let fields = [("name", &self.name), ("enable", &self.enable), ("cursor", &self.cursor)];
        query(fields.into_iter().filter(|(key, _)| *key != left_out))
    }

    pub(super) fn bar(&self, list: &'static str) -> FilterBar {
        let states = [("", "any"), ("true", "enabled"), ("false", "disabled")];
        let states = states.map(|(value, word)| (value.to_owned(), word.to_owned())).to_vec();
        let state = Field::choice("enable", "State", self.enable.clone(), states);
        let mut bar = FilterBar::new(list, vec![name_field(&self.name), state]);
        if !self.name.is_empty() {
            bar = bar
                .chip(format!("name: {}", clip(&self.name, 40)), format!("{list}?{}", self.without("name")));
        }
        if !self.enable.is_empty() {
            let word = if self.enable == "true" { "enabled" } else { "disabled" };
            bar = bar.chip(word, format!("{list}?{}", self.without("enable")));
        }
        bar
    }

    pub(super) fn pager(&self, list: &str, next_cursor: Option<String>) -> Pager {
        Pager {
            newest: (!self.is_first_page()).then(|| format!("{list}?{}", self.without("cursor"))),
            older: next_cursor.map(|cursor| format!("{list}?{}", Self { cursor, ..self.clone() }.query())),
        }
    }
}

fn name_field(name: &str) -> Field {
    Field::line("name", "Name", name).placeholder("any part, or with * and ?")
}

/// The fields that are not empty, as an address has them.
pub(super) fn query<'a>(fields: impl IntoIterator<Item = (&'a str, &'a String)>) -> String {
    let used = fields.into_iter().filter(|(_, value)| !value.is_empty());
    used.map(|(key, value)| format!("{key}={}", url_part(value))).collect::<Vec<_>>().join("&")
}

/// A word without a star is looked for anywhere in the name: people type what they remember.
pub(super) fn glob(name: &str) -> Option<String> {
    let name = given(name)?;
    Some(if name.contains(['*', '?']) { name } else { format!("*{name}*") })
}

/// A field of a filter; None where it is empty.
pub(super) fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<Option<T>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error: T::Err| {
        let message = sentence(&clip(&error.to_string(), 200));
        Failure::new(StatusCode::BAD_REQUEST, "Not accepted", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_word_is_looked_for_anywhere_in_the_name() {
        for (typed, asked) in
            [("", None), (" etl ", Some("*etl*")), ("etl*", Some("etl*")), ("?tl", Some("?tl"))]
        {
            assert_eq!(glob(typed).as_deref(), asked);
        }
    }
}
