//! Versions of apps and venvs: history, activation, deletion, downloads, differences, and what an `env` may name.

use lp_protocol::views::{AppView, Page, VenvView, VersionDiff, VersionInfo, VersionView};
use lp_protocol::{ErrorCode, Status};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Manager, archive, hello, manifest, read, refusal};
use crate::node::FakeNode;

/// Adds a version made of these files to `apps/NAME` or `venvs/NAME`.
pub(crate) async fn upload(manager: &Manager, package: &str, files: &[(&str, &str)]) -> Response {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    let blob = manager.upload(archive(&files)).await;
    let path = format!("/api/v1/{package}");
    let body = json!({"digest": blob.digest, "description": "a new one"});
    manager.request(Method::PATCH, &path).json(&body).send().await.unwrap()
}

pub(crate) async fn activate(manager: &Manager, package: &str, version: &str) -> VersionView {
    let path = format!("/api/v1/{package}/versions/{version}/activate");
    read(manager.request(Method::POST, &path).send().await.unwrap(), StatusCode::OK).await
}

async fn delete(manager: &Manager, path: &str) -> Response {
    manager.request(Method::DELETE, &format!("/api/v1/{path}")).send().await.unwrap()
}

async fn numbers(manager: &Manager, package: &str) -> Vec<(u32, bool)> {
    let page: Page<VersionView> = manager.get_json(&format!("/api/v1/{package}/versions")).await;
    page.items.iter().map(|version| (version.number, version.active)).collect()
}

async fn create_venv(manager: &Manager) -> VenvView {
    let blob = manager.upload(archive(&[("bin/activate", b"# one")])).await;
    let body = json!({"name": "libs", "digest": blob.digest});
    read(manager.post("/api/v1/venvs", body).await, StatusCode::CREATED).await
}

/// One action with this `env`.
fn with_env(env: &str) -> Value {
    let mut manifest = hello();
    manifest["actions"][0]["env"] = env.into();
    manifest
}

#[tokio::test]
async fn every_upload_is_a_version_with_who_and_when_and_any_of_them_can_be_made_active() {
    let manager = Manager::start().await;
    manager.create_app("a", hello()).await;
    let other = manifest(&[("second", &[])]).to_string();
    upload(&manager, "apps/a", &[("app/configuration.json", &other)]).await;

    assert_eq!(numbers(&manager, "apps/a").await, [(2, true), (1, false)]);
    let info: VersionInfo = manager.get_json("/api/v1/apps/a/versions/1").await;
    assert_eq!((info.version.sha1.len(), info.version.active, info.open_tasks), (40, false, 0));
    assert!(!info.version.create_by.is_empty() && info.version.create_by.len() != 36, "{:?}", info.version);
    assert_eq!(info.plan.unwrap().actions[0].name, "first");
    let second: VersionInfo = manager.get_json("/api/v1/apps/a/versions/active").await;
    assert_eq!((second.version.number, second.version.description.as_str()), (2, "a new one"));

    for _ in 0..2 {
        let active = activate(&manager, "apps/a", "1").await;
        assert_eq!((active.number, active.active), (1, true));
    }
    let app: AppView = manager.get_json("/api/v1/apps/a").await;
    assert_eq!((app.version.number, app.plan.unwrap().actions[0].name.as_str()), (1, "first"));
    let task = manager.create_task(app.app_id, json!({})).await;
    let task: Value = manager.get_json(&format!("/api/v1/tasks/{task}")).await;
    assert_eq!(task["actions"][0]["name"], "first");
    assert_eq!(activate(&manager, "apps/a", "previous").await.number, 2);
}

#[tokio::test]
async fn what_is_no_version_is_refused_in_words() {
    let manager = Manager::start().await;
    manager.create_app("a", hello()).await;

    for (path, code) in [
        ("apps/a/versions/2", ErrorCode::NotFound),
        ("apps/a/versions/previous", ErrorCode::NotFound),
        ("apps/a/versions/0", ErrorCode::InvalidRequest),
        ("apps/a/versions/x", ErrorCode::InvalidRequest),
        ("apps/nothing/versions/1", ErrorCode::NotFound),
        ("apps/nothing/versions", ErrorCode::NotFound),
        ("venvs/a/versions/1", ErrorCode::NotFound),
        ("apps/a/versions?cursor=x", ErrorCode::InvalidRequest),
        ("apps/a/diff?from=1&to=7", ErrorCode::NotFound),
        ("apps/a/diff?form=1", ErrorCode::InvalidRequest),
        ("apps/a/versions/9/package", ErrorCode::NotFound),
    ] {
        refusal(manager.get(&format!("/api/v1/{path}")).await, code).await;
    }
    let error = refusal(manager.get("/api/v1/apps/a/versions/2").await, ErrorCode::NotFound).await;
    assert_eq!(error.message, "there is no version `a@2`");
    assert!(error.hint.unwrap().contains("lp app history list a"));
}

#[tokio::test]
async fn a_version_in_use_cannot_vanish() {
    let manager = Manager::start().await;
    let app = manager.create_app("a", hello()).await;
    let task = manager.create_task(app.app_id, json!({})).await;
    let active = refusal(delete(&manager, "apps/a/versions/1").await, ErrorCode::Conflict).await;
    assert_eq!(active.message, "version 1 of the app `a` is the active one");
    let other = manifest(&[("second", &[])]).to_string();
    upload(&manager, "apps/a", &[("app/configuration.json", &other)]).await;

    let used = refusal(delete(&manager, "apps/a/versions/1").await, ErrorCode::Conflict).await;
    assert_eq!(used.message, "version 1 of the app `a` is used by a task that is not finished");

    manager.post(&format!("/api/v1/tasks/{task}/stop"), json!({})).await;
    manager.wait(&task).await;
    assert_eq!(delete(&manager, "apps/a/versions/1").await.status(), StatusCode::NO_CONTENT);
    refusal(delete(&manager, "apps/a/versions/1").await, ErrorCode::NotFound).await;
    assert_eq!(numbers(&manager, "apps/a").await, [(2, true)]);
    let history: Value = manager.get_json(&format!("/api/v1/tasks/{task}")).await;
    assert_eq!((&history["actions"][0]["name"], &history["app_name"]), (&json!("first"), &json!("a")));

    let path = format!("/api/v1/tasks/{task}/rerun");
    let rerun = |body: Value| manager.post(&path, body);
    let gone = refusal(rerun(json!({"same_version": true})).await, ErrorCode::Gone).await;
    assert!(gone.message.contains("version 1, which task") && gone.hint.is_some(), "{gone:?}");
    let recover = manager.post(&format!("/api/v1/tasks/{task}/recover"), json!({})).await;
    refusal(recover, ErrorCode::Gone).await;
    assert_eq!(rerun(json!({})).await.status(), StatusCode::ACCEPTED);
    let again: Value = manager.get_json(&format!("/api/v1/tasks/{task}")).await;
    assert_eq!(again["actions"][0]["name"], "second");
}

#[tokio::test]
async fn a_version_is_downloaded_as_it_was_uploaded() {
    let manager = Manager::start().await;
    create_venv(&manager).await;
    upload(&manager, "venvs/libs", &[("bin/activate", "# two")]).await;

    let first = manager.get("/api/v1/venvs/libs/versions/1/package").await;

    let disposition = first.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert_eq!(disposition, "attachment; filename=\"libs-1.tar.gz\"");
    assert_eq!(first.bytes().await.unwrap(), archive(&[("bin/activate", b"# one")]));
}

#[tokio::test]
async fn a_diff_tells_files_and_the_meaning_of_the_manifest() {
    let manager = Manager::start().await;
    manager.create_app("a", hello()).await;
    let mut other = manifest(&[("first", &[]), ("second", &["first"])]);
    other["actions"][0]["main"] = "bash other.sh".into();
    let files = [("x/configuration.json", other.to_string()), ("x/other.sh", "echo\n".to_owned())];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    upload(&manager, "apps/a", &files).await;

    let diff: VersionDiff = manager.get_json("/api/v1/apps/a/diff?from=1&to=2").await;
    let same: VersionDiff = manager.get_json("/api/v1/apps/a/diff?from=2&to=2").await;
    let default: VersionDiff = manager.get_json("/api/v1/apps/a/diff").await;
    let cut: VersionDiff = manager.get_json("/api/v1/apps/a/diff?limit=0").await;

    let paths = |diff: &VersionDiff| {
        let files = &diff.files;
        let added = files.added.iter().map(|file| format!("+{}", file.path));
        let removed = files.removed.iter().map(|file| format!("-{}", file.path));
        let changed = files.changed.iter().map(|file| format!("~{}", file.path));
        added.chain(removed).chain(changed).collect::<Vec<_>>()
    };
    assert_eq!(paths(&diff), ["+other.sh", "-run.sh", "~configuration.json"]);
    let changes = diff.manifest.unwrap();
    assert_eq!((changes.added_actions, changes.removed_actions), (vec!["second".to_owned()], vec![]));
    assert_eq!(changes.changed_actions[0].keys[0].from, "bash run.sh");
    assert_eq!((paths(&same), same.files.unchanged_count), (vec![], 2));
    assert_eq!((default.from.number, default.to.number), (1, 2));
    assert!(paths(&cut).is_empty() && cut.files.is_cut() && cut.files.added_count == 1);
}

#[tokio::test]
async fn an_env_that_names_nothing_is_told_at_upload_and_fails_its_action_with_the_reason() {
    let manager = Manager::start().await;
    create_venv(&manager).await;
    let good = manager.create_app("good", with_env("libs@1")).await;
    assert!(good.version.warnings.is_empty(), "{:?}", good.version.warnings);

    let app = manager.create_app("a", with_env("libs@2")).await;
    let reason = "the venv `libs` has no version 2; see `lp venv history list libs`";
    assert_eq!(app.version.warnings, [format!("`env` of action `first`: {reason}")]);
    let strict = json!({"name": "b", "digest": app.version.digest, "strict": true});
    let refused = refusal(manager.post("/api/v1/apps", strict).await, ErrorCode::InvalidManifest).await;
    assert!(refused.message.contains(reason), "{}", refused.message);
    let wrong = manager.upload(crate::harness::app_archive(&with_env("libs@latest").to_string())).await;
    let wrong = manager.post("/api/v1/apps", json!({"name": "b", "digest": wrong.digest})).await;
    assert!(refusal(wrong, ErrorCode::InvalidManifest).await.message.contains("no number after its `@`"));

    let _node = FakeNode::connect(&manager, "one").await;
    let task = manager.create_task(app.app_id, json!({})).await;
    let ended = manager.wait(&task).await;
    assert_eq!(ended.status, Some(Status::Fail));
    assert!(ended.reason.as_deref().unwrap_or_default().contains(reason), "{:?}", ended.reason);
    let why: Value = manager.get_json(&format!("/api/v1/tasks/{task}/why")).await;
    assert!(why.to_string().contains("has no version 2"), "{why}");
}

#[tokio::test]
async fn an_action_is_sent_the_version_of_the_venv_it_names() {
    let manager = Manager::start().await;
    let first = create_venv(&manager).await.version;
    let second: VenvView =
        read(upload(&manager, "venvs/libs", &[("bin/activate", "# two")]).await, StatusCode::OK).await;
    let mut node = FakeNode::connect(&manager, "one").await;
    let id = second.venv_id.to_string();

    for (index, (env, digest)) in
        [("libs@1", &first.digest), ("libs", &second.version.digest), (id.as_str(), &second.version.digest)]
            .into_iter()
            .enumerate()
    {
        let app = manager.create_app(&format!("app {index}"), with_env(env)).await;
        manager.create_task(app.app_id, json!({})).await;
        let assigned = node.assignment().await;
        let sent = serde_json::to_value(assigned.env).unwrap();
        assert_eq!(sent["package"]["digest"], json!(digest), "{env}");
    }
    let pinned = refusal(delete(&manager, "venvs/libs/versions/1").await, ErrorCode::Conflict).await;
    assert!(pinned.message.contains("version 1 of the venv `libs` is used by a task"), "{}", pinned.message);
}
