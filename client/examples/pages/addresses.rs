//! Everything that is asked for: each page of the viewer, with its tabs, filters, sorts and the far ends of its lists, what keeps it up to
//! date, and the lists of the API.
//!
//! Things are found by what the API tells, so that any data directory will do; what it has none of is left out.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::Outcome;
use crate::server::Server;

#[derive(Clone, Copy)]
pub(crate) enum Door {
    Page,
    /// The events of a page, up to the first look at all of its parts.
    Live,
    Api,
}

pub(crate) struct Ask {
    pub(crate) door: Door,
    pub(crate) name: String,
    pub(crate) path: String,
}

#[derive(Default)]
struct Asks(Vec<Ask>);

impl Asks {
    fn add(&mut self, door: Door, name: impl Into<String>, path: impl Into<String>) {
        self.0.push(Ask { door, name: name.into(), path: path.into() });
    }

    /// Pages below one address; the empty word is the address itself.
    fn pages(&mut self, name: &str, base: &str, rests: &[&str]) {
        for rest in rests {
            self.add(Door::Page, format!("{name}{rest}"), format!("{base}{rest}"));
        }
    }
}

pub(crate) async fn all(server: &Server) -> Outcome<Vec<Ask>> {
    let mut asks = Asks::default();
    fixed(&mut asks);
    tasks(&mut asks, server).await?;
    packages(&mut asks, server).await?;
    works(&mut asks, server).await?;
    standing(&mut asks, server).await?;
    Ok(asks.0)
}

fn fixed(asks: &mut Asks) {
    let pages = [
        "/",
        "/apps",
        "/apps?name=report",
        "/apps?name=nothing-like-it",
        "/apps/new",
        "/venvs",
        "/venvs/new",
        "/workflows",
        "/workflows/new",
        "/schedules",
        "/schedules/new",
        "/schedules/preview?minute=0",
        "/services",
        "/services/new",
        "/services?name=service-9",
        "/nodes",
        "/nodes/join",
        "/account",
        "/account/sign-out-everywhere",
        "/about",
        "/login",
        "/palette.json?q=",
        "/palette.json?q=report",
        "/palette.json?q=day+4000",
        "/palette.json?q=nothing-like-it",
    ];
    pages.iter().for_each(|path| asks.add(Door::Page, *path, *path));
    for view in ["overview", "tasks", "nodes", "works", "services"] {
        asks.add(Door::Live, view, format!("/live?view={view}"));
    }
    let lists = [
        "/status",
        "/activity",
        "/apps?limit=200",
        "/venvs",
        "/workflows",
        "/works?limit=200",
        "/schedules?limit=200",
        "/services?limit=200",
        "/nodes?limit=500",
        "/builds",
        "/tasks?limit=200",
    ];
    lists.iter().for_each(|path| asks.add(Door::Api, *path, *path));
}

const FILTERS: [&str; 12] = [
    "status=fail",
    "status=kill",
    "status=skipped",
    "stage=running",
    "stage=finished",
    "since=1h",
    "since=7d",
    "name=day+4000",
    "name=run*",
    "name=nothing-like-it",
    "name=nothing-like-it&status=fail",
    "name=*7&since=24h",
];

async fn tasks(asks: &mut Asks, server: &Server) -> Outcome {
    asks.pages(
        "/tasks",
        "/tasks",
        &["", "/bulk?do=rerun&status=fail", "/bulk?do=delete&name=nothing-like-it"],
    );
    for filter in FILTERS {
        asks.add(Door::Page, format!("/tasks?{filter}"), format!("/tasks?{filter}"));
        let api = filter.replace("name=nothing-like-it", "name=*nothing-like-it*");
        // the API takes an instant there
        if !api.contains("since") {
            asks.add(Door::Api, format!("/tasks?{api}"), format!("/tasks?{api}"));
        }
    }
    let far = far_cursor(server).await?;
    for (end, rest) in [("deep", ""), ("deep, of a status", "&status=fail"), ("deep, of a name", "&name=*7")]
    {
        asks.add(Door::Page, format!("/tasks, {end}"), format!("/tasks?cursor={far}{rest}"));
    }
    let newest = server.json("/tasks?limit=200").await?;
    let mut named: Vec<(&str, &Value)> = Vec::new();
    let mut find = |name, fits: &dyn Fn(&Value) -> bool| {
        named.extend(items(&newest).iter().find(|task| fits(task)).map(|task| (name, task)));
    };
    let is_large = |task: &Value| task["app_name"] == "huge-fan-out";
    find("huge task", &|task| is_large(task) && task["status"] == "success");
    find("huge failed task", &|task| is_large(task) && task["status"] == "fail");
    find("failed task", &|task| !is_large(task) && task["status"] == "fail");
    find("task", &|task| !is_large(task) && task["status"] == "success");
    for (name, task) in named {
        one_task(asks, name, task["task_id"].as_str().unwrap_or_default(), is_large(task));
    }
    Ok(())
}

fn one_task(asks: &mut Asks, name: &str, id: &str, is_large: bool) {
    let tabs = [
        "",
        "?tab=timeline",
        "?tab=actions",
        "?tab=io",
        "?tab=history",
        "/again",
        "/recover",
        "/rerun",
        "/delete",
    ];
    let base = format!("/tasks/{id}");
    asks.pages(name, &base, &tabs[..]);
    if is_large {
        let of_many = [
            "?tab=actions&find=shard-777",
            "?tab=actions&sort=took-",
            "?tab=actions&sort=name",
            "?action=shard-4711",
            "?action=merge&show=why",
            "?action=split&show=output",
        ];
        asks.pages(name, &base, &of_many);
    }
    asks.pages(name, &base, &["/input.json"]);
    for tab in ["graph", "timeline", "actions", "io", "history"] {
        asks.add(Door::Live, format!("{name}, {tab}"), format!("/live?view=task&task={id}&tab={tab}"));
    }
    asks.add(Door::Api, format!("{name}, info"), base.clone());
    asks.add(Door::Api, format!("{name}, why"), format!("{base}/why"));
    asks.add(Door::Api, format!("{name}, workspaces"), format!("{base}/workspaces"));
}

async fn packages(asks: &mut Asks, server: &Server) -> Outcome {
    let apps = server.json("/apps?limit=200").await?;
    let all = items(&apps);
    let large = all.iter().find(|app| app["name"] == "huge-fan-out");
    let ordinary = all.iter().find(|app| app["name"] == "nightly-etl").or_else(|| all.first());
    for (name, app) in [("app", ordinary), ("huge app", large)] {
        let Some(id) = app.and_then(|app| app["app_id"].as_str()) else { continue };
        let base = format!("/apps/{id}");
        asks.pages(
            name,
            &base,
            &[
                "",
                "/run",
                "/versions",
                "/edit",
                "/upload",
                "/delete",
                "/versions/1/activate",
                "/versions/1/delete",
            ],
        );
        asks.add(Door::Live, name, format!("/live?view=app&app={id}"));
        asks.add(Door::Page, format!("{name}'s tasks"), format!("/tasks?app={id}"));
        asks.add(Door::Page, format!("{name}'s tasks, of a status"), format!("/tasks?app={id}&status=kill"));
        asks.add(
            Door::Page,
            format!("{name}'s tasks, of a name"),
            format!("/tasks?app={id}&name=nothing-like-it"),
        );
        asks.add(Door::Page, format!("service of {name}"), format!("/services/new?app={id}"));
        asks.add(Door::Api, format!("{name}, info"), base.clone());
        asks.add(Door::Api, format!("{name}, versions"), format!("{base}/versions?limit=200"));
    }
    Ok(())
}

async fn works(asks: &mut Asks, server: &Server) -> Outcome {
    let works = server.json("/works?limit=200").await?;
    for filter in
        ["", "?status=fail", "?status=kill", "?name=day+40", "?name=nothing-like-it", "?stage=running"]
    {
        asks.add(Door::Page, format!("/works{filter}"), format!("/works{filter}"));
    }
    if let Some(far) = works["next_cursor"].as_str() {
        asks.add(Door::Page, "/works, second page", format!("/works?cursor={far}"));
    }
    for status in ["success", "fail"] {
        let work = items(&works).iter().find(|work| work["status"] == status);
        let Some(id) = work.and_then(|work| work["work_id"].as_str()) else { continue };
        let (name, base) = (format!("work ({status})"), format!("/works/{id}"));
        asks.pages(&name, &base, &["", "?tab=io", "/rerun", "/recover", "/delete"]);
        asks.add(Door::Page, format!("{name}'s tasks"), format!("/tasks?work={id}"));
        asks.add(Door::Live, name.clone(), format!("/live?view=work&app={id}"));
        asks.add(Door::Api, format!("{name}, info"), base.clone());
        asks.add(Door::Api, format!("{name}, why"), format!("{base}/why"));
    }
    let workflows = server.json("/workflows").await?;
    if let Some(id) = items(&workflows).first().and_then(|workflow| workflow["workflow_id"].as_str()) {
        let base = format!("/workflows/{id}");
        asks.pages("workflow", &base, &["", "/run", "/edit", "/disable", "/delete"]);
        asks.add(Door::Page, "workflow's works", format!("/works?workflow={id}"));
        asks.add(Door::Live, "workflow", format!("/live?view=workflow&app={id}"));
        asks.add(Door::Api, "workflow, info", base);
    }
    Ok(())
}

async fn standing(asks: &mut Asks, server: &Server) -> Outcome {
    let nouns: [(&str, &str, &[&str]); 3] = [
        ("schedule", "schedule_id", &["", "/edit", "/trigger", "/enable", "/delete"]),
        ("service", "service_id", &["", "/edit", "/restart", "/enable", "/delete"]),
        ("node", "node_id", &["", "/drain", "/remove"]),
    ];
    for (noun, key, rests) in nouns {
        let list = server.json(&format!("/{noun}s?limit=200")).await?;
        let Some(id) = items(&list).last().and_then(|item| item[key].as_str()) else { continue };
        let base = format!("/{noun}s/{id}");
        asks.pages(noun, &base, rests);
        asks.add(Door::Live, noun, format!("/live?view={noun}&app={id}"));
        asks.add(Door::Api, format!("{noun}, info"), base.clone());
        if noun != "node" {
            asks.add(Door::Page, format!("{noun}'s tasks"), format!("/tasks?{noun}={id}"));
        }
        if noun == "schedule" {
            asks.add(Door::Api, "schedule, instants", format!("{base}/instants?limit=200"));
        }
    }
    Ok(())
}

/// The cursor half way down the list of tasks. Cursors are the manager's own business; to walk there would take thousands of pages.
async fn far_cursor(server: &Server) -> Outcome<String> {
    let first = server.json("/tasks?limit=1").await?;
    let cursor = first["next_cursor"].as_str().unwrap_or_default();
    let newest = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(cursor)?)?.parse::<i64>().unwrap_or(2);
    Ok(BASE64_URL_SAFE_NO_PAD.encode((newest / 2).to_string()))
}

fn items(list: &Value) -> &[Value] {
    list.as_array().or_else(|| list["items"].as_array()).map(Vec::as_slice).unwrap_or_default()
}
