//! What is done to many tasks, a task run again with other input, and the palette.

use crate::fake::sample;
use crate::world::World;

#[tokio::test]
async fn those_that_are_chosen_are_asked_about_and_then_done_one_by_one() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    let csrf = browser.get("/tasks").await.hidden("csrf");
    let ids: Vec<String> =
        world.manager.cluster().tasks[..2].iter().map(|info| info.task.task_id.to_string()).collect();
    let fields = [("csrf", csrf.as_str()), ("do", "stop"), ("id", &ids[0]), ("id", &ids[1]), ("id", "no id")];

    let question = browser.post("/tasks/bulk/ask", &fields).await;
    assert!(question.body.contains("Stop 2 tasks that you have chosen?"), "{}", question.body);
    assert!(world.manager.cluster().deeds.is_empty());
    let done = browser.post("/tasks/bulk", &fields).await;

    // the first one is finished
    assert!(
        done.body.contains("Stop: 1 task done, 1 not") && done.body.contains("is finished."),
        "{}",
        done.body
    );
    let deeds = ids.iter().map(|id| format!("POST /tasks/{id}/stop")).collect::<Vec<_>>();
    assert_eq!(world.manager.cluster().deeds, deeds);
}

#[tokio::test]
async fn all_that_fit_a_filter_are_counted_first() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    let csrf = browser.get("/tasks").await.hidden("csrf");

    let question = browser.get("/tasks/bulk?do=delete&status=kill&name=image").await;
    assert!(question.body.contains("Delete 9 tasks that fit the filter?"), "{}", question.body);
    assert!(question.body.contains("lp task delete -n &#39;*image*&#39; -S kill"), "{}", question.body);
    assert!(world.manager.cluster().deeds.is_empty());
    let fields =
        [("csrf", csrf.as_str()), ("do", "delete"), ("all", "yes"), ("status", "kill"), ("name", "image")];
    let done = browser.post("/tasks/bulk", &fields).await;

    assert!(done.body.contains("Delete: 9 tasks done"), "{}", done.body);
    let deeds = world.manager.cluster().deeds.clone();
    assert!(deeds.len() == 1 && deeds[0].contains("Delete") && deeds[0].ends_with("*image*"), "{deeds:?}");
}

#[tokio::test]
async fn many_are_safe_from_others_and_from_nonsense() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    let csrf = browser.get("/tasks").await.hidden("csrf");

    for path in ["/tasks/bulk", "/tasks/bulk/ask"] {
        assert_eq!(browser.post(path, &[("do", "delete"), ("all", "yes")]).await.status, 403, "{path}");
        assert_eq!(browser.post(path, &[("csrf", &csrf), ("do", "explode")]).await.status, 404, "{path}");
    }
    let wrong =
        browser.post("/tasks/bulk", &[("csrf", &csrf), ("do", "stop"), ("all", "y"), ("stage", "x")]).await;
    assert_eq!(wrong.status, 400);
    let none = browser.post("/tasks/bulk/ask", &[("csrf", &csrf), ("do", "stop")]).await;
    assert!(none.body.contains("There is none"), "{}", none.body);
    assert!(world.manager.cluster().deeds.is_empty());
}

#[tokio::test]
async fn a_task_runs_again_with_other_input_and_a_wrong_one_is_kept_in_the_form() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    let id = world.manager.cluster().tasks[0].task.task_id;
    let path = format!("/tasks/{id}/again");

    let form = browser.get(&path).await;
    assert!(form.body.contains("&#34;bucket&#34;: &#34;orders&#34;"), "{}", form.body);
    let csrf = form.hidden("csrf");
    for (input, problem) in [
        ("{\"day\": }", "This is no JSON: "),
        ("[1, 2]", "This has to be a JSON object"),
        ("{\"x\": \"refuse me\"}", "This input is refused."),
    ] {
        let refused = browser.post(&path, &[("csrf", &csrf), ("input", input)]).await;
        assert_eq!(refused.status, 400);
        assert!(refused.body.contains(problem), "{}", refused.body);
        assert!(
            refused.body.contains(&input.replace('"', "&#34;")),
            "what was typed stays: {}",
            refused.body
        );
    }
    let wrong = browser.post(&path, &[("csrf", &csrf), ("input", "{}"), ("priority", "high")]).await;
    assert!(wrong.body.contains("This is no whole number."), "{}", wrong.body);
    let made = browser.post(&path, &[("csrf", &csrf), ("input", "{\"day\": 1e400}")]).await;

    assert!(made.status == 303 && made.header("location").starts_with("/tasks/"));
    assert_eq!(world.manager.cluster().deeds, ["POST /tasks {\"day\": 1e400}"]);
}

#[tokio::test]
async fn recovering_asks_from_where() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    let id = world.manager.cluster().tasks[0].task.task_id;

    let question = browser.get(&format!("/tasks/{id}/recover?from=fetch")).await;

    assert!(question.body.contains("<option value=\"fetch\" selected>"), "{}", question.body);
    assert!(question.body.contains("lp task recover") && question.body.contains("--from fetch"));
    let done = browser.post(&format!("/tasks/{id}/recover"), &[("csrf", &question.hidden("csrf"))]).await;
    assert_eq!(done.status, 303);
    let wrong = [("csrf", question.hidden("csrf")), ("grace", "soon".to_owned())];
    let wrong = wrong.each_ref().map(|(key, value)| (*key, value.as_str()));
    let refused = browser.post(&format!("/tasks/{id}/stop"), &wrong).await;
    assert!(refused.status == 400 && refused.body.contains("is not a number"), "{}", refused.body);
}

#[tokio::test]
async fn the_palette_finds_tasks_and_applications() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;
    let id = world.manager.cluster().tasks[1].task.task_id.to_string();

    let found = browser.get(&format!("/palette.json?q={}", &id[..8])).await;

    let found: serde_json::Value = serde_json::from_str(&found.body).unwrap();
    assert_eq!(found["items"][0]["url"], format!("/tasks/{id}"));
    assert_eq!(found["items"][0]["look"], "running");
    assert!(found["items"].as_array().unwrap().iter().any(|item| item["icon"] == "apps"));
    assert_eq!(world.stranger().get("/palette.json?q=").await.status, 401);
}

#[tokio::test]
async fn every_page_has_all_places_and_says_where_it_is() {
    let world = World::start(sample::cluster()).await;
    let browser = world.browser().await;

    let body = browser.get("/tasks?stage=running").await.body;

    for place in ["/tasks", "/works", "/apps", "/workflows", "/schedules", "/services", "/venvs", "/nodes"] {
        assert!(body.contains(&format!("<a href=\"{place}\" data-key=")), "{place}");
    }
    assert_eq!(body.matches("aria-current=\"page\"").count(), 1);
    assert!(body.contains("<title>Tasks: running · lp</title>"));
}
