//! Tasks: the list, by filter and page; both are in the address.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{DEFAULT_PAGE, ListTasks};
use lp_protocol::{AppId, Stage, Status};
use serde::Deserialize;

use super::overview::first_steps;
use super::{html, text};
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::parts::{Empty, TaskTable, url_part};
use crate::state::State;

/// The filter as it stands in the address; empty fields are what an unused form field sends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Filter {
    #[serde(default)]
    name: String,
    #[serde(default)]
    stage: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    app: String,
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "tasks.html")]
struct Page {
    frame: Frame,
    filter: Filter,
    stages: &'static [Stage],
    statuses: &'static [Status],
    content: Tasks,
}

pub(crate) struct Tasks {
    table: TaskTable,
    older: Option<String>,
}

pub(crate) async fn show(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    filter: web::Query<Filter>,
) -> Result<HttpResponse, Failure> {
    let filter = filter.into_inner();
    let content = Tasks::load(&signed.session.client, &filter, Utc::now()).await?;
    let title = match (filter.status.as_str(), filter.stage.as_str()) {
        ("", "") => "Tasks".to_owned(),
        ("", word) | (word, _) => format!("Tasks: {word}"),
    };
    let mut frame = Frame::new(&state, &request, Section::Tasks, &title);
    // an older page is history, and history stands still
    if filter.cursor.is_empty() {
        frame = frame.live(format!("/live?view=tasks&{}", filter.query()));
    }
    html(&Page { frame, filter, stages: Stage::ALL, statuses: Status::ALL, content })
}

impl Tasks {
    pub(crate) async fn load(
        client: &ManagerClient,
        filter: &Filter,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let page = client.list_tasks(&filter.to_list()?).await?;
        let empty = if filter.is_empty() { first_steps() } else { nothing_fits() };
        let older = page.next_cursor.map(|cursor| {
            let older = Filter { cursor, ..filter.clone() };
            format!("/tasks?{}", older.query())
        });
        Ok(Self { table: TaskTable::new(page.items, empty, now), older })
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(vec![("tasks", text(&self.table)?)])
    }
}

fn nothing_fits() -> Empty {
    Empty { text: "No task fits this filter. On the command line:", commands: &["lp task list --help"] }
}

impl Filter {
    pub(crate) fn first_page(name: String, stage: String, status: String, app: String) -> Self {
        Self { name, stage, status, app, cursor: String::new() }
    }

    fn is_empty(&self) -> bool {
        *self == Filter::default()
    }

    fn without_cursor(&self) -> String {
        Self { cursor: String::new(), ..self.clone() }.query()
    }

    fn query(&self) -> String {
        let Filter { name, stage, status, app, cursor } = self;
        let fields = [("name", name), ("stage", stage), ("status", status), ("app", app), ("cursor", cursor)];
        let used = fields.iter().filter(|(_, value)| !value.is_empty());
        used.map(|(key, value)| format!("{key}={}", url_part(value))).collect::<Vec<_>>().join("&")
    }

    fn to_list(&self) -> Result<ListTasks, Failure> {
        Ok(ListTasks {
            app_id: parse::<AppId>(&self.app)?,
            name: Some(glob(&self.name)).filter(|name| !name.is_empty()),
            stage: parse::<Stage>(&self.stage)?,
            status: parse::<Status>(&self.status)?,
            cursor: Some(self.cursor.clone()).filter(|cursor| !cursor.is_empty()),
            limit: Some(DEFAULT_PAGE),
            ..ListTasks::default()
        })
    }
}

/// A word without a star is looked for anywhere in the name: people type what they remember.
pub(super) fn glob(name: &str) -> String {
    let name = name.trim();
    if name.is_empty() || name.contains(['*', '?']) { name.to_owned() } else { format!("*{name}*") }
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<Option<T>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error: T::Err| {
        let message = crate::failure::sentence(&crate::parts::clip(&error.to_string(), 200));
        Failure::new(StatusCode::BAD_REQUEST, "Not accepted", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_survives_the_way_through_the_address() {
        let filter = Filter { name: "a&b=*".to_owned(), status: "fail".to_owned(), ..Filter::default() };

        assert_eq!(filter.query(), "name=a%26b%3D%2A&status=fail");
        assert_eq!(filter.to_list().unwrap().status, Some(Status::Fail));
        assert!(Filter { stage: "gone".to_owned(), ..Filter::default() }.to_list().is_err());
    }

    #[test]
    fn a_bare_word_is_looked_for_anywhere_in_the_name() {
        for (typed, asked) in [("", ""), (" etl ", "*etl*"), ("etl*", "etl*"), ("?tl", "?tl")] {
            assert_eq!(glob(typed), asked);
        }
    }
}
