//! Apps and venvs, from creation to deletion.

use lp_protocol::ErrorCode;
use lp_protocol::views::{AppView, Page, VenvView};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Manager, app_archive, archive, hello, read, refusal};

#[tokio::test]
async fn an_app_is_found_by_id_name_and_beginning_and_shows_its_plan() {
    let manager = Manager::start().await;
    let created = manager.create_app("hello", hello()).await;

    for name in [
        created.app_id.to_string(),
        created.app_id.short(),
        "hello".to_owned(),
        created.app_id.0.simple().to_string(),
    ] {
        let found: AppView = manager.get_json(&format!("/api/v1/apps/{name}")).await;
        assert_eq!(found.app_id, created.app_id);
        assert_eq!(found.plan.unwrap().actions[0].name, "first");
        assert_eq!(serde_json::from_str::<Value>(&found.manifest.unwrap()).unwrap(), hello());
    }
    assert_eq!((created.version.format.as_str(), created.version.sha1.len()), ("tar.gz", 40));
    for name in ["hell", "hello2", "@last", "00000000-0000-4000-8000-000000000000"] {
        refusal(manager.get(&format!("/api/v1/apps/{name}")).await, ErrorCode::NotFound).await;
    }
}

#[tokio::test]
async fn warnings_are_kept_with_the_version_and_refused_where_that_is_wanted() {
    let manager = Manager::start().await;
    let mut manifest = hello();
    manifest["actions"][0]["retyr"] = json!({"attempts": 2});
    let blob = manager.upload(app_archive(&manifest.to_string())).await;

    let strict =
        manager.post("/api/v1/apps", json!({"name": "a", "digest": blob.digest, "strict": true})).await;
    let error = refusal(strict, ErrorCode::InvalidManifest).await;
    let app: AppView = read(
        manager.post("/api/v1/apps", json!({"name": "a", "digest": blob.digest})).await,
        StatusCode::CREATED,
    )
    .await;

    assert!(error.message.contains("retyr"), "{}", error.message);
    assert_eq!(app.version.warnings.len(), 1);
    assert!(app.version.warnings[0].contains("did you mean `retry`"), "{:?}", app.version.warnings);
}

#[tokio::test]
async fn names_are_unique_and_what_they_may_be() {
    let manager = Manager::start().await;
    let app = manager.create_app("a", hello()).await;
    let digest = &app.version.digest;

    refusal(manager.post("/api/v1/apps", json!({"name": "a", "digest": digest})).await, ErrorCode::Conflict)
        .await;
    for name in ["", " a", "@last", "a/b", "a\n", &app.app_id.to_string()] {
        refusal(
            manager.post("/api/v1/apps", json!({"name": name, "digest": digest})).await,
            ErrorCode::InvalidRequest,
        )
        .await;
    }
    // a venv of the same name is another thing
    read::<VenvView>(
        manager.post("/api/v1/venvs", json!({"name": "a", "digest": digest})).await,
        StatusCode::CREATED,
    )
    .await;
}

#[tokio::test]
async fn an_update_changes_what_is_given_and_a_digest_adds_a_version() {
    let manager = Manager::start().await;
    let first = manager.create_app("a", hello()).await;
    let blob = manager.upload(app_archive(&crate::harness::manifest(&[("second", &[])]).to_string())).await;
    let patch = |body: Value| manager.request(Method::PATCH, "/api/v1/apps/a").json(&body).send();

    let described: AppView =
        read(patch(json!({"description": "what it is"})).await.unwrap(), StatusCode::OK).await;
    let updated: AppView = read(patch(json!({"digest": blob.digest})).await.unwrap(), StatusCode::OK).await;
    let renamed: AppView = read(patch(json!({"name": "b"})).await.unwrap(), StatusCode::OK).await;

    assert_eq!(
        (described.description.as_str(), described.version.version_id),
        ("what it is", first.version.version_id)
    );
    assert!(updated.version.version_id > first.version.version_id);
    assert_eq!(updated.plan.unwrap().actions[0].name, "second");
    assert_eq!((renamed.name.as_str(), renamed.description.as_str()), ("b", "what it is"));
    refusal(patch(json!({"name": "c"})).await.unwrap(), ErrorCode::NotFound).await;
}

#[tokio::test]
async fn a_new_version_is_what_the_next_task_runs() {
    let manager = Manager::start().await;
    let app = manager.create_app("a", hello()).await;
    let before = manager.create_task(app.app_id, json!({})).await;
    let blob = manager.upload(app_archive(&crate::harness::manifest(&[("second", &[])]).to_string())).await;
    let patch = manager
        .request(Method::PATCH, "/api/v1/apps/a")
        .json(&json!({"digest": blob.digest}))
        .send()
        .await
        .unwrap();
    assert_eq!(patch.status(), StatusCode::OK);
    let after = manager.create_task(app.app_id, json!({})).await;

    for (task, action) in [(before, "first"), (after, "second")] {
        let info: Value = manager.get_json(&format!("/api/v1/tasks/{task}")).await;
        assert_eq!(info["actions"][0]["name"], action);
    }
}

#[tokio::test]
async fn a_deleted_app_is_gone_and_one_in_use_stays() {
    let manager = Manager::start().await;
    let app = manager.create_app("a", hello()).await;
    let task = manager.create_task(app.app_id, json!({})).await;
    let delete = || manager.request(Method::DELETE, "/api/v1/apps/a").send();

    refusal(delete().await.unwrap(), ErrorCode::Conflict).await;
    assert_eq!(
        manager.post(&format!("/api/v1/tasks/{task}/stop"), json!({})).await.status(),
        StatusCode::ACCEPTED
    );
    manager.wait(&task).await;
    assert_eq!(delete().await.unwrap().status(), StatusCode::NO_CONTENT);

    refusal(manager.get("/api/v1/apps/a").await, ErrorCode::NotFound).await;
    refusal(manager.post("/api/v1/tasks", json!({"app_id": app.app_id})).await, ErrorCode::NotFound).await;
    let info: Value = manager.get_json(&format!("/api/v1/tasks/{task}")).await;
    assert_eq!(info["app_name"], "a");
    manager.create_app("a", hello()).await;
}

#[tokio::test]
async fn lists_come_in_pages_newest_first() {
    let manager = Manager::start().await;
    for n in 0..5 {
        manager.create_app(&format!("app-{n}"), hello()).await;
    }
    manager.create_app("other", hello()).await;

    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let page: Page<AppView> = manager.get_json(&format!("/api/v1/apps?name=app-*&limit=2{cursor}")).await;
        names.extend(page.items.into_iter().map(|app| app.name));
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }

    assert_eq!(names, ["app-4", "app-3", "app-2", "app-1", "app-0"]);
    let wild: Page<AppView> = manager.get_json("/api/v1/apps?name=%25").await;
    assert!(wild.items.is_empty());
}

#[tokio::test]
async fn a_package_is_downloaded_as_it_was_uploaded_whole_or_in_part() {
    let manager = Manager::start().await;
    let bytes = app_archive(&hello().to_string());
    let blob = manager.upload(bytes.clone()).await;
    read::<AppView>(
        manager.post("/api/v1/apps", json!({"name": "a\"; x=\"b", "digest": blob.digest})).await,
        StatusCode::CREATED,
    )
    .await;
    let path = "/api/v1/apps/a%22;%20x=%22b/package";

    let whole = manager.get(path).await;
    let part = manager.request(Method::GET, path).header("range", "bytes=10-19").send().await.unwrap();
    let beyond = manager.request(Method::GET, path).header("range", "bytes=99999999-").send().await.unwrap();

    let disposition = whole.headers()["content-disposition"].to_str().unwrap();
    assert_eq!(
        disposition,
        "attachment; filename=\"a_; x=_b.tar.gz\"; filename*=UTF-8''a%22%3B%20x%3D%22b.tar.gz"
    );
    assert_eq!(whole.headers()["content-type"], "application/octet-stream");
    assert_eq!(whole.headers()["content-length"], bytes.len().to_string().as_str());
    assert_eq!(whole.bytes().await.unwrap(), bytes);
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-range"], format!("bytes 10-19/{}", bytes.len()).as_str());
    assert_eq!(part.bytes().await.unwrap(), &bytes[10..20]);
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test]
async fn a_venv_may_be_any_archive() {
    let manager = Manager::start().await;
    let blob = manager.upload(archive(&[("bin/activate", b"#"), ("pyvenv.cfg", b"home = /usr/bin\n")])).await;

    let venv: VenvView = read(
        manager.post("/api/v1/venvs", json!({"name": "v", "digest": blob.digest})).await,
        StatusCode::CREATED,
    )
    .await;
    let found: VenvView = manager.get_json("/api/v1/venvs/v").await;
    let deleted = manager.request(Method::DELETE, "/api/v1/venvs/v").send().await.unwrap();

    assert_eq!(found.venv_id, venv.venv_id);
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    refusal(manager.get("/api/v1/venvs/v").await, ErrorCode::NotFound).await;
}
