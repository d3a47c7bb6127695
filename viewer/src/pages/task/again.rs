//! A task once more with changed input: a new task of the same application, from a form that holds the old one's input.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{CreateTask, TaskView, WaitTask};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::pages::form::Checked;
use crate::pages::{html, text};
use crate::parts::{Command, Field, clip, json, shell_word, title_of, visible};
use crate::state::State;

/// Longer inputs are not for a form; the manager takes what the API is given.
const MAX_INPUT_BYTES: usize = 48 << 10;

#[derive(Template)]
#[template(path = "task_again.html")]
struct Page {
    frame: Frame,
    task_id: String,
    name: String,
    app_name: String,
    /// Why the old input cannot be changed here.
    too_long: bool,
    fields: Vec<Field>,
    /// What the manager has said.
    problem: Option<String>,
    command: Command,
}

#[derive(Default, Deserialize)]
pub(crate) struct Wishes {
    #[serde(default)]
    task_name: String,
    #[serde(default)]
    input: String,
    #[serde(default)]
    priority: String,
}

pub(crate) async fn ask(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    task: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let client = &signed.session.client;
    let (input, view) = tokio::try_join!(client.fetch_task_input(&task), view(client, &task))?;
    let input = json(input.get());
    let wishes = Wishes {
        task_name: visible(&view.task_name),
        input: if input.is_cut { String::new() } else { input.text },
        priority: view.priority.to_string(),
    };
    let too_long = input.is_cut || wishes.input.len() > MAX_INPUT_BYTES;
    html(&page(
        Frame::new(&state, &request, Section::Tasks, "Run again"),
        &view,
        wishes,
        Problem::none(too_long),
    ))
}

/// The task as it stands in a list.
async fn view(client: &ManagerClient, task: &str) -> Result<TaskView, lp_protocol::client::Error> {
    // an answer at once, whatever state it is in
    client.wait_task(task, &WaitTask { timeout: Some(0.0) }).await
}

/// What is wrong with what was sent.
struct Problem {
    too_long: bool,
    input: Option<String>,
    priority: Option<String>,
    other: Option<String>,
}

impl Problem {
    fn none(too_long: bool) -> Self {
        Self { too_long, input: None, priority: None, other: None }
    }
}

fn page(frame: Frame, task: &TaskView, wishes: Wishes, problem: Problem) -> Page {
    let url = format!("/tasks/{}", task.task_id);
    let app = shell_word(&task.app_name);
    Page {
        frame: frame.crumb("Tasks", "/tasks").crumb(title_of(&task.task_name), url),
        task_id: task.task_id.to_string(),
        name: title_of(&task.task_name),
        app_name: visible(&task.app_name),
        too_long: problem.too_long,
        fields: vec![
            Field::json_object("input", "Input", wishes.input, 16)
                .help("A JSON object; it is checked while you type.")
                .error(problem.input),
            Field::line("task_name", "Name", wishes.task_name),
            Field::number("priority", "Priority", wishes.priority)
                .help("Higher goes first.")
                .error(problem.priority),
        ],
        problem: problem.other,
        command: Command::new(format!("lp task create -a {app} -i @input.json")),
    }
}

pub(crate) async fn create(
    state: web::Data<State>,
    request: HttpRequest,
    task: web::Path<String>,
    form: Checked<Wishes>,
) -> Result<HttpResponse, Failure> {
    let client = &form.signed.session.client;
    let old = view(client, &task).await?;
    let wishes = form.fields;
    let mut problem = Problem::none(false);
    let input = parse(&wishes.input).map_err(|error| problem.input = Some(error)).ok();
    let priority = wishes.priority.trim();
    let priority = if priority.is_empty() { Ok(0) } else { priority.parse() };
    let priority = priority.map_err(|_| problem.priority = Some("This is no whole number.".to_owned())).ok();
    if let (Some(input_data), Some(priority)) = (input, priority) {
        let task_name = Some(wishes.task_name.trim().to_owned()).filter(|name| !name.is_empty());
        let body = CreateTask { app_id: old.app_id, task_name, input_data, priority, key: None };
        match client.create_task(&body).await.map_err(Failure::from) {
            Ok(created) => {
                let next = format!("/tasks/{}", created.task_id);
                return Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, next)).finish());
            }
            Err(failure)
                if failure.status == StatusCode::BAD_REQUEST || failure.status == StatusCode::CONFLICT =>
            {
                problem.other = Some(failure.line());
            }
            Err(failure) => return Err(failure),
        }
    }
    let frame = Frame::new(&state, &request, Section::Tasks, "Run again");
    let page = page(frame, &old, wishes, problem);
    Ok(HttpResponse::BadRequest().content_type("text/html; charset=utf-8").body(text(&page)?))
}

/// An empty field is no input.
fn parse(input: &str) -> Result<Option<Box<RawValue>>, String> {
    if input.trim().is_empty() {
        return Ok(None);
    }
    let raw: Box<RawValue> = serde_json::from_str(input)
        .map_err(|error| format!("This is no JSON: {}.", clip(&error.to_string(), 200)))?;
    if raw.get().trim_start().starts_with('{') {
        Ok(Some(raw))
    } else {
        Err("This has to be a JSON object: { … }.".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_an_object_or_nothing() {
        assert!(parse(" \n").unwrap().is_none());
        assert_eq!(parse("{\"a\": 1e400}").unwrap().unwrap().get(), "{\"a\": 1e400}");
        assert!(parse("[1]").unwrap_err().contains("object"));
        assert!(parse("{\"a\": }").unwrap_err().contains("line 1 column"));
    }
}
