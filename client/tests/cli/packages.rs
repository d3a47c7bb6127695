//! Applications and venvs: packing, sending what is missing, downloading.

use lp_package::Digest;
use serde_json::json;

use crate::fake::{Answer, Asked, answer, body_of, empty, json as answer_json};
use crate::fixture::{APP, Bench, app, breaks_off, write};

fn hello(bench: &Bench) {
    write(&bench.path("hello/configuration.json"), r#"{"actions": []}"#);
    write(&bench.path("hello/.lpignore"), "secret\n");
    write(&bench.path("hello/secret"), "do not pack");
}

/// Stores nothing at first, then all it was sent.
async fn store(request: String, asked: Asked) -> Answer {
    match request.split('/').next() {
        Some("HEAD ") => empty(404),
        Some("PUT ") => {
            let digest = request.rsplit('/').next().unwrap().to_owned();
            let body = body_of(asked).await;
            assert_eq!(Digest::of(&body).to_string(), digest);
            answer_json(201, &json!({"digest": digest, "sha1": "", "size_bytes": body.len()}))
        }
        _ => {
            let body: serde_json::Value = serde_json::from_slice(&body_of(asked).await).unwrap();
            let mut app = app(body["name"].as_str().unwrap());
            app["version"]["warnings"] = json!(["unknown key `mian`, did you mean `main`?"]);
            answer_json(201, &app)
        }
    }
}

#[tokio::test]
async fn a_directory_is_packed_sent_and_named_after_itself() {
    let bench = Bench::new(store).await;
    hello(&bench);

    let ran = bench.lp(&["app", "create", "-f", "hello", "-o", "name"]).await;

    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("warning: unknown key `mian`, did you mean `main`?\n"), "{}", ran.stderr);
    let seen = bench.seen();
    assert!(seen[0].starts_with("HEAD /blobs/") && seen[1].starts_with("PUT /blobs/"), "{seen:?}");
    assert_eq!(seen[2], "POST /apps");
}

#[tokio::test]
async fn what_cannot_be_an_application_is_refused_before_anything_is_sent() {
    let bench = Bench::new(store).await;
    write(&bench.path("empty/readme"), "");
    write(&bench.path("x.zip"), "hello");

    for (path, part) in
        [("empty", "empty has no configuration.json"), ("x.zip", "x.zip: cannot recognise the archive")]
    {
        let ran = bench.lp(&["app", "create", path]).await;
        assert!(ran.code == 5 && ran.stderr.contains(part), "{}", ran.stderr);
    }
    assert_eq!(bench.seen().len(), 0);
}

#[tokio::test]
async fn what_the_manager_has_is_not_sent_again() {
    let bench = Bench::new(|request, asked| async move {
        if request.starts_with("HEAD") { empty(200) } else { store(request, asked).await }
    })
    .await;
    hello(&bench);

    let ran = bench.lp(&["app", "create", "hello", "-n", "other"]).await;

    assert!(ran.code == 0 && ran.stderr.contains("already stored, nothing sent"), "{}", ran.stderr);
    assert!(!bench.seen().iter().any(|request| request.starts_with("PUT")));
}

#[tokio::test]
async fn a_taken_name_hints_at_the_update() {
    let bench = Bench::new(|request, asked| async move {
        match request.as_str() {
            "POST /apps" => {
                answer_json(409, &json!({"code": "conflict", "message": "there is an app `hello` already"}))
            }
            _ => store(request, asked).await,
        }
    })
    .await;
    hello(&bench);

    let ran = bench.lp(&["app", "create", "-f", "hello"]).await;

    assert_eq!(ran.code, 5);
    assert!(
        ran.stderr.ends_with("hint: lp app update hello -f hello makes it a new version\n"),
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn a_download_appears_whole_and_verified_or_not_at_all() {
    let content = b"the archive";
    let digest = Digest::of(content).to_string();
    for (is_right, code) in [(true, 0), (false, 1)] {
        let mut app = app("hello");
        app["version"]["digest"] = if is_right { digest.clone().into() } else { "0".repeat(64).into() };
        let bench = Bench::new(move |request, _| {
            std::future::ready(match request.ends_with("/package") {
                true => {
                    let mut answer = answer(200, "application/gzip", &content[..]);
                    let name = "attachment; filename=\"hello.tar.gz\"".parse().unwrap();
                    answer.headers_mut().insert("content-disposition", name);
                    answer
                }
                false => answer_json(200, &app),
            })
        })
        .await;

        let ran = bench.lp(&["app", "download", "-a", "hello"]).await;

        assert_eq!(ran.code, code, "{}", ran.stderr);
        let files: Vec<_> =
            std::fs::read_dir(bench.home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(files, if is_right { vec!["hello.tar.gz"] } else { vec![] });
        assert!(bench.seen()[1].contains(APP));
    }
}

#[tokio::test]
async fn a_broken_download_leaves_nothing_and_an_existing_file_alone() {
    let bench = Bench::new(|request, _| {
        std::future::ready(match request.ends_with("/package") {
            true => breaks_off("application/gzip", b"half"),
            false => answer_json(200, &app("hello")),
        })
    })
    .await;
    write(&bench.path("mine"), "precious");

    let refused = bench.lp(&["app", "download", "hello", "-f", "mine"]).await;
    let broken = bench.lp(&["app", "download", "hello", "-f", "mine", "--force"]).await;

    assert_eq!((refused.code, broken.code), (5, 7), "{}", broken.stderr);
    assert_eq!(std::fs::read_to_string(bench.path("mine")).unwrap(), "precious");
    assert_eq!(std::fs::read_dir(bench.home.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn deleting_needs_a_yes() {
    let bench = Bench::new(|request, _| {
        std::future::ready(match request.starts_with("DELETE") {
            true => empty(204),
            false => answer_json(200, &app("hello")),
        })
    })
    .await;

    let refused = bench.lp(&["app", "delete", "hello"]).await;
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("`hello`") && refused.stderr.contains("--yes"), "{}", refused.stderr);
    assert!(!bench.seen().iter().any(|request| request.starts_with("DELETE")));

    let done = bench.lp(&["app", "delete", "-a", "hello", "-y"]).await;
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(bench.seen().last().unwrap(), &format!("DELETE /apps/{APP}"));
}

#[tokio::test]
async fn a_venv_is_named_by_litepipelines_flag_too() {
    let venv = json!({"venv_id": APP, "name": "tools", "description": "", "create_at": "2026-11-22T10:00:00Z",
        "update_at": "2026-11-22T10:00:00Z", "version": app("x")["version"]});
    let bench = Bench::fixed([("GET /venvs/tools", 200, venv)]).await;

    for arguments in [
        &["venv", "info", "-v", "tools"][..],
        &["venv", "info", "tools", "--verbose"],
        &["venvs", "info", "tools"],
    ] {
        let ran = bench.lp(arguments).await;
        assert!(ran.code == 0 && ran.stdout.contains("venv  tools"), "{arguments:?} {}", ran.stderr);
    }
}
