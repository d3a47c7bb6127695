//! Tokens that people make and revoke, and what a reader's opens.

use futures_util::StreamExt as _;
use lp_protocol::ErrorCode;
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{CreatedToken, Page, Role, TokenView, WhoAmI};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Manager, hello, read, refusal, within};

async fn make(manager: &Manager, body: Value) -> CreatedToken {
    read(manager.post("/api/v1/tokens", body).await, StatusCode::CREATED).await
}

async fn with(manager: &Manager, secret: &str, method: Method, path: &str) -> Response {
    manager.bare(method, path).bearer_auth(secret).send().await.unwrap()
}

async fn revoke(manager: &Manager, token: &str) -> Response {
    manager.request(Method::DELETE, &format!("/api/v1/tokens/{token}")).send().await.unwrap()
}

async fn list(manager: &Manager) -> Vec<TokenView> {
    manager.get_json::<Page<TokenView>>("/api/v1/tokens").await.items
}

#[tokio::test]
async fn a_token_is_shown_once_works_and_is_refused_the_moment_it_is_revoked() {
    let manager = Manager::start().await;
    let made = make(&manager, json!({"name": "ci", "role": "administrator", "expire_after": 3600})).await;

    let who: WhoAmI =
        read(with(&manager, &made.secret, Method::GET, "/api/v1/whoami").await, StatusCode::OK).await;
    assert_eq!(
        (who.name.as_str(), who.role.as_str(), who.expire_at),
        ("ci", "administrator", made.token.expire_at)
    );
    let listed = list(&manager).await;
    let of_manager = &listed[1];
    assert_eq!((listed[0].name.as_str(), listed[0].created_by.as_deref()), ("ci", Some("administrator")));
    assert!(listed[0].used_at.is_some() && !listed[0].current, "{listed:?}");
    assert_eq!(
        (of_manager.name.as_str(), &of_manager.created_by, of_manager.current),
        ("administrator", &None, true)
    );
    let text = manager.get("/api/v1/tokens").await.text().await.unwrap();
    assert!(!text.contains(&made.secret) && !text.contains("hash"), "{text}");

    assert_eq!(revoke(&manager, "ci").await.status(), StatusCode::NO_CONTENT);
    let refused = with(&manager, &made.secret, Method::GET, "/api/v1/whoami").await;
    refusal(refused, ErrorCode::Unauthenticated).await;
    assert_eq!(list(&manager).await.len(), 1);
    refusal(revoke(&manager, "ci").await, ErrorCode::NotFound).await;
    // its name is free, and it is another one
    let again = make(&manager, json!({"name": "ci", "role": "reader"})).await;
    assert_ne!(again.secret, made.secret);
}

#[tokio::test]
async fn tokens_are_listed_by_the_page_and_found_by_id_beginning_and_name() {
    let manager = Manager::start().await;
    for name in ["a", "b", "c"] {
        make(&manager, json!({"name": name, "role": "reader"})).await;
    }

    let first: Page<TokenView> = manager.get_json("/api/v1/tokens?limit=3").await;
    let cursor = first.next_cursor.unwrap();
    let second: Page<TokenView> = manager.get_json(&format!("/api/v1/tokens?limit=3&cursor={cursor}")).await;
    let names: Vec<&str> = first.items.iter().chain(&second.items).map(|token| token.name.as_str()).collect();
    assert_eq!((names, second.next_cursor), (vec!["c", "b", "a", "administrator"], None));
    refusal(manager.get("/api/v1/tokens?cursor=x").await, ErrorCode::InvalidRequest).await;

    let wanted = &first.items[1];
    let id = wanted.token_id.to_string();
    for text in ["b", &id, &id[..8]] {
        let found: TokenView = manager.get_json(&format!("/api/v1/tokens/{text}")).await;
        assert_eq!(found.token_id, wanted.token_id, "{text}");
    }
    for text in ["d", &id[..3], "67e55044-10b1-426f-9247-bb680e5fe0c8"] {
        refusal(manager.get(&format!("/api/v1/tokens/{text}")).await, ErrorCode::NotFound).await;
    }
}

#[tokio::test]
async fn what_makes_no_token_is_refused_and_changes_nothing() {
    let manager = Manager::start().await;
    make(&manager, json!({"name": "ci", "role": "reader"})).await;

    for (body, code, word) in [
        (json!({"name": "ci", "role": "reader"}), ErrorCode::Conflict, "`ci` is taken"),
        (json!({"name": "administrator", "role": "reader"}), ErrorCode::Conflict, "is taken"),
        (json!({"name": "", "role": "reader"}), ErrorCode::InvalidRequest, "empty"),
        (json!({"name": "a/b", "role": "reader"}), ErrorCode::InvalidRequest, "slash"),
        (
            json!({"name": "67e55044-10b1-426f-9247-bb680e5fe0c8", "role": "reader"}),
            ErrorCode::InvalidRequest,
            "id",
        ),
        (json!({"name": "x", "role": "root"}), ErrorCode::InvalidRequest, "root"),
        (json!({"name": "x"}), ErrorCode::InvalidRequest, "role"),
        (
            json!({"name": "x", "role": "reader", "expire_after": 0}),
            ErrorCode::InvalidRequest,
            "expire_after",
        ),
        (
            json!({"name": "x", "role": "reader", "expire_after": 1e12}),
            ErrorCode::InvalidRequest,
            "expire_after",
        ),
        (json!({"name": "x", "role": "reader", "hash": "y"}), ErrorCode::InvalidRequest, "hash"),
    ] {
        let error = refusal(manager.post("/api/v1/tokens", body.clone()).await, code).await;
        assert!(error.message.contains(word), "{body}: {}", error.message);
    }

    assert_eq!(list(&manager).await.len(), 2);
}

#[tokio::test]
async fn the_last_administrator_stays_and_the_managers_own_is_replaced_at_the_next_start() {
    let manager = Manager::start().await;
    make(&manager, json!({"name": "tomorrow", "role": "administrator", "expire_after": 86400})).await;
    let error = refusal(revoke(&manager, "administrator").await, ErrorCode::Conflict).await;
    assert!(error.message.contains("last of an administrator") && error.hint.is_some(), "{error:?}");

    let other = make(&manager, json!({"name": "other", "role": "administrator"})).await;
    let old = manager.token.clone();
    assert_eq!(revoke(&manager, "administrator").await.status(), StatusCode::NO_CONTENT);
    refusal(manager.get("/api/v1/tokens").await, ErrorCode::Unauthenticated).await;
    let refused = with(&manager, &other.secret, Method::DELETE, "/api/v1/tokens/other").await;
    refusal(refused, ErrorCode::Conflict).await;

    let manager = Manager::start_in(manager.stop().await, |_| ()).await;
    assert_ne!(manager.token, old);
    refusal(with(&manager, &old, Method::GET, "/api/v1/whoami").await, ErrorCode::Unauthenticated).await;
    let names: Vec<String> = list(&manager).await.into_iter().map(|token| token.name).collect();
    assert_eq!(names, ["administrator", "other", "tomorrow"]);
    // and that one stays over the next
    let token = manager.token.clone();
    let manager = Manager::start_in(manager.stop().await, |_| ()).await;
    assert_eq!(manager.token, token);
}

#[tokio::test]
async fn a_reader_sees_and_neither_changes_anything_nor_gains_rights() {
    let manager = Manager::start().await;
    manager.create_app("hello", hello()).await;
    let reader = make(&manager, json!({"name": "dashboard", "role": "reader"})).await;
    assert_eq!(reader.token.role, Role::Reader);

    for path in
        ["/api/v1/apps", "/api/v1/apps/hello", "/api/v1/tasks", "/api/v1/status", "/api/v1/nodes", "/metrics"]
    {
        assert_eq!(
            with(&manager, &reader.secret, Method::GET, path).await.status(),
            StatusCode::OK,
            "{path}"
        );
    }
    let document: Value = manager.get_json("/api/v1/openapi.json").await;
    for (path, item) in document["paths"].as_object().unwrap() {
        let path: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        for method in item.as_object().unwrap().keys().filter(|method| *method != "get") {
            if path.starts_with("/node/") {
                continue;
            }
            let method: Method = method.to_uppercase().parse().unwrap();
            let refused = with(&manager, &reader.secret, method.clone(), &path).await;
            if method == Method::HEAD {
                assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path}");
                continue;
            }
            let error = refusal(refused, ErrorCode::Forbidden).await;
            assert!(error.message.contains("role `administrator`"), "{method} {path}: {}", error.message);
        }
    }
    for path in ["/api/v1/tokens", "/api/v1/tokens/administrator", "/api/v1/token%73", "/api/v1/later"] {
        refusal(with(&manager, &reader.secret, Method::GET, path).await, ErrorCode::Forbidden).await;
    }
    assert_eq!(list(&manager).await.len(), 2);
}

#[tokio::test]
async fn what_a_revoked_token_still_reads_ends() {
    let manager = Manager::start().await;
    let made = make(&manager, json!({"name": "dashboard", "role": "reader"})).await;
    let client = ManagerClient::new(&manager.url(""), &made.secret).unwrap();
    let mut events = client.events(None).await.unwrap();

    assert_eq!(revoke(&manager, "dashboard").await.status(), StatusCode::NO_CONTENT);

    // broken off, or its end
    assert!(!matches!(within(events.next()).await, Some(Ok(_))));
    assert_eq!(
        client.events(None).await.err().and_then(|error| error.code()),
        Some(ErrorCode::Unauthenticated)
    );
}
