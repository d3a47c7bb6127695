//! What a reader's token opens: the routes of this table, by GET and HEAD, and nothing else.
//!
//! A route that is added later is therefore closed to readers until it is written down here. Nothing here changes anything, gives away
//! a secret, or helps to gain rights: tokens are not among it, nor uploads, nor what a node asks for. A path counts as it was sent, before
//! anything in it is decoded, so that a letter written as `%xx` can only close a door.

use actix_web::http::Method;
use lp_protocol::ErrorCode;

use super::failure::Failure;
use crate::auth::{Principal, Role};

/// As in the table of routes; `{...}` is any one part of a path.
const READABLE: &[&str] = &[
    "/metrics",
    "/api/v1/status",
    "/api/v1/whoami",
    "/api/v1/activity",
    "/api/v1/openapi.json",
    "/api/v1/events",
    "/api/v1/apps",
    "/api/v1/apps/{app}",
    "/api/v1/apps/{app}/package",
    "/api/v1/apps/{app}/diff",
    "/api/v1/apps/{app}/versions",
    "/api/v1/apps/{app}/versions/{version}",
    "/api/v1/apps/{app}/versions/{version}/package",
    "/api/v1/venvs",
    "/api/v1/venvs/{venv}",
    "/api/v1/venvs/{venv}/package",
    "/api/v1/venvs/{venv}/doctor",
    "/api/v1/venvs/{venv}/diff",
    "/api/v1/venvs/{venv}/versions",
    "/api/v1/venvs/{venv}/versions/{version}",
    "/api/v1/venvs/{venv}/versions/{version}/package",
    "/api/v1/builds",
    "/api/v1/builds/{key}",
    "/api/v1/builds/{key}/log",
    "/api/v1/tasks",
    "/api/v1/tasks/{task}",
    "/api/v1/tasks/{task}/wait",
    "/api/v1/tasks/{task}/why",
    "/api/v1/tasks/{task}/outline",
    "/api/v1/tasks/{task}/input",
    "/api/v1/tasks/{task}/actions/{action}/output",
    "/api/v1/tasks/{task}/workspaces",
    "/api/v1/tasks/{task}/actions/{action}/attempts/{attempt}/log",
    "/api/v1/tasks/{task}/actions/{action}/attempts/{attempt}/log/times",
    "/api/v1/tasks/{task}/actions/{action}/attempts/{attempt}/workspace",
    "/api/v1/tasks/{task}/actions/{action}/attempts/{attempt}/workspace/file",
    "/api/v1/tasks/{task}/actions/{action}/attempts/{attempt}/workspace/archive",
    "/api/v1/schedules",
    "/api/v1/schedule-preview",
    "/api/v1/schedules/{schedule}",
    "/api/v1/schedules/{schedule}/instants",
    "/api/v1/schedules/{schedule}/next",
    "/api/v1/services",
    "/api/v1/services/{service}",
    "/api/v1/workflows",
    "/api/v1/workflows/{workflow}",
    "/api/v1/works",
    "/api/v1/works/{work}",
    "/api/v1/works/{work}/wait",
    "/api/v1/works/{work}/why",
    "/api/v1/nodes",
    "/api/v1/nodes/{node}",
];

/// Refuses what the caller's role does not cover. Nodes and machines that join have doors of their own.
///
/// # Errors
/// `Forbidden`, with the role that is wanted.
pub(super) fn check(principal: &Principal, method: &Method, path: &str) -> Result<(), Failure> {
    match principal {
        Principal::Token { role: Role::Reader, .. } if !is_for_readers(method, path) => {
            let shown: String = path.chars().filter(|letter| !letter.is_control()).take(200).collect();
            let message = format!(
                "{method} {shown} wants a token with the role `administrator`, and this one is a `reader`"
            );
            Err(Failure::new(ErrorCode::Forbidden, message).hint(
                "A reader sees everything but tokens and changes nothing. An administrator can make another: `lp token create NAME --role administrator`.",
            ))
        }
        Principal::Token { role: Role::Reader | Role::Administrator, .. }
        | Principal::Node { .. }
        | Principal::Joiner => Ok(()),
    }
}

fn is_for_readers(method: &Method, path: &str) -> bool {
    (method == Method::GET || method == Method::HEAD)
        && READABLE.iter().any(|pattern| is_match(pattern, path))
}

fn is_match(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(part), Some(given)) if part.starts_with('{') && !given.is_empty() => {}
            (Some(part), Some(given)) if part == given => {}
            (Some(_) | None, Some(_) | None) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::routes::ROUTES;
    use super::*;

    /// What can be asked for without changing anything, and is still not for readers; each has its reason.
    const CLOSED: &[(&str, &str)] = &[
        // who may do what, and since when nobody looks
        ("get", "/api/v1/tokens"),
        ("get", "/api/v1/tokens/{token}"),
        // only for whoever uploads
        ("head", "/api/v1/blobs/{digest}"),
        ("get", "/api/v1/uploads/{upload}"),
        // those of nodes have a door of their own
        ("get", "/node/v1/link"),
        ("get", "/node/v1/packages/{digest}"),
    ];

    #[test]
    fn every_route_that_only_reads_is_open_to_readers_or_closed_for_a_reason() {
        let is_open = |(_, path): &(&str, &str)| path.ends_with("/health");
        let reading = |(method, _): &(&str, &str)| matches!(*method, "get" | "head");
        let routes: BTreeSet<_> = ROUTES.iter().filter(|route| reading(route) && !is_open(route)).collect();

        let decided: BTreeSet<(&str, &str)> =
            READABLE.iter().map(|path| ("get", *path)).chain(CLOSED.iter().copied()).collect();

        assert_eq!(routes.into_iter().copied().collect::<BTreeSet<_>>(), decided);
    }

    #[test]
    fn what_changes_anything_or_is_not_listed_is_closed() {
        for (method, path) in ROUTES {
            let method: Method = method.to_uppercase().parse().unwrap();
            let is_listed = READABLE.contains(path);
            let is_reading = method == Method::GET || method == Method::HEAD;
            assert_eq!(is_for_readers(&method, path), is_listed && is_reading, "{method} {path}");
        }
        for path in [
            "/",
            "/api/v1/tokens",
            "/api/v1/token%73",
            "/api/v1/apps/",
            "/api/v1//apps",
            "/api/v1/apps/a/b",
            "/api/v1/later",
            "/API/v1/apps",
            "api/v1/apps",
        ] {
            assert!(!is_for_readers(&Method::GET, path), "{path}");
        }
        for path in ["/api/v1/apps/tokens", "/api/v1/apps/my%20app", "/api/v1/tasks/@last"] {
            assert!(is_for_readers(&Method::GET, path) && is_for_readers(&Method::HEAD, path), "{path}");
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
                assert!(!is_for_readers(&method, path), "{method} {path}");
            }
        }
    }
}
