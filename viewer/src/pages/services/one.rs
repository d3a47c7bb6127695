//! One service: how it stands and why, the end of what its task says, how its latest tasks went.

use actix_web::{HttpResponse, web};
use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use lp_protocol::client::{AttemptRef, ManagerClient};
use lp_protocol::health::Health;
use lp_protocol::plan::Command as Main;
use lp_protocol::views::{ListTasks, ReadLog, ServiceInfo, ServiceView, ShowOutline};

use super::LIST;
use super::list::badge;
use crate::failure::Failure;
use crate::frame::{Frame, Section, tab_title};
use crate::pages::{Visit, html, text};
use crate::parts::{
    Badge, Command, Empty, Facts, IdChip, JsonView, LogText, Moment, Prose, Strip, TaskTable, Value, clip,
    shell_word, visible,
};

const STRIP: u32 = 50;
const LATEST: usize = 10;
/// Of what the task has said; its page has all of it.
const TAIL_BYTES: u64 = 4096;

#[derive(Template)]
#[template(path = "services/one.html")]
struct Page {
    frame: Frame,
    base: String,
    enable: bool,
    description: String,
    content: Service,
    facts: Facts,
    input: JsonView,
    command: Command,
}

/// What moves.
pub(crate) struct Service {
    head: Head,
    said: Said,
    strip: Strip,
    tasks: TaskTable,
}

#[derive(Template)]
#[template(path = "services/head.html")]
struct Head {
    title: String,
    name: String,
    badge: Badge,
    reason: Option<Prose>,
    facts: Facts,
}

/// The end of its task's output.
#[derive(Template)]
#[template(path = "services/said.html")]
struct Said {
    /// Whose output it is.
    of: Option<Speaker>,
    text: String,
}

struct Speaker {
    task_url: String,
    action: String,
    attempt: u32,
}

impl HtmlSafe for Head {}
impl HtmlSafe for Said {}

pub(crate) async fn show(visit: Visit, service: web::Path<String>) -> Result<HttpResponse, Failure> {
    let client = visit.client();
    let info = client.fetch_service(&service).await?;
    let now = Utc::now();
    let content = Service::of(client, &info.service, now).await?;
    let facts = facts(&info.service, now);
    let ServiceInfo { service, input_data } = info;
    let base = format!("{LIST}/{}", service.service_id);
    html(&Page {
        frame: visit
            .frame_below(Section::Services, &tab_title(badge(&service).look, &service.name))
            .live(format!("/live?view=service&app={}", service.service_id)),
        base,
        enable: service.enable,
        description: visible(&service.description),
        content,
        facts,
        input: JsonView::new(input_data.get(), "Input"),
        command: Command::new(format!("lp service info {}", shell_word(&service.name))),
    })
}

impl Service {
    pub(crate) async fn load(client: &ManagerClient, id: &str, now: DateTime<Utc>) -> Result<Self, Failure> {
        let info = client.fetch_service(id).await?;
        Self::of(client, &info.service, now).await
    }

    async fn of(client: &ManagerClient, view: &ServiceView, now: DateTime<Utc>) -> Result<Self, Failure> {
        let latest =
            ListTasks { service_id: Some(view.service_id), limit: Some(STRIP), ..ListTasks::default() };
        let mut tasks = client.list_tasks(&latest).await?.items;
        let strip = Strip::of_tasks(&tasks, now);
        tasks.truncate(LATEST);
        let empty =
            Empty { text: "It has had no task yet. Enable it:", commands: &["lp service enable NAME"] };
        Ok(Self {
            head: Head::new(view, now),
            said: Said::load(client, view).await,
            strip,
            tasks: TaskTable::new(tasks, empty, now),
        })
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(vec![
            ("head", text(&self.head)?),
            ("said", text(&self.said)?),
            ("strip", text(&self.strip)?),
            ("tasks", text(&self.tasks)?),
        ])
    }
}

impl Head {
    fn new(view: &ServiceView, now: DateTime<Utc>) -> Self {
        let badge = badge(view);
        let task = view.task_id.map(|id| Value::Link { text: id.short(), url: format!("/tasks/{id}") });
        let app = match view.app_name.is_empty() {
            true => Value::Text("was deleted".to_owned()),
            false => Value::Link { text: visible(&view.app_name), url: format!("/apps/{}", view.app_id) },
        };
        let facts = Facts::default()
            .row("Runs", app)
            .row("Version", Value::Text(view.version.to_string()))
            .maybe("Task", task)
            .row("Restarts", Value::Text(view.restarts.to_string()))
            .maybe("Ends in a row", (view.failures > 0).then(|| Value::Text(view.failures.to_string())))
            .maybe("Starts again", view.retry_at.map(|at| Value::Moment(Moment::new(at, now))));
        let title = format!("{} · lp", tab_title(badge.look, &view.name));
        let reason = view.reason.as_ref().map(|reason| Prose::new(reason, 500));
        Self { title, name: visible(&view.name), badge, reason, facts }
    }
}

impl Said {
    /// Nothing where it cannot be read: a page is not worth less for it.
    async fn load(client: &ManagerClient, view: &ServiceView) -> Self {
        let nothing = Self { of: None, text: String::new() };
        let Some(task) = view.task_id.map(|id| id.to_string()) else { return nothing };
        let Ok(outline) = client.fetch_outline(&task, &ShowOutline::default()).await else { return nothing };
        let latest = outline.info.actions.iter().filter_map(|action| Some((action, action.attempts.last()?)));
        let Some((action, attempt)) = latest.max_by_key(|(_, attempt)| attempt.assign_at) else {
            return nothing;
        };
        let query = ReadLog { tail_bytes: Some(TAIL_BYTES), ..ReadLog::default() };
        let number = AttemptRef::Number(attempt.attempt);
        let bytes = match client.read_log(&task, &action.name, number, &query).await {
            Ok(log) => {
                log.bytes.try_collect::<Vec<_>>().await.map(|pieces| pieces.concat()).unwrap_or_default()
            }
            Err(_) => Vec::new(),
        };
        let of = Speaker {
            task_url: format!("/tasks/{task}"),
            action: visible(&action.name),
            attempt: attempt.attempt,
        };
        Self { of: Some(of), text: last_lines(&LogText::default().feed(&bytes), 20) }
    }
}

/// The last `most` lines; the first of a tail is cut somewhere and left out where there are others.
fn last_lines(text: &str, most: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let is_cut = text.len() as u64 >= TAIL_BYTES;
    let lines = if is_cut && lines.len() > 1 { &lines[1..] } else { &lines[..] };
    lines[lines.len().saturating_sub(most)..].join("\n")
}

fn facts(view: &ServiceView, now: DateTime<Utc>) -> Facts {
    let grace = view.grace.map_or_else(|| "what each action says".to_owned(), |grace| format!("{grace} s"));
    let most = view
        .max_restarts
        .map_or_else(|| "never".to_owned(), |most| format!("after {most} restarts in a row"));
    let follows =
        if view.follow_active { "the active version, as it becomes active" } else { "what it was given" };
    Facts::default()
        .row("Follows", Value::Text(follows.to_owned()))
        .row("Stopped with", Value::Text(format!("signal {}, grace: {grace}", view.signal)))
        .row(
            "Wait before a restart",
            Value::Text(format!("{} s, doubled up to {} s", view.delay, view.max_delay)),
        )
        .row("Ends forgotten after", Value::Text(format!("{} s", view.reset_after)))
        .row("Given up", Value::Text(most))
        .maybe("Health", view.health.as_ref().map(|health| Value::Code(health_line(health))))
        .row("Changed", Value::Moment(Moment::new(view.update_at, now)))
        .row("Created", Value::Moment(Moment::new(view.create_at, now)))
        .row("Id", Value::Id(IdChip::new(view.service_id, view.service_id.short())))
}

fn health_line(health: &Health) -> String {
    let command = match &health.command {
        Main::Line(line) => line.clone(),
        Main::Words(words) => words.join(" "),
    };
    let every = health.interval.as_secs_f64();
    format!("{} every {every} s, {} failures", clip(&command, 200), health.failures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_output_has_whole_lines() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("", 2), "");
        let long = format!("{}\nwhole", "x".repeat(TAIL_BYTES as usize));
        assert_eq!(last_lines(&long, 5), "whole");
    }
}
