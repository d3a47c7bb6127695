//! What is large does not slow a page down: only what is on the screen is in it, and only what has changed is touched.

use serde_json::{Value, json};

use crate::browser::{Browser, Refused};
use crate::common::write_app;
use crate::world::World;

/// Leaves a few megabytes of output: many lines, one long string, nesting, a number that no parser keeps.
const LEAVE: &str = r#"
rows=$(awk 'BEGIN { for (i = 1; i <= 40000; i++) printf "%s{\"id\": %d, \"name\": \"row \\\"%d\\\"\", \"value\": 1.50}", (i > 1 ? "," : ""), i, i }')
long=$(head -c 300000 /dev/zero | tr '\0' x)
deep=$(head -c 50 /dev/zero | tr '\0' '[')$(head -c 50 /dev/zero | tr '\0' ']')
printf '{"data": {"rows": [%s], "long": "%s", "deep": %s, "big": 12345678901234567890}}' "$rows" "$long" "$deep" > "$1/output.data"
"#;

#[tokio::test]
async fn json_of_megabytes_is_looked_into_without_being_in_the_page() {
    let Some(world) = World::start(&["--slots", "2"]).await else { return };
    world.sign_in().await;
    let manifest = json!({"actions": [{"name": "leave", "main": "bash leave.sh"}]}).to_string();
    let files = [("configuration.json", manifest.as_str()), ("leave.sh", LEAVE)];
    let directory = write_app(&world.cluster.path("large"), &files);
    world.cluster.lp(&["app", "create", "-f", directory.to_str().unwrap(), "-n", "large"]).ok();
    let done = world.cluster.lp(&["task", "create", "-a", "large", "-r"]).ok().json();
    let task = done["task_id"].as_str().unwrap().to_owned();
    world.cluster.lp(&["task", "wait", &task]).ok();
    let browser = &world.browser;
    browser.open(&format!("/tasks/{task}?action=leave&show=output")).await;
    browser.find(".jsonview > button").await;
    // by hand: the page is still being put in place above it
    browser.script("document.querySelector('.jsonview > button').click()", Vec::new()).await;
    // five lines of each row, the brackets of the deep one, and what is around
    browser.says_in(".jsonview .facts-line", "200,1").await;

    let shape = script(
        browser,
        "const facts = () => document.querySelector('.jsonview .facts-line').textContent;
         while (facts().startsWith('reading')) await new Promise((go) => setTimeout(go, 20));
         const box = document.querySelector('.lines.json');
         box.scrollTop = box.scrollHeight;
         await new Promise((go) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(go)), 50));
         return { lines: box.querySelectorAll('.line').length, text: box.textContent.length, end: box.textContent };",
    )
    .await;
    assert!(shape["lines"].as_u64().unwrap() < 300, "{shape}");
    assert!(shape["text"].as_u64().unwrap() < 100_000, "{}", shape["text"]);
    let end = shape["end"].as_str().unwrap();
    assert!(end.contains("12345678901234567890"), "{end}");

    let copied = script(
        browser,
        "let text = '';
         Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (all) => { text = all; } }, configurable: true });
         [...document.querySelectorAll('.jsonview .bar button')].find((one) => one.textContent === 'copy').click();
         await new Promise((go) => setTimeout(go));
         const raw = await (await fetch(document.querySelector('[data-json-view]').dataset.url)).text();
         const value = JSON.parse(text);
         return { same: text === raw, rows: value.data.rows.length, long: value.data.long.length, size: text.length };",
    )
    .await;
    assert_eq!(
        (copied["same"].clone(), copied["rows"].clone(), copied["long"].clone()),
        (json!(true), json!(40_000), json!(300_000))
    );
    assert!(copied["size"].as_u64().unwrap() > 2_000_000, "{copied}");

    let folded = script(
        browser,
        "const box = document.querySelector('.lines.json');
         box.scrollTop = 0;
         await new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)));
         // the second line opens `data`
         box.querySelector('.line [data-line=\"1\"]').click();
         await new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)));
         return { lines: box.querySelectorAll('.line').length, text: box.textContent };",
    )
    .await;
    assert_eq!(folded["lines"], json!(3), "{folded}");
    assert_eq!(folded["text"].as_str().unwrap().matches("200,1").count(), 1, "{folded}");

    let deep = script(
        browser,
        "const lines = new lp.JsonLines('['.repeat(100000) + ']'.repeat(100000));
         while (!lines.read(50)) ;
         return [lines.count, lines.closing[0], lines.indent(99999)];",
    )
    .await;
    assert_eq!(deep, json!([199_999, 199_998, 64]));
    browser.is_clean(Refused::No).await;
    world.end().await;
}

/// Runs the body of an asynchronous function in the page.
async fn script(browser: &Browser, body: &str) -> Value {
    let code = format!(
        "const done = arguments[arguments.length - 1]; (async () => {{ {body} }})().then(done, (error) => done(String(error)));"
    );
    browser.client.execute_async(&code, Vec::new()).await.expect("the script runs")
}
