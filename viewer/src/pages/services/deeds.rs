//! What is asked about before it is done to a service: start, stop, restart, delete.

use actix_web::{HttpResponse, web};
use lp_protocol::views::UpdateService;
use serde::Deserialize;

use super::LIST;
use super::list::badge;
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
    Restart,
    Delete,
}

impl Deed {
    fn word(self) -> &'static str {
        match self {
            Deed::Enable => "enable",
            Deed::Disable => "disable",
            Deed::Restart => "restart",
            Deed::Delete => "delete",
        }
    }

    fn button(self) -> &'static str {
        match self {
            Deed::Enable => "Start the service",
            Deed::Disable => "Stop the service",
            Deed::Restart => "Restart the service",
            Deed::Delete => "Delete the service",
        }
    }

    fn consequence(self) -> &'static str {
        match self {
            Deed::Enable => "It is enabled and a task of it starts at once; earlier failures are forgotten.",
            Deed::Disable => {
                "It is disabled: its task is stopped with the service's signal and grace, and none follows until it is started again."
            }
            Deed::Restart => {
                "Its task is stopped and another starts without a wait, with the application's version it has; earlier failures are forgotten."
            }
            Deed::Delete => {
                "Its task is stopped and the service is removed. Tasks it has had stay with their logs until they expire. This cannot be undone."
            }
        }
    }
}

pub(crate) async fn ask(visit: Visit, path: web::Path<(String, Deed)>) -> Result<HttpResponse, Failure> {
    let (service, deed) = path.into_inner();
    let view = visit.client().fetch_service(&service).await?.service;
    let url = format!("{LIST}/{}", view.service_id);
    let question = Confirm {
        badge: Some(badge(&view)),
        of: visible(&view.app_name),
        consequence: deed.consequence().to_owned(),
        is_danger: matches!(deed, Deed::Disable | Deed::Delete),
        command: Some(Command::new(format!("lp service {} {}", deed.word(), shell_word(&view.name)))),
        ..Confirm::new(deed.button(), deed.word(), visible(&view.name), url)
    };
    confirm(visit.frame_below(Section::Services, deed.button()), question)
}

pub(crate) async fn carry_out(
    path: web::Path<(String, Deed)>,
    form: Checked<Nothing>,
) -> Result<HttpResponse, Failure> {
    let (service, deed) = path.into_inner();
    let client = &form.signed.session.client;
    let id = client.fetch_service(&service).await?.service.service_id.to_string();
    let enable = |enable| UpdateService { enable: Some(enable), ..UpdateService::default() };
    match deed {
        Deed::Enable => _ = client.update_service(&id, &enable(true)).await?,
        Deed::Disable => _ = client.update_service(&id, &enable(false)).await?,
        Deed::Restart => _ = client.restart_service(&id).await?,
        Deed::Delete => {
            client.delete_service(&id).await?;
            return Ok(go_on(LIST));
        }
    }
    Ok(go_on(&format!("{LIST}/{id}")))
}
