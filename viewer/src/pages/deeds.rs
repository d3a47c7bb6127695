//! What can be done to a task: stop, rerun, delete. What cannot be taken back is asked about first, on a page that names the task.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use lp_protocol::views::{DeleteTask, RerunTask, StopTask};
use serde::Deserialize;

use super::form::Checked;
use super::html;
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::parts::{Badge, Command, Confirm, title_of, visible};
use crate::state::State;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Stop,
    Rerun,
    Delete,
}

impl Deed {
    fn parse(word: &str) -> Result<Self, Failure> {
        match word {
            "stop" => Ok(Deed::Stop),
            "rerun" => Ok(Deed::Rerun),
            "delete" => Ok(Deed::Delete),
            _ => Err(Failure::no_page()),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Deed::Stop => "stop",
            Deed::Rerun => "rerun",
            Deed::Delete => "delete",
        }
    }

    fn button(self) -> &'static str {
        match self {
            Deed::Stop => "Stop the task",
            Deed::Rerun => "Rerun the task",
            Deed::Delete => "Delete the task",
        }
    }

    fn consequence(self) -> &'static str {
        match self {
            Deed::Stop => {
                "What runs gets SIGTERM and, after its grace period, SIGKILL; what has not started never will. Output and logs so far are kept."
            }
            Deed::Rerun => "It starts again from its first action with the same input.",
            Deed::Delete => {
                "Its history, logs, outputs and workspaces are removed from the cluster. This cannot be undone."
            }
        }
    }
}

#[derive(Template)]
#[template(path = "confirm.html")]
pub(super) struct Page {
    pub(super) frame: Frame,
    pub(super) question: Confirm,
}

#[derive(Deserialize)]
pub(crate) struct Nothing {}

/// The page that asks.
pub(crate) async fn ask(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Failure> {
    let (task, word) = path.into_inner();
    let deed = Deed::parse(&word)?;
    let task = signed.session.client.fetch_task(&task).await?.task;
    let frame = Frame::new(&state, &request, Section::Tasks, deed.button());
    let url = format!("/tasks/{}", task.task_id);
    let question = Confirm {
        deed: deed.button().to_owned(),
        badge: Some(Badge::of(task.stage, task.status)),
        name: title_of(&task.task_name),
        of: visible(&task.app_name),
        consequence: deed.consequence().to_owned(),
        action: format!("{url}/{}", deed.word()),
        csrf: frame.csrf.clone(),
        fields: Vec::new(),
        is_danger: deed != Deed::Rerun,
        command: Some(Command::new(format!("lp task {} {}", deed.word(), task.task_id.short()))),
        url,
    };
    html(&Page { frame, question })
}

pub(crate) async fn carry_out(
    path: web::Path<(String, String)>,
    form: Checked<Nothing>,
) -> Result<HttpResponse, Failure> {
    let Nothing {} = form.fields;
    let (task, word) = path.into_inner();
    let client = &form.signed.session.client;
    // the redirect goes to an id, not to whatever stood in the address
    let next = match Deed::parse(&word)? {
        Deed::Stop => format!("/tasks/{}", client.stop_task(&task, &StopTask::default()).await?.task_id),
        Deed::Rerun => format!("/tasks/{}", client.rerun_task(&task, &RerunTask::default()).await?.task_id),
        Deed::Delete => {
            client.delete_task(&task, &DeleteTask::default()).await?;
            "/tasks".to_owned()
        }
    };
    Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, next)).finish())
}
