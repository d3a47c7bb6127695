//! Uploads by a browser whose line breaks, whose page is reloaded, and whose viewer and manager are killed.

use std::path::Path;

use crate::browser::Refused;
use crate::common::gate::Gate;
use crate::common::{Cluster, large_archive};
use crate::world::{World, word};

const SIZE: usize = 12 << 20;
const HALF: u64 = 6 << 20;

/// What may be sent twice: pages, and the piece that was on its way. Pieces grow from 1 MiB to twice as much each.
const SLACK: u64 = 5 << 20;

#[tokio::test]
async fn an_upload_goes_on_whatever_happens() {
    let cluster = Cluster::up();
    let gate = Gate::before(port_of(&cluster));
    let Some(mut world) = World::at(cluster, &gate.url()).await else { return };
    world.sign_in().await;
    goes_on_by_itself(&world, &gate).await;
    keeps_what_is_typed_and_sent(&world, &gate).await;
    goes_on_after_a_reload(&world, &gate).await;
    goes_on_after_a_restart(&mut world, &gate).await;
    can_be_cancelled(&world, &gate).await;
    world.end().await;
}

async fn goes_on_by_itself(world: &World, gate: &Gate) {
    let browser = &world.browser;
    browser.open("/apps/new").await;
    begin(world, gate, &archive(world, "first")).await;
    browser.fill("#f-description", "typed meanwhile").await;
    gate.shut();
    browser.says_in(".sending .told", "Interrupted. The viewer does not answer.").await;
    browser.says_in(".sending .amount", "of 12.0 MiB").await;
    gate.allow(u64::MAX);
    gate.open();

    browser.says_in("h1", "first").await;

    browser.says("typed meanwhile").await;
    assert!(gate.passed() < SIZE as u64 - HALF + SLACK, "{} bytes were sent again", gate.passed());
    let left = browser.script("return localStorage.getItem('lp.uploads')", vec![]).await;
    assert_eq!(left, "[]", "it is forgotten when it is done");
    browser.forget().await;
}

async fn keeps_what_is_typed_and_sent(world: &World, gate: &Gate) {
    let browser = &world.browser;
    browser.open("/apps/new").await;
    choose(world, &archive(world, "second")).await;
    browser.fill("#f-name", "first").await;
    browser.press("Upload").await;
    browser.says_in("#f-name-error", "taken").await;
    gate.allow(u64::MAX);
    browser.fill("#f-name", "second").await;
    browser.press("Upload").await;

    browser.says_in("h1", "second").await;

    assert!(gate.passed() < SLACK, "{} bytes were sent again", gate.passed());
    browser.is_clean(Refused::Some).await;
}

async fn goes_on_after_a_reload(world: &World, gate: &Gate) {
    let browser = &world.browser;
    let page = format!("{}/upload", browser.place().await);
    let archive = archive(world, "third");
    browser.open(&page).await;
    begin(world, gate, &archive).await;
    gate.shut();
    browser.says_in(".sending .told", "Interrupted").await;
    browser.client.goto("about:blank").await.expect("a page of the browser's own");
    gate.allow(u64::MAX);
    gate.open();
    browser.forget().await;

    browser.open(&page).await;
    browser.says_in(".stopped", "“third.tar” stopped at").await;
    choose(world, &archive).await;
    browser.says_in(".chosen", "it goes on at").await;
    browser.press("Upload").await;

    browser.says_in("tr.open", "2").await;
    assert!(gate.passed() < SIZE as u64 - HALF + SLACK, "{} bytes were sent again", gate.passed());
    browser.is_clean(Refused::No).await;
}

async fn goes_on_after_a_restart(world: &mut World, gate: &Gate) {
    world.browser.open("/venvs/new").await;
    begin(world, gate, &archive(world, "fourth")).await;
    gate.shut();
    world.cluster.kill_up();
    world.cluster.start_up();
    gate.lead_to(port_of(&world.cluster));
    gate.allow(u64::MAX);
    gate.open();
    let browser = &world.browser;
    browser.says_in(".sending .told", "you are signed out").await;
    browser.press("Sign in").await;
    let windows = browser.client.windows().await.expect("its windows");
    let page = browser.client.window().await.expect("the page's window");
    let other = windows.into_iter().find(|window| *window != page).expect("another window");
    browser.client.switch_to_window(other).await.expect("the other window");
    browser.fill("#token", &world.token).await;
    browser.press("Sign in").await;
    browser.find(".places").await;
    browser.client.close_window().await.expect("it can be closed");
    browser.client.switch_to_window(page).await.expect("the page's window");

    browser.says_in("h1", "fourth").await;

    assert!(gate.passed() < SIZE as u64 - HALF + SLACK, "{} bytes were sent again", gate.passed());
    browser.forget().await;
}

async fn can_be_cancelled(world: &World, gate: &Gate) {
    let browser = &world.browser;
    browser.open("/apps/new").await;
    begin(world, gate, &archive(world, "fifth")).await;
    browser.press("Cancel").await;
    gate.open();

    browser.find(".actions button:not(:disabled)").await;
    browser.find(".sending[hidden]").await;
    let uploads = world.cluster.data().join("manager/blobs/uploads");
    let is_gone = || {
        std::fs::read_dir(&uploads).is_ok_and(|mut files| {
            !files.any(|file| {
                file.is_ok_and(|file| file.path().extension().is_some_and(|ending| ending == "part"))
            })
        })
    };
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while !is_gone() {
        assert!(tokio::time::Instant::now() < deadline, "it is still there");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    browser.is_clean(Refused::Some).await;
}

/// Chooses a file and sends half of it.
async fn begin(world: &World, gate: &Gate, archive: &Path) {
    choose(world, archive).await;
    gate.allow(HALF);
    world.browser.press("Upload").await;
    gate.wait_for(HALF);
}

async fn choose(world: &World, archive: &Path) {
    let field = world.browser.find("#f-file").await;
    field.send_keys(archive.to_str().unwrap()).await.expect("a file can be chosen");
}

fn archive(world: &World, name: &str) -> std::path::PathBuf {
    large_archive(&world.cluster.path("."), name, SIZE + name.len())
}

fn port_of(cluster: &Cluster) -> u16 {
    word(cluster, "viewer").rsplit(':').next().unwrap().parse().unwrap()
}
