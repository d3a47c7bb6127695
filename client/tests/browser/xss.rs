//! A stranger's names, descriptions, log lines, JSON values and file names: none of them runs.

use serde_json::json;

use crate::browser::{Browser, Refused};
use crate::common::write_app;
use crate::world::World;

/// Each would set the title to 1337 or call the canary if it ran.
const ATTACKS: [&str; 6] = [
    "<script>canary()</script>",
    "<img src=x onerror=canary()>",
    "\"><svg onload=canary()>",
    "' onmouseover='canary()' x='",
    "</textarea></title><script>canary()</script>",
    "{{7*7}}${7*7}<b>bold</b>",
];

#[tokio::test]
async fn nothing_a_stranger_has_written_runs() {
    let Some(world) = World::start(&["--slots", "2"]).await else { return };
    world.sign_in().await;
    let pages = poison(&world);
    for path in pages {
        let browser = &world.browser;
        browser.open(&path).await;
        has_not_run(browser, &path).await;
    }
    world.end().await;
}

/// Puts an attack into everything that takes a text, and returns the pages that show it.
fn poison(world: &World) -> Vec<String> {
    let (lp, all) = (|arguments: &[&str]| world.cluster.lp(arguments), ATTACKS.join(" "));
    let script = format!(
        "cat <<'END'\n{all}\n\u{1b}]0;{all}\u{7}\nEND\n: > \"$1/<img src=x onerror=canary()>.html\"\n\
        printf '%s' '{}' > \"$1/output.data\"\nprintf '<script>canary()</script>' > \"$1/page.html\"\nexit 1\n",
        json!({"data": {"<img src=x onerror=canary()>": "<script>canary()</script>"}})
    );
    let manifest = json!({"actions": [{"name": "act", "main": "sh act.sh"}, {"name": "b", "condition": ["act"], "main": "sh -c '<img onerror=canary()>' #"}]});
    let files = [("configuration.json", manifest.to_string()), ("act.sh", script)];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let directory = write_app(&world.cluster.path("evil"), &files);
    let app = directory.to_str().unwrap();
    let name = "<img src=x onerror=canary()>";
    lp(&["app", "create", "-f", app, "-n", name, "-d", &all]).ok();
    lp(&["venv", "create", "-f", app, "-n", name, "-d", &all]).ok();
    let input =
        json!({"<script>canary()</script>": all, "b": {"\"><svg onload=canary()>": [all]}}).to_string();
    lp(&["task", "create", "-a", name, "-n", &all, "-i", &input, "--wait"]);
    let definition = world.cluster.path("evil.json");
    std::fs::write(
        &definition,
        json!({"applications": [{"name": "<svg onload=canary()>", "app": name}]}).to_string(),
    )
    .unwrap();
    lp(&["workflow", "create", "-c", definition.to_str().unwrap(), "-n", name, "-d", &all]);
    std::fs::write(
        &definition,
        json!({"applications": [{"name": "a", "app": name, "input": {"x": all}}]}).to_string(),
    )
    .unwrap();
    lp(&["workflow", "create", "-c", definition.to_str().unwrap(), "-n", "evil", "-d", &all]).ok();
    lp(&["work", "create", "-w", "evil", "-n", name, "-i", &input, "--wait"]);
    lp(&["schedule", "create", "-n", name, "-a", name, "-H", "1", "-i", &input]).ok();
    lp(&["schedule", "trigger", name]).ok();
    lp(&["service", "create", "-n", name, "-a", name, "-d", &all, "-i", &input, "--delay", "60s", "-e"]).ok();
    lp(&["token", "create", name, "--role", "reader"]).ok();
    let id = |arguments: &[&str], key: &str| {
        let list = lp(arguments).ok().json();
        let first =
            list.as_array().or_else(|| list["items"].as_array()).and_then(|items| items.first().cloned());
        first.unwrap_or_default()[key].as_str().unwrap_or_default().to_owned()
    };
    let (app, venv) = (id(&["app", "list", "-r"], "app_id"), id(&["venv", "list", "-r"], "venv_id"));
    let (task, work) = (id(&["task", "list", "-r"], "task_id"), id(&["work", "list", "-r"], "work_id"));
    let (workflow, schedule) =
        (id(&["workflow", "list", "-r"], "workflow_id"), id(&["schedule", "list", "-r"], "schedule_id"));
    let service = id(&["service", "list", "-r"], "service_id");
    let mut pages: Vec<String> = [
        "/",
        "/tasks",
        "/apps",
        "/venvs",
        "/workflows",
        "/works",
        "/schedules",
        "/services",
        "/nodes",
        "/tokens",
    ]
    .map(str::to_owned)
    .into();
    let quoted = "%22%3E%3Cscript%3Ecanary()%3C/script%3E";
    for list in ["tasks", "apps", "venvs", "workflows", "works", "schedules", "services"] {
        pages.push(format!("/{list}?name={quoted}"));
        pages.push(format!("/{list}?name={quoted}&cursor={quoted}"));
        pages.push(format!("/{list}/{quoted}"));
    }
    for (place, id, rests) in [
        ("apps", &app, &["", "/run", "/edit", "/versions", "/delete", "/upload"][..]),
        ("venvs", &venv, &["", "/edit", "/versions", "/delete"]),
        (
            "tasks",
            &task,
            &[
                "",
                "?tab=timeline",
                "?tab=actions",
                "?tab=io",
                "?tab=history",
                "?action=act&attempt=1&show=workspace",
                "?action=act&attempt=1&show=workspace&file=page.html",
                "?action=act&attempt=1&show=why",
                "/again",
                "/delete",
                "/recover",
            ],
        ),
        ("works", &work, &["", "?tab=io", "/delete", "/rerun"]),
        ("workflows", &workflow, &["", "/edit", "/run", "/delete"]),
        ("schedules", &schedule, &["", "/edit", "/trigger", "/delete"]),
        ("services", &service, &["", "/edit", "/restart", "/delete"]),
    ] {
        pages.extend(rests.iter().map(|rest| format!("/{place}/{id}{rest}")));
    }
    pages.push(format!("/tokens?cursor={quoted}"));
    pages.push(format!("/tokens/{}/revoke", id(&["token", "list", "-r"], "token_id")));
    pages.push(format!("/schedules/new?runs={quoted}"));
    pages.push(format!("/schedules/preview?cron={quoted}&tz={quoted}"));
    pages.push(format!("/apps/{app}/diff?from={quoted}&to=1"));
    pages.push(format!("/login?next={quoted}"));
    pages
}

/// The policy for scripts would stop an inline script and say so in the console: that would be half a failure already, so none may be there.
async fn has_not_run(browser: &Browser, path: &str) {
    let script = "return [document.querySelectorAll('script:not([src]), [onerror], [onload], [onmouseover], main b script, main img').length,
        document.title.includes('1337'), typeof canary]";
    let found = browser.script(script, vec![]).await;
    assert_eq!(found, json!([0, false, "undefined"]), "{path}");
    browser.is_clean(Refused::Some).await;
}
