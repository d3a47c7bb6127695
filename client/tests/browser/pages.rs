//! Every page there is, found by name so that a new noun is not forgotten.

use serde_json::Value;

use crate::common::Cluster;

/// A word for file names, and the address.
pub fn of(cluster: &Cluster) -> Vec<(String, String)> {
    let mut pages: Vec<(String, String)> = [
        ("overview", "/"),
        ("tasks", "/tasks"),
        ("tasks-failed", "/tasks?status=fail"),
        ("works", "/works"),
        ("apps", "/apps"),
        ("app-new", "/apps/new"),
        ("workflows", "/workflows"),
        ("workflow-new", "/workflows/new"),
        ("schedules", "/schedules"),
        ("schedule-new", "/schedules/new"),
        ("services", "/services"),
        ("service-new", "/services/new"),
        ("venvs", "/venvs"),
        ("venv-new", "/venvs/new"),
        ("nodes", "/nodes"),
        ("node-join", "/nodes/join"),
        ("account", "/account"),
        ("tokens", "/tokens"),
        ("token-new", "/tokens/new"),
        ("sign-out-everywhere", "/account/sign-out-everywhere"),
        ("about", "/about"),
        ("nowhere", "/nowhere"),
    ]
    .map(|(name, path)| (name.to_owned(), path.to_owned()))
    .into();
    let mut add = |name: &str, path: String| pages.push((name.to_owned(), path));
    for app in ["nightly-etl", "fanout"] {
        let app_id = id(cluster, &["app", "info", app], "app_id");
        add(&format!("app-{app}"), format!("/apps/{app_id}"));
        if app == "nightly-etl" {
            for rest in
                ["run", "edit", "upload", "versions", "diff?from=1&to=2", "delete", "versions/1/activate"]
            {
                let word = rest.split('?').next().unwrap_or_default().replace('/', "-");
                add(&format!("app-{word}"), format!("/apps/{app_id}/{rest}"));
            }
        }
    }
    let tasks = cluster.lp(&["task", "list", "-r"]).ok().json();
    let find = |key: &str, value: &str| {
        let task = items(&tasks).iter().find(|task| task[key] == value).cloned().unwrap_or_default();
        task["task_id"].as_str().unwrap_or_default().to_owned()
    };
    for (name, task) in [
        ("failed", find("status", "fail")),
        ("succeeded", find("app_name", "fanout")),
        ("running", find("app_name", "train")),
    ] {
        add(&format!("task-{name}"), format!("/tasks/{task}"));
        for tab in ["timeline", "actions", "io", "history"] {
            add(&format!("task-{name}-{tab}"), format!("/tasks/{task}?tab={tab}"));
        }
    }
    let failed = find("status", "fail");
    for deed in ["again", "recover", "delete"] {
        add(&format!("task-{deed}"), format!("/tasks/{failed}/{deed}"));
    }
    let nouns: [(&str, &[&str], &str, &[&str]); 5] = [
        (
            "workflow",
            &["workflow", "info", "orders-to-report"],
            "workflow_id",
            &["", "/edit", "/run", "/disable", "/delete"],
        ),
        (
            "work",
            &["work", "info", "@last"],
            "work_id",
            &["", "?tab=io", "/stop", "/rerun", "/recover", "/delete"],
        ),
        (
            "schedule",
            &["schedule", "info", "every-weekday"],
            "schedule_id",
            &["", "/edit", "/trigger", "/disable", "/delete"],
        ),
        (
            "service",
            &["service", "info", "web"],
            "service_id",
            &["", "/edit", "/restart", "/disable", "/delete"],
        ),
        (
            "venv",
            &["venv", "info", "science"],
            "venv_id",
            &["", "/doctor", "/edit", "/upload", "/versions", "/delete"],
        ),
    ];
    for (noun, command, key, rests) in nouns {
        let id = id(cluster, command, key);
        for rest in rests {
            let word: String = rest.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
            let dash = if word.is_empty() { "" } else { "-" };
            add(&format!("{noun}{dash}{word}"), format!("/{noun}s/{id}{rest}"));
        }
    }
    let tokens = cluster.lp(&["token", "list", "-r"]).ok().json();
    let token = items(&tokens)[0]["token_id"].as_str().unwrap_or_default().to_owned();
    add("token-revoke", format!("/tokens/{token}/revoke"));
    let nodes = cluster.lp(&["node", "list", "-r"]).ok().json();
    let node = items(&nodes)[0]["node_id"].as_str().unwrap_or_default().to_owned();
    for rest in ["", "/drain", "/remove"] {
        add(&format!("node{}", rest.replace('/', "-")), format!("/nodes/{node}{rest}"));
    }
    pages
}

fn id(cluster: &Cluster, command: &[&str], key: &str) -> String {
    let info = cluster.lp(&[command, &["-r"]].concat()).ok().json();
    info[key].as_str().unwrap_or_else(|| panic!("{command:?} has no {key}: {info}")).to_owned()
}

/// Lists are arrays or pages.
fn items(list: &Value) -> &[Value] {
    list.as_array().or_else(|| list["items"].as_array()).map(Vec::as_slice).unwrap_or_default()
}
