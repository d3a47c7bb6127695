//! What a person does in a day: sign in, upload, run, watch, fail, read why, recover, roll back, automate, drain, stop, sign out.

use crate::browser::Refused;
use crate::world::World;

/// Two actions: one that talks for a while, one that fails until a file is there.
fn app(words: &str) -> Vec<(&'static str, String)> {
    let manifest = r#"{"actions": [
        {"name": "fetch", "main": "sh fetch.sh"},
        {"name": "load", "condition": ["fetch"], "main": "sh load.sh"}
    ]}"#;
    vec![
        ("configuration.json", manifest.to_owned()),
        ("fetch.sh", format!("for n in 1 2 3 4 5 6; do echo \"{words} $n\"; sleep 0.5; done\n")),
        (
            "load.sh",
            "flag=$(sed -n 's/.*\"flag\": *\"\\([^\"]*\\)\".*/\\1/p' \"$1/input.data\")\n\
             [ -e \"$flag\" ] && echo loaded > \"$1/rows.txt\" && exit 0\n\
             echo \"rows are missing in the warehouse\"; exit 3\n"
                .to_owned(),
        ),
    ]
}

#[tokio::test]
async fn a_person_can_do_everything_in_the_browser() {
    let Some(world) = World::start(&["--slots", "2"]).await else { return };
    let flag = world.cluster.path("flag");
    sign_in(&world).await;
    upload(&world).await;
    run_fail_and_recover(&world, &flag).await;
    roll_back(&world).await;
    workflow(&world).await;
    schedule(&world).await;
    service(&world).await;
    node(&world).await;
    tokens(&world).await;
    sign_out(&world).await;
    world.end().await;
}

async fn sign_in(world: &World) {
    let browser = &world.browser;
    browser.open("/apps").await;
    browser.fill("#token", "lp_wrong").await;
    browser.press("Sign in").await;
    browser.says("does not know this token").await;
    browser.is_clean(Refused::Some).await;
    browser.fill("#token", &world.token).await;
    browser.press("Sign in").await;
    // where one wanted to go
    browser.says("No applications yet").await;
    assert_eq!(browser.place().await, "/apps");
    browser.is_clean(Refused::Some).await;
}

fn files(words: &str) -> Vec<(&'static str, String)> {
    app(words)
}

fn borrowed<'a>(files: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    files.iter().map(|(name, text)| (*name, text.as_str())).collect()
}

async fn upload(world: &World) {
    let browser = &world.browser;
    let broken = world.archive("broken", &[("configuration.json", "{\"actions\": [{\"name\": \"a\"}]}")]);
    browser.press("Upload an application").await;
    browser.fill("#f-name", "etl").await;
    browser.fill("#f-description", "Loads the day's rows").await;
    browser.find("#f-file").await.send_keys(broken.to_str().unwrap()).await.unwrap();
    browser.says("lp app create -f FILE -n etl -d 'Loads the day").await;
    browser.press("Upload").await;
    // the manager's own words, beside the file, and what was typed is still there
    browser.says_in("#f-file-error", "main").await;
    assert_eq!(browser.script("return document.querySelector('#f-name').value", vec![]).await, "etl");
    browser.is_clean(Refused::Some).await;

    let files = files("reading row");
    let good = world.archive("etl", &borrowed(&files));
    browser.find("#f-file").await.send_keys(good.to_str().unwrap()).await.unwrap();
    browser.press("Upload").await;
    browser.says_in("h1", "etl").await;
    browser.says("fetch").await;
    browser.says("It has not run yet").await;
    browser.is_clean(Refused::Some).await;
}

async fn run_fail_and_recover(world: &World, flag: &std::path::Path) {
    let browser = &world.browser;
    browser.press("Run…").await;
    browser.fill("#f-input", "{\"flag\":").await;
    browser.says_in("#f-input-error", "JSON").await;
    browser.fill("#f-input", &format!("{{\"flag\": \"{}\"}}", flag.display())).await;
    browser.fill("#f-name", "the day's load").await;
    browser.press("Run it").await;
    // graph and log go live
    browser.says_in("h1", "the day's load").await;
    browser.says("reading row 1").await;
    browser.says_in(".graph", "fetch").await;
    browser.says("rows are missing in the warehouse").await;
    browser.says_in(".badge", "fail").await;
    browser.says("exit code 3").await;
    browser.is_clean(Refused::No).await;

    std::fs::write(flag, "").unwrap();
    browser.do_and_confirm("Recover", "Recover").await;
    browser.says_in(".badge", "success").await;
    browser.is_clean(Refused::No).await;
    times(world).await;
    workspace(world).await;
}

async fn times(world: &World) {
    let browser = &world.browser;
    let task = browser.place().await.split('?').next().unwrap().to_owned();
    browser.open(&format!("{task}?action=fetch")).await;
    browser.says_in(".lines", "reading row 6").await;
    let shown = "return [...document.querySelectorAll('.lines .line .t')].map((one) => `${one.textContent} ${one.title}`)";
    let shown =
        async || -> Vec<String> { serde_json::from_value(browser.script(shown, vec![]).await).unwrap() };
    assert!(shown().await.is_empty());

    browser.press("Times").await;
    browser.find(".lines .line:last-child .t[title]").await;
    let by_clock = shown().await;
    let is_moment =
        |text: &String| text.chars().nth(2) == Some(':') && text.contains("written at most 0.1 s before");
    assert!(by_clock.len() == 6 && by_clock.iter().all(is_moment), "{by_clock:?}");
    assert!(by_clock.is_sorted(), "{by_clock:?}");

    browser.press("Clock times").await;
    browser.find(".lines .line:last-child .t[data-how=start][title]").await;
    let since = shown().await;
    let seconds = |text: &String| text[2..6].parse::<f64>().unwrap();
    let (first, last) = (seconds(&since[0]), seconds(&since[5]));
    // half a second between two lines
    assert!(since.is_sorted() && last - first >= 2.3, "{since:?}");

    browser.press("Since start").await;
    assert!(shown().await.is_empty());

    browser.fill(".log-bar input[type=search]", "ROW 3").await;
    browser.says_in(".hits", "1 of 1").await;
    browser.fill(".log-bar input[type=search]", "no such row").await;
    browser.says_in(".hits", "nothing found").await;
    browser.is_clean(Refused::No).await;
}

async fn workspace(world: &World) {
    let browser = &world.browser;
    let task = browser.place().await.split('?').next().unwrap().to_owned();
    browser.open(&format!("{task}?action=load")).await;
    browser.press("Workspace").await;
    browser.says("rows.txt").await;
    browser.press("rows.txt").await;
    browser.says("loaded").await;
    browser.is_clean(Refused::No).await;
}

async fn roll_back(world: &World) {
    let browser = &world.browser;
    browser.open("/apps").await;
    browser.press("etl").await;
    browser.press("New version…").await;
    let files = files("READING ROW");
    let next = world.archive("next", &borrowed(&files));
    browser.find("#f-file").await.send_keys(next.to_str().unwrap()).await.unwrap();
    browser.press("Upload").await;
    browser.says_in("tr.open", "2").await;
    browser.press("since 1").await;
    browser.says("fetch.sh").await;
    browser.press("All versions").await;
    browser.do_and_confirm("Roll back…", "Activate version 1").await;
    browser.says_in("tr.open td.name", "1").await;
    browser.says("active").await;
    browser.is_clean(Refused::No).await;
}

async fn workflow(world: &World) {
    let browser = &world.browser;
    browser.open("/workflows/new").await;
    browser.fill("#f-name", "daily").await;
    browser.fill("#f-definition", "applications:\n- name: one\n  app: nowhere\n").await;
    browser.press("Create it").await;
    browser.says_in("#f-definition-error", "nowhere").await;
    browser.is_clean(Refused::Some).await;
    let definition = "applications:\n- name: one\n  app: etl\n- name: two\n  app: etl\n  condition: [one]\n";
    browser.fill("#f-definition", definition).await;
    browser.press("Create it").await;
    browser.says_in(".graph", "two").await;
    browser.press("Run…").await;
    let flag = world.cluster.path("flag");
    browser.fill("#f-input", &format!("{{\"flag\": \"{}\"}}", flag.display())).await;
    browser.press("Run it").await;
    browser.says_in("h1", "success").await;
    browser.press("one").await;
    browser.says_in("h1", "one").await;
    browser.is_clean(Refused::Some).await;
}

async fn schedule(world: &World) {
    let browser = &world.browser;
    browser.open("/schedules/new").await;
    browser.fill("#f-name", "nightly").await;
    browser.choose("#f-runs", "workflow daily").await;
    browser.fill("#f-tz", "Europe/Berlin").await;
    browser.fill("#f-cron", "61 * * * *").await;
    browser.says_in(".preview", "minute cannot be").await;
    browser.fill("#f-cron", "40 12 * * 1-5").await;
    // words and instants change while one types
    browser.says_in(".preview", "at 12:40, Monday to Friday").await;
    assert_eq!(browser.script("return document.querySelectorAll('.coming li').length", vec![]).await, 10);
    browser.says("--cron '40 12").await;
    browser.press("Create it").await;
    browser.says("at 12:40, Monday to Friday").await;
    browser.do_and_confirm("Trigger now…", "Trigger the schedule").await;
    browser.says_in(".instants", "fired").await;
    browser.says_in(".instants", "by hand").await;
    browser.do_and_confirm("Disable…", "Disable the schedule").await;
    browser.says_in("h1", "disabled").await;
    browser.is_clean(Refused::No).await;
}

async fn service(world: &World) {
    let browser = &world.browser;
    let files = [
        ("configuration.json", r#"{"actions": [{"name": "serve", "main": "sh serve.sh"}]}"#),
        ("serve.sh", "echo listening; exec sleep 600\n"),
    ];
    let archive = world.archive("server", &files);
    world.cluster.lp(&["app", "create", "-f", archive.to_str().unwrap(), "-n", "server"]).ok();
    browser.open("/services/new").await;
    browser.fill("#f-name", "web").await;
    browser.choose("#f-app", "server").await;
    browser.press("Create it").await;
    browser.says_in("h1", "running").await;
    browser.says_in("[data-part=said]", "listening").await;
    browser.do_and_confirm("Stop…", "Stop the service").await;
    browser.says_in("h1", "disabled").await;
    browser.is_clean(Refused::No).await;
}

async fn node(world: &World) {
    let browser = &world.browser;
    browser.open("/nodes").await;
    browser.press("Drain…").await;
    browser.says_in("dialog[open]", "It gets nothing new").await;
    browser.press("Leave it").await;
    browser.do_and_confirm("Drain…", "Drain the node").await;
    browser.says_in(".badge", "drained").await;
    browser.do_and_confirm("Undrain…", "Undrain the node").await;
    browser.says_in(".badge", "connected").await;
    browser.open("/nodes/join").await;
    browser.press("Make the token").await;
    browser.says("LP_JOIN_TOKEN=").await;
    browser.is_clean(Refused::No).await;
}

async fn tokens(world: &World) {
    let browser = &world.browser;
    browser.open("/account").await;
    browser.press("Tokens").await;
    browser.press("New token").await;
    browser.fill("#f-name", "dashboard").await;
    browser.says("lp token create -n dashboard --role reader").await;
    browser.press("Make the token").await;
    let secret = browser.find(".secret code").await.text().await.unwrap();
    assert!(secret.starts_with("lp_"), "{secret}");
    // in no address, and gone when the page is loaded again
    assert_eq!(browser.place().await, "/tokens");
    browser.client.refresh().await.unwrap();
    browser.says_in(".tokens", "dashboard").await;
    assert!(!browser.client.source().await.unwrap().contains(&secret));
    browser.is_clean(Refused::No).await;

    browser.open("/login").await;
    browser.fill("#token", &secret).await;
    browser.press("Sign in").await;
    browser.says("signed in with a reader's token").await;
    browser.open("/apps").await;
    browser.says_in(".list", "etl").await;
    let offered = "return [...document.querySelectorAll('main a, .page-actions a')].filter((a) => a.offsetParent && /\\/(new|run)$/.test(a.href)).length";
    assert_eq!(browser.script(offered, vec![]).await, 0);
    browser.open("/apps/new").await;
    browser.says("role administrator").await;
    browser.open("/tasks").await;
    browser.find("#health[data-state=live]").await;
    world.cluster.lp(&["token", "revoke", "dashboard", "-y"]).ok();
    // the open page is told, and the next one is the form to sign in with
    browser.says("Your token was revoked or has expired").await;
    browser.open("/tasks").await;
    browser.find("#token").await;
    browser.is_clean(Refused::Some).await;

    world.sign_in().await;
    let made = world.cluster.lp(&["token", "create", "ci", "--role", "administrator"]).ok();
    let with_it = || world.cluster.command(&["status"]).env("LP_TOKEN", made.text()).output().unwrap();
    assert!(with_it().status.success());
    browser.open("/tokens").await;
    browser.do_and_confirm("Revoke…", "Revoke the token").await;
    world.cluster.until(|_| (with_it().status.code() == Some(4)).then_some(()));
    assert!(!world.cluster.lp(&["token", "list", "-o", "name"]).ok().text().contains("ci"));
    browser.is_clean(Refused::No).await;
}

async fn sign_out(world: &World) {
    let browser = &world.browser;
    browser.open("/account").await;
    browser.says("administrator").await;
    browser.do_and_confirm("Sign out everywhere…", "Sign out everywhere").await;
    browser.find("#token").await;
    browser.open("/tasks").await;
    browser.find("#token").await;
    browser.is_clean(Refused::Some).await;
}
