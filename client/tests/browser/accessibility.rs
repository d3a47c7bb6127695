//! axe-core on every page: no violation of WCAG A and AA. `cargo xtask test` fetches it into `target/axe`; it is never a part of what is shipped.

use serde_json::{Value, json};

use crate::browser::Refused;
use crate::common::repository;
use crate::pages;
use crate::seeded;
use crate::world::World;

/// The script, or None with a loud word where it was not fetched.
fn axe() -> Option<String> {
    let path = repository().join("target/axe/node_modules/axe-core/axe.min.js");
    if let Ok(script) = std::fs::read_to_string(&path) {
        return Some(script);
    }
    let is_ci =
        std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0");
    assert!(!is_ci, "{} is missing: `cargo xtask test` fetches it", path.display());
    eprintln!("LEFT OUT: {} is missing: `cargo xtask test` fetches it", path.display());
    None
}

#[tokio::test]
async fn every_page_can_be_used_by_everybody() {
    let Some(axe) = axe() else { return };
    let Some(world) = World::start(&["--slots", "2"]).await else { return };
    let mut found = Vec::new();
    world.browser.open("/login").await;
    found.extend(check(&world, &axe, "login").await);
    world.sign_in().await;
    for path in ["/apps", "/workflows", "/schedules", "/services", "/venvs"] {
        world.browser.open(path).await;
        found.extend(check(&world, &axe, &format!("empty {path}")).await);
    }
    seeded::fill(&world.cluster);
    for (name, path) in pages::of(&world.cluster) {
        world.browser.open(&path).await;
        found.extend(check(&world, &axe, &name).await);
    }
    found.extend(of_tokens(&world, &axe).await);
    world.browser.is_clean(Refused::Some).await;

    assert!(found.is_empty(), "{} violations:\n{}", found.len(), found.join("\n"));
    world.end().await;
}

/// The page with a secret, which no address leads to, and what a reader sees.
async fn of_tokens(world: &World, axe: &str) -> Vec<String> {
    let browser = &world.browser;
    browser.open("/tokens/new").await;
    browser.fill("#f-name", "looker").await;
    browser.press("Make the token").await;
    let secret = browser.find(".secret code").await.text().await.expect("a secret");
    let mut found = check(world, axe, "token-made").await;
    browser.open("/login").await;
    browser.fill("#token", &secret).await;
    browser.press("Sign in").await;
    browser.find(".access-note").await;
    for path in ["/", "/tasks", "/account", "/apps/new"] {
        browser.open(path).await;
        found.extend(check(world, axe, &format!("reader {path}")).await);
    }
    found
}

/// Violations of the page that is open, in both themes.
async fn check(world: &World, axe: &str, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    world.browser.script(axe, vec![]).await;
    for theme in ["light", "dark"] {
        let script = "document.documentElement.dataset.theme = arguments[0];
            const done = arguments[arguments.length - 1];
            const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
            // only colours differ between the themes
            const colours = {type: 'rule', values: ['color-contrast', 'link-in-text-block']};
            axe.run(document, {runOnly: arguments[0] === 'light' ? tags : colours})
                .then((r) => done(r.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200) + ' ' + n.failureSummary).join(' | ')}`)),
                      (e) => done([String(e)]));";
        let answer = world.browser.client.execute_async(script, vec![json!(theme)]).await.expect("axe runs");
        let violations = answer.as_array().cloned().unwrap_or_default();
        found.extend(
            violations.iter().filter_map(Value::as_str).map(|text| format!("{name} ({theme}): {text}")),
        );
    }
    found
}
