//! What the manager answers is what its description says it answers.

use serde_json::{Value, json};

use crate::harness::{Manager, hello};
use crate::node::{FakeNode, Log};

/// Checks a value against a schema of the document, as far as our own schemas go.
fn check(document: &Value, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.strip_prefix("#/components/schemas/").unwrap();
        return check(document, &document["components"]["schemas"][name], value, &format!("{place}<{name}>"));
    }
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        let wrong: Vec<String> =
            choices.iter().filter_map(|choice| check(document, choice, value, place).err()).collect();
        return if wrong.len() < choices.len() { Ok(()) } else { Err(wrong.join(" | ")) };
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        // each part knows only some of the members
        return parts.iter().try_for_each(|part| check_members(document, part, value, place));
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return if words.contains(value) {
            Ok(())
        } else {
            Err(format!("{place}: {value} is none of {words:?}"))
        };
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fits =
        types.is_empty() || types.contains(&found) || (found == "integer" && types.contains(&"number"));
    if !fits {
        return Err(format!("{place}: {value} is not of {types:?}"));
    }
    match value {
        Value::Object(members) => {
            check_members(document, schema, value, place)?;
            for name in members.keys() {
                let known =
                    schema["properties"].get(name).is_some() || schema.get("additionalProperties").is_some();
                if !known && schema.get("properties").is_some() {
                    return Err(format!("{place}: `{name}` is not described"));
                }
            }
            Ok(())
        }
        Value::Array(items) => {
            items.iter().try_for_each(|item| check(document, &schema["items"], item, &format!("{place}[]")))
        }
        _ => Ok(()),
    }
}

fn check_members(document: &Value, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.strip_prefix("#/components/schemas/").unwrap();
        return check_members(document, &document["components"]["schemas"][name], value, place);
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            return Err(format!("{place}: `{name}` is missing"));
        }
    }
    for (name, of) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(member) = value.get(name) {
            check(document, of, member, &format!("{place}.{name}"))?;
        }
    }
    if let (Some(of), Some(members)) = (schema.get("additionalProperties"), value.as_object()) {
        for (name, member) in members {
            check(document, of, member, &format!("{place}.{name}"))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn answers_are_as_described() {
    let manager = Manager::start().await;
    let document: Value = manager.get_json("/api/v1/openapi.json").await;
    let mut node = FakeNode::connect(&manager, "one").await;
    node.heartbeat().await;
    let app = manager.create_app("hello", hello()).await;
    let other = crate::harness::manifest(&[("first", &[]), ("second", &["first"])]);
    crate::versions::upload(&manager, "apps/hello", &[("app/configuration.json", &other.to_string())]).await;
    crate::versions::activate(&manager, "apps/hello", "1").await;
    let finished = manager.create_task(app.app_id, json!({"x": 1})).await;
    let attempt = node.assignment().await.attempt;
    let times = Some(crate::node::base64(&crate::log_times::two_marks()));
    node.finish_timed(&attempt, 3, Log::Inline(b"oops"), times).await;
    manager.wait(&finished).await;
    let running = manager.create_task(app.app_id, json!({})).await;
    let attempt = node.assignment().await.attempt;
    node.start(&attempt).await;

    let workflow: Value = manager
        .post(
            "/api/v1/workflows",
            json!({"name": "flow", "configuration": {"applications": [{"name": "a", "app": "hello"}]}}),
        )
        .await
        .json()
        .await
        .unwrap();
    let work: Value = manager
        .post("/api/v1/works", json!({"workflow_id": workflow["workflow_id"]}))
        .await
        .json()
        .await
        .unwrap();
    let work = work["work_id"].as_str().unwrap();

    for (route, path) in [
        ("/api/v1/workflows", "/api/v1/workflows".to_owned()),
        ("/api/v1/workflows/{workflow}", "/api/v1/workflows/flow".to_owned()),
        ("/api/v1/works", "/api/v1/works".to_owned()),
        ("/api/v1/works/{work}", format!("/api/v1/works/{work}")),
        ("/api/v1/works/{work}/why", format!("/api/v1/works/{work}/why")),
        ("/api/v1/works/{work}/wait", format!("/api/v1/works/{work}/wait?timeout=0")),
        ("/api/v1/apps", "/api/v1/apps".to_owned()),
        ("/api/v1/apps/{app}", "/api/v1/apps/hello".to_owned()),
        ("/api/v1/apps/{app}/versions", "/api/v1/apps/hello/versions".to_owned()),
        ("/api/v1/apps/{app}/versions/{version}", "/api/v1/apps/hello/versions/1".to_owned()),
        ("/api/v1/apps/{app}/diff", "/api/v1/apps/hello/diff".to_owned()),
        ("/api/v1/tasks", "/api/v1/tasks".to_owned()),
        ("/api/v1/tasks/{task}", format!("/api/v1/tasks/{finished}")),
        ("/api/v1/tasks/{task}", format!("/api/v1/tasks/{running}")),
        ("/api/v1/tasks/{task}/outline", format!("/api/v1/tasks/{finished}/outline?why=9&results=9")),
        ("/api/v1/tasks/{task}/outline", format!("/api/v1/tasks/{running}/outline?why=9&results=9")),
        ("/api/v1/tasks/{task}/input", format!("/api/v1/tasks/{running}/input")),
        ("/api/v1/tasks/{task}/why", format!("/api/v1/tasks/{finished}/why")),
        ("/api/v1/tasks/{task}/why", format!("/api/v1/tasks/{running}/why")),
        ("/api/v1/tasks/{task}/wait", format!("/api/v1/tasks/{running}/wait?timeout=0")),
        (
            "/api/v1/tasks/{task}/actions/{action}/attempts/{attempt}/log/times",
            format!("/api/v1/tasks/{finished}/actions/first/attempts/1/log/times"),
        ),
        ("/api/v1/tasks/{task}/workspaces", format!("/api/v1/tasks/{running}/workspaces")),
        ("/api/v1/nodes", "/api/v1/nodes".to_owned()),
        ("/api/v1/nodes/{node}", "/api/v1/nodes/one".to_owned()),
        ("/api/v1/status", "/api/v1/status".to_owned()),
        ("/api/v1/whoami", "/api/v1/whoami".to_owned()),
        ("/api/v1/tokens", "/api/v1/tokens".to_owned()),
        ("/api/v1/tokens/{token}", "/api/v1/tokens/administrator".to_owned()),
        ("/api/v1/schedule-preview", "/api/v1/schedule-preview?cron=@daily".to_owned()),
        ("/api/v1/nodes", "/api/v1/nodes?attempts=true".to_owned()),
        ("/api/v1/activity", "/api/v1/activity".to_owned()),
        ("/health", "/health".to_owned()),
    ] {
        let answer: Value = manager.get_json(&path).await;
        let schema =
            &document["paths"][route]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{route}");
        check(&document, schema, &answer, route).unwrap_or_else(|wrong| panic!("{wrong}\n{answer:#}"));
    }
    let refused: Value = manager.get("/api/v1/apps/nothing").await.json().await.unwrap();
    check(&document, &json!({"$ref": "#/components/schemas/ApiError"}), &refused, "error").unwrap();
}
