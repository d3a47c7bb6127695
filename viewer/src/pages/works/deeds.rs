//! What is asked about before it is done to a work: stop, rerun, recover, delete.

use actix_web::{HttpResponse, web};
use lp_protocol::Stage;
use lp_protocol::views::{DeleteWork, StopTask};
use serde::Deserialize;

use super::LIST;
use crate::failure::Failure;
use crate::frame::Section;
use crate::pages::form::Checked;
use crate::pages::sheet::{go_on, number};
use crate::pages::{Visit, confirm};
use crate::parts::{Badge, Command, Confirm, Field, title_of, visible};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Deed {
    Stop,
    Rerun,
    Recover,
    Delete,
}

/// How it is stopped.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Fields {
    #[serde(default)]
    signal: String,
    #[serde(default)]
    grace: String,
}

impl Deed {
    fn word(self) -> &'static str {
        match self {
            Deed::Stop => "stop",
            Deed::Rerun => "rerun",
            Deed::Recover => "recover",
            Deed::Delete => "delete",
        }
    }

    fn button(self) -> &'static str {
        match self {
            Deed::Stop => "Stop the work",
            Deed::Rerun => "Rerun the work",
            Deed::Recover => "Recover the work",
            Deed::Delete => "Delete the work",
        }
    }

    fn consequence(self, is_over: bool) -> &'static str {
        match self {
            Deed::Stop => {
                "The tasks that run are stopped, and applications that have not started never will. What has finished keeps its results."
            }
            Deed::Rerun => {
                "Every application runs again from the beginning, with the same input and the versions the work was made with."
            }
            Deed::Recover => {
                "What has succeeded keeps its results; applications that failed, were stopped or never ran are run again."
            }
            Deed::Delete if is_over => {
                "Its tasks go with it: their history, logs, outputs and workspaces. This cannot be undone."
            }
            Deed::Delete => {
                "It still runs: its tasks are killed first, and then go with it, with their history, logs, outputs and workspaces. This cannot be undone."
            }
        }
    }
}

pub(crate) async fn ask(visit: Visit, path: web::Path<(String, Deed)>) -> Result<HttpResponse, Failure> {
    let (work, deed) = path.into_inner();
    let work = visit.client().fetch_work(&work).await?.work;
    let url = format!("{LIST}/{}", work.work_id);
    let is_over = work.stage == Stage::Finished;
    let force = if deed == Deed::Delete && !is_over { " --force" } else { "" };
    let question = Confirm {
        badge: Some(Badge::of(work.stage, work.status)),
        of: visible(&work.workflow_name),
        consequence: deed.consequence(is_over).to_owned(),
        fields: if deed == Deed::Stop { stop_fields() } else { Vec::new() },
        is_danger: matches!(deed, Deed::Stop | Deed::Delete),
        command: Some(Command::new(format!("lp work {} {}{force}", deed.word(), work.work_id.short()))),
        ..Confirm::new(deed.button(), deed.word(), title_of(&work.name), url)
    };
    confirm(visit.frame_below(Section::Works, deed.button()), question)
}

/// Signal and grace.
fn stop_fields() -> Vec<Field> {
    let signals = vec![
        ("15".to_owned(), "SIGTERM, then SIGKILL".to_owned()),
        ("9".to_owned(), "SIGKILL at once".to_owned()),
    ];
    vec![
        Field::choice("signal", "Signal", "15", signals),
        Field::number("grace", "Seconds until SIGKILL", "").help("Left empty: what each action says."),
    ]
}

pub(crate) async fn carry_out(
    path: web::Path<(String, Deed)>,
    form: Checked<Fields>,
) -> Result<HttpResponse, Failure> {
    let (work, deed) = path.into_inner();
    let (client, fields) = (&form.signed.session.client, form.fields);
    let view = match deed {
        Deed::Stop => {
            let refuse = |_| {
                let status = actix_web::http::StatusCode::BAD_REQUEST;
                Failure::new(status, "Not accepted", "The grace is a number of seconds.")
            };
            let signal = number("signal", &fields.signal).map_err(refuse)?;
            let grace = number("grace", &fields.grace).map_err(refuse)?;
            client.stop_work(&work, &StopTask { signal, grace }).await?
        }
        Deed::Rerun => client.rerun_work(&work).await?,
        Deed::Recover => client.recover_work(&work).await?,
        Deed::Delete => {
            // the page that asked has said that it is killed
            client.delete_work(&work, &DeleteWork { force: true }).await?;
            return Ok(go_on(LIST));
        }
    };
    Ok(go_on(&format!("{LIST}/{}", view.work_id)))
}
