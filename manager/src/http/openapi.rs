//! The description of every route, made from the one table of routes and the views' own documentation.

use std::sync::OnceLock;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi as _};

/// The document as JSON.
pub(crate) fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| super::routes::Described::openapi().to_json().unwrap_or_default())
}

/// What holds for every route: a token, and one form of refusal.
pub(crate) struct Everywhere;

impl Modify for Everywhere {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        let content =
            ContentBuilder::new().schema(Some(utoipa::openapi::Ref::from_schema_name("ApiError"))).build();
        let refusal = ResponseBuilder::new()
            .description("Refused, or failed: the code says why in a word, the message in a sentence.")
            .content("application/json", content)
            .build();
        for (path, item) in &mut document.paths.paths {
            let operations = [
                &mut item.get,
                &mut item.put,
                &mut item.post,
                &mut item.delete,
                &mut item.patch,
                &mut item.head,
            ];
            for operation in operations.into_iter().flatten() {
                operation
                    .responses
                    .responses
                    .entry("default".to_owned())
                    .or_insert(RefOr::T(refusal.clone()));
                if !path.ends_with("/health") {
                    operation.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_described_and_nothing_else_is() {
        let document: serde_json::Value = serde_json::from_str(text()).unwrap();
        let mut described = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                described.insert((method.clone(), path.clone()));
                assert!(operation["summary"].is_string(), "{method} {path}");
                assert!(operation["responses"]["default"].is_object(), "{method} {path}");
                let is_open = path.ends_with("/health");
                assert_eq!(operation.get("security").is_none(), is_open, "{method} {path}");
            }
        }
        let routes = super::super::routes::ROUTES.iter();
        let registered: BTreeSet<_> =
            routes.map(|(method, path)| ((*method).to_owned(), (*path).to_owned())).collect();

        assert_eq!(described, registered);
    }
}
