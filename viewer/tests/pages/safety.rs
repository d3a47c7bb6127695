//! What other sites, odd requests and hostile names can do: nothing.

use reqwest::Method;

use crate::browser::answer;
use crate::fake::{TOKEN, sample};
use crate::world::{World, empty};

#[tokio::test]
async fn a_name_that_is_not_ours_is_refused_before_anything_else() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    let port = world.viewer.address.port();

    for host in
        ["evil.example", &format!("evil.example:{port}"), "127.0.0.1.evil.example", "localhost.evil.example"]
    {
        let refused = answer(browser.request(Method::GET, "/").header("host", host)).await;
        assert!(refused.status == 403 && !refused.body.contains("ryzen"), "{host}");
    }
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        assert_eq!(
            answer(browser.request(Method::GET, "/").header("host", &host)).await.status,
            200,
            "{host}"
        );
    }
}

#[tokio::test]
async fn every_answer_forbids_scripts_and_frames_of_others_and_guessing_of_types() {
    let world = World::start(sample::cluster()).await;
    let (browser, stranger) = (world.browser().await, world.stranger());
    let style = format!(
        "/static/{}",
        browser
            .get("/")
            .await
            .body
            .split("/static/")
            .find(|rest| rest.starts_with("lp-") && rest.contains(".css"))
            .unwrap()
            .split('"')
            .next()
            .unwrap()
    );

    let mut answers =
        vec![stranger.get("/").await, stranger.get("/login").await, stranger.get("/health").await];
    let mut pages = world.pages();
    pages.extend([
        style,
        "/live?view=unknown".to_owned(),
        "/tasks?stage=unknown".to_owned(),
        "/%ff".to_owned(),
    ]);
    for page in pages {
        answers.push(browser.get(&page).await);
    }
    for answer in answers {
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(
            policy.contains("frame-ancestors 'none'")
                && policy.contains("base-uri 'none'")
                && !policy.contains("unsafe")
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert!(answer.header("access-control-allow-origin").is_empty());
        let is_kept = answer.header("cache-control").contains("immutable");
        assert!(
            is_kept == answer.header("content-type").starts_with("text/css")
                && (is_kept || answer.header("cache-control") == "no-store")
        );
    }
}

#[tokio::test]
async fn pages_need_nothing_from_elsewhere_and_have_no_code_of_their_own() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;

    for page in world.pages() {
        let body = browser.get(&page).await.body;
        for start in ["src=\"", "href=\"", "action=\""] {
            for rest in body.split(start).skip(1) {
                let is_ours = rest.starts_with(['/', '?', '#']) && !rest.starts_with("//");
                assert!(is_ours, "{page}: {start}{}", &rest[..rest.len().min(60)]);
            }
        }
        let has_handler = body
            .split(" on")
            .skip(1)
            .any(|rest| rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).starts_with('='));
        assert!(!body.contains("<script>") && !body.contains(" style=") && !has_handler, "{page}");
    }
}

#[tokio::test]
async fn the_token_and_the_session_are_on_no_page() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    let session = browser.cookies[0].split('=').nth(1).unwrap().to_owned();

    for page in world.pages() {
        let answer = browser.get(&page).await;
        assert!(!answer.body.contains(TOKEN) && !answer.body.contains(&session), "{page}");
        assert!(!format!("{:?}", answer.headers).contains(TOKEN), "{page}");
    }
}

#[tokio::test]
async fn a_form_without_the_sessions_word_does_nothing() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    let id = world.manager.cluster().tasks[1].task.task_id;
    let others_word = world.browser().await.get("/").await.hidden("csrf");

    for path in [
        &format!("/tasks/{id}/stop"),
        &format!("/tasks/{id}/rerun"),
        &format!("/tasks/{id}/delete"),
        "/logout",
        "/theme",
    ] {
        for csrf in ["", "x", &others_word] {
            let refused = browser.post(path, &[("csrf", csrf), ("theme", "dark")]).await;
            assert_eq!(refused.status, 403, "{path}");
        }
        let without = browser.post(path, &[("theme", "dark")]).await;
        assert_eq!(without.status, 403, "{path}");
    }

    assert_eq!(world.manager.cluster().deeds, Vec::<String>::new());
    assert_eq!(browser.get("/").await.status, 200);
}

#[tokio::test]
async fn another_sites_page_gets_nothing_even_with_our_cookies_and_words() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    let csrf = browser.get("/").await.hidden("csrf");
    let id = world.manager.cluster().tasks[1].task.task_id;
    let foreign: &[&[(&str, &str)]] = &[
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")],
        &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")],
    ];

    for headers in foreign {
        for (method, path) in [
            (Method::POST, format!("/tasks/{id}/stop")),
            (Method::GET, "/live?view=overview".to_owned()),
            (Method::GET, "/".to_owned()),
        ] {
            let mut request =
                browser.request(method, &path).header("content-type", "application/x-www-form-urlencoded");
            for (name, value) in *headers {
                request = request.header(*name, *value);
            }
            assert_eq!(answer(request.body(format!("csrf={csrf}"))).await.status, 403, "{headers:?} {path}");
        }
    }
    let navigation = browser
        .request(Method::POST, &format!("/tasks/{id}/stop"))
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", "navigate");
    assert_eq!(answer(navigation).await.status, 403);

    assert_eq!(world.manager.cluster().deeds, Vec::<String>::new());
}

#[tokio::test]
async fn a_link_from_another_site_finds_its_way_to_the_page() {
    let world = World::start(sample::cluster()).await;
    let (browser, stranger) = (world.browser().await, world.stranger());
    let link = |browser: &crate::browser::Browser| {
        browser
            .request(Method::GET, "/tasks?stage=running")
            .header("sec-fetch-site", "cross-site")
            .header("sec-fetch-mode", "navigate")
    };

    // a browser keeps its cookies back here, so it comes as a stranger
    let first = answer(link(&stranger)).await;

    assert!(first.status == 200 && first.body.contains("url=/tasks?stage=running"), "{}", first.body);
    assert_eq!(browser.get("/tasks?stage=running").await.status, 200);
}

#[tokio::test]
async fn packed_bodies_and_overlong_forms_are_refused() {
    let world = World::start(empty()).await;
    let browser = world.browser().await;

    for encoding in ["br", "gzip", "deflate", "zstd", "identity, gzip"] {
        let request = browser.request(Method::POST, "/login").header("content-encoding", encoding);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(vec![0; 850]);
        assert_eq!(answer(request).await.status, 415, "{encoding}");
    }
    let long = browser.post("/login", &[("token", &"x".repeat(300 << 10))]).await;
    assert_eq!(long.status, 413);
}

#[tokio::test]
async fn downloads_are_never_shown_as_pages() {
    let mut cluster = sample::cluster();
    let id = cluster.tasks[0].task.task_id.to_string();
    cluster.logs.insert((id.clone(), "load".to_owned(), 3), b"<script>alert(1)</script>".to_vec());
    let world = World::start(cluster).await;
    let browser = world.browser().await;

    for (path, content_type, name) in [
        ("actions/load/attempts/3/log", "text/plain; charset=utf-8", format!("{id}.load.3.log")),
        ("input.json", "application/json", format!("{id}.input.json")),
        ("actions/fetch/output.json", "application/json", format!("{id}.fetch.output.json")),
    ] {
        let answer = browser.get(&format!("/tasks/{id}/{path}")).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, content_type), "{path}");
        assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"{name}\""));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    assert_eq!(browser.get(&format!("/tasks/{id}/actions/none/output.json")).await.status, 404);
}
