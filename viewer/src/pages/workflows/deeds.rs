//! What is asked about before it is done to a workflow: enable, disable, delete.

use actix_web::{HttpResponse, web};
use lp_protocol::views::UpdateWorkflow;
use serde::Deserialize;

use super::LIST;
use super::one::enabled;
use crate::failure::Failure;
use crate::frame::Section;
use crate::pages::form::Checked;
use crate::pages::sheet::go_on;
use crate::pages::{Nothing, Visit, confirm};
use crate::parts::{Command, Confirm, shell_word, visible};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Deed {
    Enable,
    Disable,
    Delete,
}

impl Deed {
    fn word(self) -> &'static str {
        match self {
            Deed::Enable => "enable",
            Deed::Disable => "disable",
            Deed::Delete => "delete",
        }
    }

    fn button(self) -> &'static str {
        match self {
            Deed::Enable => "Enable the workflow",
            Deed::Disable => "Disable the workflow",
            Deed::Delete => "Delete the workflow",
        }
    }

    fn consequence(self) -> &'static str {
        match self {
            Deed::Enable => "Works can be made of it again, by people and by schedules.",
            Deed::Disable => {
                "No works can be made of it, by nobody and no schedule, until it is enabled. Works that run go on."
            }
            Deed::Delete => {
                "Its definition is removed from the cluster, and schedules that run it will have nothing to run. Its works stay with their results. This cannot be undone."
            }
        }
    }

    fn command(self, name: &str) -> String {
        match self {
            Deed::Enable => format!("lp workflow update {name} -e true"),
            Deed::Disable => format!("lp workflow update {name} -e false"),
            Deed::Delete => format!("lp workflow delete {name}"),
        }
    }
}

pub(crate) async fn ask(visit: Visit, path: web::Path<(String, Deed)>) -> Result<HttpResponse, Failure> {
    let (workflow, deed) = path.into_inner();
    let view = visit.client().fetch_workflow(&workflow).await?;
    let url = format!("{LIST}/{}", view.workflow_id);
    let question = Confirm {
        badge: Some(enabled(view.enable)),
        consequence: deed.consequence().to_owned(),
        is_danger: deed != Deed::Enable,
        command: Some(Command::new(deed.command(&shell_word(&view.name)))),
        ..Confirm::new(deed.button(), deed.word(), visible(&view.name), url)
    };
    confirm(visit.frame_below(Section::Workflows, deed.button()), question)
}

pub(crate) async fn carry_out(
    path: web::Path<(String, Deed)>,
    form: Checked<Nothing>,
) -> Result<HttpResponse, Failure> {
    let (workflow, deed) = path.into_inner();
    let client = &form.signed.session.client;
    let enable = match deed {
        Deed::Delete => {
            client.delete_workflow(&workflow).await?;
            return Ok(go_on(LIST));
        }
        Deed::Enable => true,
        Deed::Disable => false,
    };
    let body = UpdateWorkflow { enable: Some(enable), ..UpdateWorkflow::default() };
    let view = client.update_workflow(&workflow, &body).await?;
    Ok(go_on(&format!("{LIST}/{}", view.workflow_id)))
}
