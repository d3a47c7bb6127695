//! What is asked about before it is done to a workflow: enable, disable, delete.

use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::views::UpdateWorkflow;

use super::LIST;
use super::one::enabled;
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::pages::form::Checked;
use crate::pages::sheet::go_on;
use crate::pages::{Nothing, confirm};
use crate::parts::{Command, Confirm, shell_word, visible};
use crate::state::State;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Enable,
    Disable,
    Delete,
}

impl Deed {
    fn parse(word: &str) -> Result<Self, Failure> {
        match word {
            "enable" => Ok(Deed::Enable),
            "disable" => Ok(Deed::Disable),
            "delete" => Ok(Deed::Delete),
            _ => Err(Failure::no_page()),
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

pub(crate) async fn ask(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Failure> {
    let (workflow, word) = path.into_inner();
    let deed = Deed::parse(&word)?;
    let view = signed.session.client.fetch_workflow(&workflow).await?;
    let url = format!("{LIST}/{}", view.workflow_id);
    let frame = Frame::new(&state, &request, Section::Workflows, deed.button()).crumb("Workflows", LIST);
    let question = Confirm {
        deed: deed.button().to_owned(),
        badge: Some(enabled(view.enable)),
        name: visible(&view.name),
        of: String::new(),
        consequence: deed.consequence().to_owned(),
        action: format!("{url}/{word}"),
        csrf: frame.csrf.clone(),
        fields: Vec::new(),
        is_danger: deed != Deed::Enable,
        command: Some(Command::new(deed.command(&shell_word(&view.name)))),
        url,
    };
    confirm(frame, question)
}

pub(crate) async fn carry_out(
    path: web::Path<(String, String)>,
    form: Checked<Nothing>,
) -> Result<HttpResponse, Failure> {
    let (workflow, word) = path.into_inner();
    let (deed, client) = (Deed::parse(&word)?, &form.signed.session.client);
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
