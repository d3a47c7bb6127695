//! The list itself.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::client::ManagerClient;

use super::Filter;
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::pages::overview::first_steps;
use crate::pages::{html, text};
use crate::parts::{Command, Empty, FilterBar, Pager, TaskTable};
use crate::state::State;

#[derive(Template)]
#[template(path = "tasks.html")]
struct Page {
    frame: Frame,
    bar: FilterBar,
    /// What is done to all that fit is asked for at this address.
    bulk: String,
    is_narrowed: bool,
    content: Tasks,
    pager: Pager,
    command: Command,
}

pub(crate) struct Tasks {
    table: TaskTable,
    next: Option<String>,
}

pub(crate) async fn show(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    filter: web::Query<Filter>,
) -> Result<HttpResponse, Failure> {
    let filter = filter.into_inner();
    let content = Tasks::load(&signed.session.client, &filter, Utc::now()).await?;
    let mut frame = Frame::new(&state, &request, Section::Tasks, &filter.words());
    let first = filter.without_cursor();
    // an older page is history, and history stands still
    if filter.cursor.is_empty() {
        frame = frame.live(format!("/live?view=tasks&{}", filter.query()));
    }
    let older = content.next.clone().map(|cursor| format!("/tasks?{}", filter.from(cursor).query()));
    let newest = (!filter.cursor.is_empty()).then(|| format!("/tasks?{}", first.query()));
    html(&Page {
        frame,
        bar: filter.bar(),
        bulk: format!("/tasks/bulk?{}", first.query()),
        is_narrowed: !filter.is_empty(),
        content,
        pager: Pager { newest, older },
        command: Command::new(filter.command()),
    })
}

impl Tasks {
    pub(crate) async fn load(
        client: &ManagerClient,
        filter: &Filter,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let page = client.list_tasks(&filter.to_list(now)?).await?;
        let empty = match &page.next_cursor {
            Some(_) => nothing_so_far(),
            None if filter.is_empty() => first_steps(),
            None => nothing_fits(),
        };
        Ok(Self { table: TaskTable::new(page.items, empty, now).with_boxes(), next: page.next_cursor })
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(vec![("tasks", text(&self.table)?)])
    }
}

/// Of a name that few have a page looks at some of the tasks.
fn nothing_so_far() -> Empty {
    let text = "None of the tasks looked at fits this filter. Older ones have not been looked at yet: go on with Older. On the command line, through all of them:";
    Empty { text, commands: &["lp task list --name '*PART*'"] }
}

fn nothing_fits() -> Empty {
    Empty { text: "No task fits this filter. On the command line:", commands: &["lp task list --help"] }
}
