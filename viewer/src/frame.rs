//! What stands around every page: its title, where one is, the theme, and what the scripts need.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap};
use chrono::Utc;

use crate::access::Access;
use crate::assets;
use crate::auth::Session;
pub(crate) use crate::nav::Section;
use crate::nav::{PLACES, Place};
use crate::parts::{Look, clock_attribute};
use crate::state::State;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system has it.
    Auto,
    Light,
    Dark,
}

impl Theme {
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::Auto,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// What its button goes on to.
    fn next(self) -> Self {
        match self {
            Theme::Auto => Theme::Light,
            Theme::Light => Theme::Dark,
            Theme::Dark => Theme::Auto,
        }
    }
}

/// A browser that is signed in, put into its requests by the guard.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) id: String,
    pub(crate) session: Arc<Session>,
}

pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) section: Section,
    pub(crate) theme: &'static str,
    pub(crate) next_theme: &'static str,
    /// Empty where nobody is signed in.
    pub(crate) csrf: String,
    /// The token of the session changes nothing.
    pub(crate) is_reading: bool,
    /// Where the page's changes come from.
    pub(crate) live: Option<String>,
    /// The way down to this page, without the page itself: names and addresses.
    pub(crate) crumbs: Vec<Crumb>,
    pub(crate) here: String,
    pub(crate) manager: String,
    pub(crate) now: String,
    pub(crate) icon: &'static str,
}

pub(crate) struct Crumb {
    pub(crate) name: String,
    pub(crate) url: String,
}

impl Frame {
    /// `title` is what tells this page from the others in a row of tabs.
    pub(crate) fn new(state: &State, request: &HttpRequest, section: Section, title: &str) -> Self {
        use actix_web::HttpMessage as _;
        let theme = Theme::parse(cookie(request.headers(), &state.cookies.theme).unwrap_or_default());
        let signed = request.extensions().get::<Signed>().cloned();
        Self {
            title: format!("{title} · lp"),
            section,
            theme: theme.word(),
            next_theme: theme.next().word(),
            is_reading: signed.as_ref().is_some_and(|signed| signed.session.holder.access == Access::Reading),
            csrf: signed.map(|signed| signed.session.csrf.clone()).unwrap_or_default(),
            live: None,
            crumbs: Vec::new(),
            here: here(request),
            manager: address_of(&state.anonymous),
            now: clock_attribute(Utc::now()),
            icon: &assets::ICON.url,
        }
    }

    pub(crate) fn live(mut self, address: String) -> Self {
        self.live = Some(address);
        self
    }

    /// One more step of the way down to this page; `name` is shown as it is.
    pub(crate) fn crumb(mut self, name: impl Into<String>, url: impl Into<String>) -> Self {
        self.crumbs.push(Crumb { name: name.into(), url: url.into() });
        self
    }

    pub(crate) fn is(&self, section: &Section) -> bool {
        self.section == *section
    }

    pub(crate) fn places(&self) -> &'static [Place] {
        &PLACES
    }

    pub(crate) fn styles(&self) -> impl Iterator<Item = &'static str> {
        assets::STYLES.iter().map(|asset| asset.url.as_str())
    }

    pub(crate) fn scripts(&self) -> impl Iterator<Item = &'static str> {
        assets::SCRIPTS.iter().map(|asset| asset.url.as_str())
    }
}

/// The page's own address, for forms that come back to it.
pub(crate) fn here(request: &HttpRequest) -> String {
    request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned()
}

fn address_of(client: &lp_protocol::client::ManagerClient) -> String {
    let url = client.base_url();
    url.split_once("://").map_or(url, |(_, host)| host).to_owned()
}

/// One of the request's cookies.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| match pair.trim().split_once('=') {
        Some((key, value)) if key == name => Some(value),
        Some(_) | None => None,
    })
}

/// A title as browser tabs show it: `✕ nightly-etl`.
pub(crate) fn tab_title(look: Look, name: &str) -> String {
    format!("{} {}", look.glyph(), crate::parts::clip(name, 80))
}

/// Keeps an address to go on to only where it is one of this viewer's pages: anything else could lead a person away right after signing in.
pub(crate) fn local_path(path: &str) -> &str {
    let is_local = path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= 2048
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_local { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn only_our_own_pages_are_gone_on_to() {
        for path in ["/", "/tasks/1?tab=io#x", "/a//b"] {
            assert_eq!(local_path(path), path);
        }
        for path in ["", "//evil", "/\\evil", "https://evil", "javascript:x", "/a b", "/\t/evil", "evil"] {
            assert_eq!(local_path(path), "/", "{path:?}");
        }
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("xlp=1; lp=2; lp2=3"));

        assert_eq!(cookie(&headers, "lp"), Some("2"));
        assert_eq!(cookie(&headers, "p"), None);
    }
}
