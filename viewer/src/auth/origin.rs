//! From where a request comes, as far as the browser says so.
//!
//! `Sec-Fetch-Site` and `Origin` are set by the browser and out of a page's reach. A form of another site is refused by them before
//! its hidden word is even looked at; a program that sends neither is no browser and has nobody's cookies.

use actix_web::http::header::{self, HeaderMap};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// One of our own pages, or a person who typed the address, or no browser.
    Own,
    /// Another site has led the person here with a link.
    Link,
    /// Another site's page has sent this.
    Foreign,
}

/// `public_host` is the name a proxy in front is known by: it may have put another one into `Host`.
pub(crate) fn origin_of(headers: &HeaderMap, public_host: Option<&str>) -> Origin {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let is_own_origin = match text(header::ORIGIN.as_str()) {
        None => true,
        Some(origin) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && (host == text(header::HOST.as_str()) || host == public_host)
        }
    };
    match text("sec-fetch-site") {
        None | Some("same-origin" | "none") if is_own_origin => Origin::Own,
        Some("cross-site" | "same-site") if text("sec-fetch-mode") == Some("navigate") && is_own_origin => {
            Origin::Link
        }
        Some(_) | None => Origin::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn origin(given: &[(&'static str, &'static str)]) -> Origin {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:8088"));
        for (name, value) in given {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        origin_of(&headers, Some("lp.example"))
    }

    #[test]
    fn what_another_site_sends_is_told_from_our_own() {
        assert_eq!(origin(&[]), Origin::Own);
        assert_eq!(origin(&[("sec-fetch-site", "none")]), Origin::Own);
        assert_eq!(
            origin(&[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:8088")]),
            Origin::Own
        );
        assert_eq!(origin(&[("origin", "https://lp.example")]), Origin::Own);
        assert_eq!(origin(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]), Origin::Link);
        for headers in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("origin", "null")],
            &[("origin", "http://evil.example")],
            &[("origin", "http://127.0.0.1:9999")],
            &[
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
                ("origin", "http://evil.example"),
            ],
            &[("sec-fetch-site", "same-origin"), ("origin", "http://evil.example")],
            &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")],
        ] {
            assert_eq!(origin(headers), Origin::Foreign, "{headers:?}");
        }
    }
}
