//! Who is let in.

use lp_protocol::ErrorCode;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::harness::{Manager, refusal};
use crate::node::join;

/// Every documented route, with harmless values in the places of its parameters; a unit test sees to it that all routes are documented.
async fn routes(manager: &Manager) -> Vec<(Method, String)> {
    let document: Value = manager.get_json("/api/v1/openapi.json").await;
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        for method in item.as_object().unwrap().keys() {
            routes.push((method.to_uppercase().parse().unwrap(), path.clone()));
        }
    }
    assert!(routes.len() >= 40, "{}", routes.len());
    routes
}

fn is_open(path: &str) -> bool {
    path.ends_with("/health")
}

#[tokio::test]
async fn every_route_but_health_needs_a_token() {
    let manager = Manager::start().await;

    for (method, path) in routes(&manager).await {
        if is_open(&path) {
            assert_eq!(manager.bare(method, &path).send().await.unwrap().status(), StatusCode::OK);
            continue;
        }
        for token in [None, Some("lp_wrong"), Some("lpnode_wrong"), Some("lpjoin_wrong"), Some("")] {
            let request = manager.bare(method.clone(), &path);
            let request = match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method} {path} {token:?}");
            assert!(response.headers().contains_key("x-request-id"));
        }
    }
}

#[tokio::test]
async fn a_secret_of_one_plane_is_nothing_on_the_other() {
    let manager = Manager::start().await;
    let joined = join(&manager, "a").await;
    let join_token = manager.join_token().await;

    for (method, path) in routes(&manager).await.into_iter().filter(|(_, path)| !is_open(path)) {
        let wrong: Vec<&str> = match path.as_str() {
            "/node/v1/join" => vec![&manager.token, &joined.credential],
            path if path.starts_with("/node/v1/") => vec![&manager.token, &join_token],
            _ => vec![&joined.credential, &join_token],
        };
        for secret in wrong {
            let response = manager.bare(method.clone(), &path).bearer_auth(secret).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_path_that_is_not_ours_is_refused_without_a_token_and_not_found_with_one() {
    let manager = Manager::start().await;

    for path in [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/apps/",
        "/api/v1//apps",
        "/api/v1/apps;x=1",
        "/api/v1%2fapps",
        "/api/v1/nothing",
        "/configs",
        "/health/",
        "/metrics/",
        "/api/v2/apps",
        "/API/V1/APPS",
        "/node/v1",
        "/static/x.js",
        "/api/v1/health/x",
        "/api/v1/tasks/x/y",
    ] {
        for method in [Method::GET, Method::POST, Method::HEAD, Method::OPTIONS, Method::DELETE] {
            let response = manager.bare(method.clone(), path).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
        }
        refusal(manager.get(path).await, ErrorCode::NotFound).await;
    }
    // what is not a route of the node plane is no secret to a node either
    let joined = join(&manager, "a").await;
    let response =
        manager.bare(Method::GET, "/node/v1/nothing").bearer_auth(joined.credential).send().await.unwrap();
    refusal(response, ErrorCode::NotFound).await;
}

#[tokio::test]
async fn a_loopback_manager_is_not_called_by_other_names() {
    let manager = Manager::start_with(|config| config.allowed_hosts = vec!["lp.example".into()]).await;
    let port = manager.address.port();

    for (host, status) in [
        (format!("127.0.0.1:{port}"), 200),
        (format!("localhost:{port}"), 200),
        ("lp.example".to_owned(), 200),
        (format!("evil.example:{port}"), 403),
        ("127.0.0.1.evil.example".to_owned(), 403),
    ] {
        for path in ["/health", "/api/v1/apps"] {
            let response = manager.request(Method::GET, path).header("host", &host).send().await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{host} {path}");
        }
    }
}

#[tokio::test]
async fn answers_are_no_pages_and_open_to_no_other_origin() {
    let manager = Manager::start().await;

    let response =
        manager.request(Method::GET, "/api/v1/apps").header("origin", "null").send().await.unwrap();

    let headers = response.headers();
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
    assert_eq!(headers["cache-control"], "no-store");
    assert!(!headers.keys().any(|name| name.as_str().starts_with("access-control")), "{headers:?}");
    let preflight = manager
        .request(Method::OPTIONS, "/api/v1/apps")
        .header("access-control-request-method", "POST")
        .send()
        .await
        .unwrap();
    refusal(preflight, ErrorCode::MethodNotAllowed).await;
}

#[tokio::test]
async fn many_different_wrong_tokens_have_to_wait_and_the_right_one_has_not_while_it_is_known() {
    let manager = Manager::start().await;
    assert_eq!(manager.get("/api/v1/apps").await.status(), StatusCode::OK);

    let mut last = StatusCode::UNAUTHORIZED;
    for guess in 0..=100 {
        last = manager
            .bare(Method::GET, "/api/v1/apps")
            .bearer_auth(format!("lp_{guess}"))
            .send()
            .await
            .unwrap()
            .status();
    }

    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let again = manager.bare(Method::GET, "/api/v1/apps").bearer_auth("lp_5").send().await.unwrap();
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED, "a stale token is no guess");
    assert_eq!(manager.get("/api/v1/apps").await.status(), StatusCode::OK);
}
