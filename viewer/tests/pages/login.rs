//! Who gets in, how, and for how long.

use std::time::Duration;

use reqwest::Method;

use crate::browser::{Browser, answer};
use crate::fake::{TOKEN, sample};
use crate::world::{World, empty};

#[tokio::test]
async fn whoever_is_not_signed_in_sees_the_login_form_and_nothing_else() {
    let world = World::start(sample::cluster()).await;
    let stranger = world.stranger();

    let mut pages = world.pages();
    pages.extend(
        ["/live?view=overview", "/static/x", "//", "/login/", "/theme", "/tasks/x/actions/y/attempts/1/log"]
            .map(str::to_owned),
    );
    for page in pages {
        let answer = stranger.get(&page).await;
        assert_eq!(answer.status, 401, "{page}");
        for secret in ["ryzen", "nightly", "resnet", "Needs attention"] {
            assert!(!answer.body.contains(secret), "{page}");
        }
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::HEAD] {
        assert_eq!(answer(stranger.request(method.clone(), "/tasks")).await.status, 401, "{method}");
    }
    assert_eq!(stranger.get("/health").await.body, "ok\n");
}

#[tokio::test]
async fn a_login_link_signs_one_browser_in_once() {
    let world = World::start(sample::cluster()).await;
    let link = world.viewer.login_url().unwrap();
    let mut browser = world.stranger();

    let first = browser.get(&format!("{link}&next=/nodes")).await;
    browser.keep(&first);
    let second = world.stranger().get(&link).await;

    assert!(first.status == 200 && first.body.contains("url=/nodes"), "{}", first.body);
    assert_eq!(browser.get("/nodes").await.status, 200);
    assert!(second.status == 403 && second.body.contains("has been used"), "{}", second.body);
    assert!(!second.header("set-cookie").contains("lp_session"));
}

#[tokio::test]
async fn without_a_token_of_its_own_a_viewer_gives_out_no_links() {
    let world = World::with(empty(), |config| config.token = None).await;

    assert!(world.viewer.login_url().is_none());
    assert_eq!(world.stranger().get("/login?code=").await.status, 403);
}

async fn sign_in(browser: &mut Browser, token: &str, next: &str) -> crate::browser::Answer {
    let form = browser.get("/login").await;
    browser.keep(&form);
    let csrf = form.hidden("csrf");
    let answer = browser.post("/login", &[("csrf", &csrf), ("token", token), ("next", next)]).await;
    browser.keep(&answer);
    answer
}

#[tokio::test]
async fn a_token_the_manager_knows_signs_in_and_another_does_not() {
    let world = World::start(sample::cluster()).await;
    let mut browser = world.stranger();

    for wrong in ["lp_wrong", "", "new\nline", &"x".repeat(5000)] {
        let refused = sign_in(&mut browser, wrong, "/").await;
        assert!(
            refused.status == 403 && refused.body.contains("does not know this token"),
            "{}",
            refused.body
        );
        assert_eq!(browser.get("/").await.status, 401);
    }
    let entered = sign_in(&mut browser, &format!(" {TOKEN}\n"), "/tasks?stage=running").await;

    assert!(entered.status == 200 && entered.body.contains("url=/tasks?stage=running"), "{}", entered.body);
    assert_eq!(browser.get("/").await.status, 200);
}

#[tokio::test]
async fn the_session_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let world = World::start(empty()).await;

    let answer = world.stranger().get(&world.viewer.login_url().unwrap()).await;

    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with(&format!("lp_session_{}=", world.viewer.address.port())), "{cookie}");
    assert!(
        cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict") && cookie.contains("; Path=/"),
        "{cookie}"
    );
    assert!(!cookie.contains("Secure") && !cookie.contains(TOKEN), "{cookie}");
}

#[tokio::test]
async fn behind_a_tls_proxy_cookies_are_for_encrypted_connections_and_links_have_its_name() {
    let world =
        World::with(empty(), |config| config.public_url = Some("https://lp.example/".to_owned())).await;
    let link = world.viewer.login_url().unwrap();
    let path = link.strip_prefix("https://lp.example").unwrap();

    let request = world.stranger().request(Method::GET, path).header("host", "lp.example");
    let entered = answer(request).await;

    assert!(entered.header("set-cookie").contains("; Secure"));
}

#[tokio::test]
async fn the_login_form_works_only_with_its_hidden_word() {
    let world = World::start(empty()).await;
    let mut browser = world.stranger();
    let form = browser.get("/login").await;
    let csrf = form.hidden("csrf");

    let without_cookie = browser.post("/login", &[("csrf", &csrf), ("token", TOKEN)]).await;
    browser.keep(&form);
    let without_word = browser.post("/login", &[("token", TOKEN)]).await;
    let with_another = browser.post("/login", &[("csrf", &"0".repeat(64)), ("token", TOKEN)]).await;

    for refused in [without_cookie, without_word, with_another] {
        assert_eq!(refused.status, 403);
        assert!(!refused.header("set-cookie").contains("lp_session"));
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_everywhere() {
    let world = World::start(empty()).await;
    let browser = world.browser().await;
    let csrf = browser.get("/").await.hidden("csrf");

    let answer = browser.post("/logout", &[("csrf", &csrf)]).await;

    assert_eq!((answer.status, answer.header("location")), (303, "/login"));
    assert_eq!(browser.get("/").await.status, 401);
}

#[tokio::test]
async fn a_session_that_is_not_used_expires() {
    let world = World::with(empty(), |config| config.session_idle = Duration::from_nanos(1)).await;
    let browser = world.browser().await;

    assert_eq!(browser.get("/").await.status, 401);
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_its_sessions_for_good() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;

    world.manager.cluster().is_token_revoked = true;
    let page = browser.get("/tasks").await;
    world.manager.cluster().is_token_revoked = false;

    assert!(page.status == 401 && page.body.contains("API token"));
    assert_eq!(browser.get("/tasks").await.status, 401);
}

#[tokio::test]
async fn whoever_guesses_has_to_wait() {
    let world = World::start(empty()).await;
    let mut browser = world.stranger();

    for n in 0..10 {
        assert_eq!(sign_in(&mut browser, &format!("lp_{n}"), "/").await.status, 403);
    }

    let refused = sign_in(&mut browser, TOKEN, "/").await;
    assert!(refused.status == 429 && refused.body.contains("Try again in"), "{}", refused.body);
    assert_eq!(browser.get("/login?code=x").await.status, 429);
}

#[tokio::test]
async fn signing_in_goes_on_to_our_own_pages_only() {
    let world = World::start(empty()).await;

    for next in ["https://evil.example", "//evil.example", "/%5Cevil.example", "javascript:alert(1)"] {
        let link = format!("{}&next={next}", world.viewer.login_url().unwrap());
        let answer = world.stranger().get(&link).await;
        assert!(answer.body.contains("content=\"0;url=/\""), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_manager_that_is_away_is_not_a_wrong_token() {
    let world = World::with(empty(), |config| config.manager = Some("http://127.0.0.1:1".to_owned())).await;
    let mut browser = world.stranger();

    let answer = sign_in(&mut browser, TOKEN, "/").await;

    assert!(answer.status == 503 && answer.body.contains("annot reach the manager"), "{}", answer.body);
}
