//! Failures: one sentence, the next command, the right exit code.

use lp_protocol::{ApiError, ErrorCode};

use crate::fake::json as answer_json;
use crate::fixture::{Bench, write};

#[tokio::test]
async fn the_exit_code_is_that_of_the_managers_error() {
    for code in ErrorCode::ALL {
        let bench = Bench::new(move |_, _| {
            let error = ApiError::new(*code, "there is no task `abcd`").with_hint("look again");
            std::future::ready(answer_json(code.http_status(), &error))
        })
        .await;

        let ran = bench.lp(&["task", "info", "abcd"]).await;

        assert_eq!(ran.code, i32::from(code.exit_code()), "{code:?}");
        assert!(ran.stderr.starts_with("error: there is no task `abcd`"), "{}", ran.stderr);
        assert!(ran.stderr.ends_with("hint: look again\n"), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}

#[tokio::test]
async fn a_dead_manager_is_named_with_where_its_address_came_from() {
    let bench = Bench::without_manager();
    // a port nothing listens on: bound by nobody, as the listener is gone
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    write(&bench.path("client.json"), format!(r#"{{"manager": "http://127.0.0.1:{port}", "token": "t"}}"#));

    let ran = bench.lp_with(&["status"], &[("LP_CONTEXT", "client.json")], "").await;

    assert_eq!(ran.code, 7);
    assert!(
        ran.stderr.starts_with(&format!("error: cannot reach the manager at http://127.0.0.1:{port}: ")),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("Connection refused"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("hint: the address is from client.json; is it running? `lp up`"),
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn without_any_manager_it_says_how_to_get_one() {
    let ran = Bench::without_manager().lp(&["status"]).await;

    assert_eq!((ran.code, ran.stdout.as_str()), (7, ""));
    assert!(ran.stderr.contains("no manager is known") && ran.stderr.contains("lp up"), "{}", ran.stderr);
}

#[tokio::test]
async fn wrong_usage_is_two() {
    for arguments in [
        &["task", "info"][..],
        &["task", "info", "a", "b"],
        &["nonsense"],
        &["-o", "xml", "status"],
        &["task", "create", "-a", "x", "--timeout", "5"],
        &["task", "create", "-a", "x", "-i", "{}", "--each", "-"],
        &["logs"],
        &["task", "list", "-s", "paused"],
        &["task", "list", "--since", "yesterday"],
    ] {
        assert_eq!(Bench::fixed([]).await.lp(arguments).await.code, 2, "{arguments:?}");
    }
}

#[tokio::test]
async fn a_missing_file_is_named_with_its_reason() {
    let ran = Bench::fixed([]).await.lp(&["app", "create", "-f", "nowhere.zip"]).await;

    assert_eq!(ran.code, 1);
    assert_eq!(ran.stderr, "error: cannot read nowhere.zip: No such file or directory (os error 2)\n");
}

#[tokio::test]
async fn a_broken_input_is_told_before_the_manager_is_asked() {
    for input in ["{bad", "[1]", ""] {
        let bench = Bench::fixed([]).await;

        let ran = bench.lp(&["task", "create", "-a", "hello", "-i", input]).await;

        assert_eq!((ran.code, bench.seen().len()), (5, 0), "{input}: {}", ran.stderr);
    }
}

#[tokio::test]
async fn an_internal_error_comes_with_its_request_id() {
    let bench = Bench::new(|_, _| {
        let mut error = ApiError::new(ErrorCode::Internal, "something broke");
        error.request_id = "r-17".to_owned();
        std::future::ready(answer_json(500, &error))
    })
    .await;

    let ran = bench.lp(&["status"]).await;

    assert_eq!((ran.code, ran.stderr.contains("(request r-17)")), (1, true), "{}", ran.stderr);
}

#[tokio::test]
async fn the_token_of_one_manager_is_never_sent_to_another() {
    let bench = Bench::new(|_, asked| {
        let has_token = asked.headers().contains_key("authorization");
        let code = if has_token { ErrorCode::Internal } else { ErrorCode::Unauthenticated };
        std::future::ready(answer_json(code.http_status(), &ApiError::new(code, "no")))
    })
    .await;
    write(&bench.path("client.json"), r#"{"manager": "http://127.0.0.1:1", "token": "secret"}"#);

    let ran = bench.lp_with(&["status"], &[("LP_CONTEXT", "client.json"), ("LP_TOKEN", "")], "").await;

    assert_eq!(ran.code, 4, "{}", ran.stderr);
}
