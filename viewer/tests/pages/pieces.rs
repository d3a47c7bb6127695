//! Packages in pieces, as the script of the upload field sends them.

use reqwest::Method;
use serde_json::json;

use crate::browser::{Answer, Browser, answer};
use crate::fake::{Cluster, sample};
use crate::world::{World, empty};

const ID: &str = "11111111-1111-4111-8111-111111111111";

fn cluster() -> Cluster {
    let mut cluster = empty();
    let upload = json!({"upload_id": ID, "size_bytes": 5, "offset": 0});
    let blob = json!({"digest": "a".repeat(64), "sha1": "", "size_bytes": 5});
    for (deed, answer) in [
        ("POST /uploads".to_owned(), (201, upload.clone())),
        (format!("GET /uploads/{ID}"), (200, upload.clone())),
        (format!("PATCH /uploads/{ID}"), (200, upload.clone())),
        (format!("DELETE /uploads/{ID}"), (200, json!(null))),
        (format!("POST /uploads/{ID}/finish"), (200, blob)),
        ("POST /apps".to_owned(), (201, serde_json::to_value(sample::app("etl")).unwrap())),
    ] {
        cluster.answers.insert(deed, answer);
    }
    cluster
}

/// Everything the script asks for.
fn requests() -> [(Method, String, &'static str); 5] {
    [
        (Method::POST, "/uploads".to_owned(), r#"{"size_bytes": 5}"#),
        (Method::GET, format!("/uploads/{ID}"), ""),
        (Method::PATCH, format!("/uploads/{ID}?offset=0"), "bytes"),
        (Method::POST, format!("/uploads/{ID}/finish"), ""),
        (Method::DELETE, format!("/uploads/{ID}"), ""),
    ]
}

async fn ask(browser: &Browser, word: &str, (method, path, body): (Method, String, &'static str)) -> Answer {
    let mut request = browser.request(method, &path).header("x-csrf", word);
    if path == "/uploads" {
        request = request.header("content-type", "application/json");
    }
    answer(request.body(body)).await
}

#[tokio::test]
async fn pieces_pass_through_and_need_the_sessions_word() {
    let world = World::start(cluster()).await;
    let (browser, stranger) = (world.browser().await, world.stranger());
    let csrf = browser.get("/apps/new").await.hidden("csrf");

    for request in requests() {
        for word in ["", "guessed"] {
            let refused = ask(&browser, word, request.clone()).await;
            assert_eq!(refused.status, 403, "{request:?}");
            assert!(refused.header("content-type").starts_with("text/plain"), "the script reads it");
        }
        assert_eq!(ask(&stranger, &csrf, request.clone()).await.status, 401, "{request:?}");
        let foreign = browser.request(request.0, &request.1).header("x-csrf", &csrf);
        let foreign = foreign.header("origin", "http://evil.example").header("sec-fetch-site", "cross-site");
        assert_eq!(answer(foreign.header("sec-fetch-mode", "cors")).await.status, 403);
    }
    assert!(world.manager.cluster().deeds.is_empty());

    for request in requests() {
        let done = ask(&browser, &csrf, request.clone()).await;
        assert!((200..300).contains(&done.status), "{request:?}: {}", done.body);
    }
    let cluster = world.manager.cluster();
    let deeds: Vec<String> =
        ["POST /uploads", "PATCH /uploads/{ID}", "POST /uploads/{ID}/finish", "DELETE /uploads/{ID}"]
            .map(|deed| deed.replace("{ID}", ID))
            .into();
    assert_eq!(cluster.deeds, deeds);
    assert_eq!(cluster.sent[1], "bytes");
}

#[tokio::test]
async fn what_the_manager_refuses_comes_as_a_sentence() {
    let world = World::start(empty()).await;
    let browser = world.browser().await;
    let csrf = browser.get("/apps/new").await.hidden("csrf");

    let refused = ask(&browser, &csrf, requests()[1].clone()).await;

    assert_eq!(refused.status, 404);
    assert_eq!(refused.body, format!("There is no `/uploads/{ID}`."));
}

#[tokio::test]
async fn a_form_may_name_an_upload_in_place_of_a_file() {
    let world = World::start(cluster()).await;
    let browser = world.browser().await;
    let csrf = browser.get("/apps/new").await.hidden("csrf");
    let send = |word: String| {
        let mut body = String::new();
        for (name, value) in [("upload", ID), ("file_name", "etl.tar.gz"), ("name", ""), ("csrf", &word)] {
            body += &format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        let request = browser.request(Method::POST, "/apps/new");
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        answer(request.body(body + "--b--\r\n"))
    };

    assert_eq!(send("guessed".to_owned()).await.status, 403);
    assert!(world.manager.cluster().deeds.is_empty());
    let done = send(csrf).await;

    assert_eq!(done.status, 303, "{}", done.body);
    let cluster = world.manager.cluster();
    assert_eq!(cluster.deeds, [format!("POST /uploads/{ID}/finish"), "POST /apps".to_owned()]);
    let app: serde_json::Value = serde_json::from_str(&cluster.sent[1]).unwrap();
    assert_eq!((&app["name"], &app["digest"]), (&json!("etl"), &json!("a".repeat(64))));
}
