//! What is asked about before it is done to a schedule: trigger, enable, disable, delete.

use actix_web::{HttpResponse, web};
use lp_protocol::views::{ScheduleView, UpdateSchedule};
use serde::Deserialize;

use super::LIST;
use super::list::said;
use crate::failure::Failure;
use crate::frame::Section;
use crate::pages::form::Checked;
use crate::pages::sheet::go_on;
use crate::pages::workflows::one::enabled;
use crate::pages::{Nothing, Visit, confirm};
use crate::parts::{Command, Confirm, shell_word, visible};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Deed {
    Trigger,
    Enable,
    Disable,
    Delete,
}

impl Deed {
    fn word(self) -> &'static str {
        match self {
            Deed::Trigger => "trigger",
            Deed::Enable => "enable",
            Deed::Disable => "disable",
            Deed::Delete => "delete",
        }
    }

    fn button(self) -> &'static str {
        match self {
            Deed::Trigger => "Trigger the schedule",
            Deed::Enable => "Enable the schedule",
            Deed::Disable => "Disable the schedule",
            Deed::Delete => "Delete the schedule",
        }
    }

    fn consequence(self, view: &ScheduleView) -> String {
        match self {
            Deed::Trigger => format!(
                "It fires now, beside its calendar: {} gets one more run with the schedule's input, unless its rule for overlaps ({}) says otherwise.",
                visible(&view.source_name),
                view.overlap
            ),
            Deed::Enable => {
                format!("It fires from now on: {}. What came while it was disabled is not caught up on.", said(view))
            }
            Deed::Disable => "Nothing fires until it is enabled; instants that wait are dropped. What runs goes on.".to_owned(),
            Deed::Delete => {
                "The schedule and its history of instants are removed. The tasks and works it has made stay. This cannot be undone.".to_owned()
            }
        }
    }
}

pub(crate) async fn ask(visit: Visit, path: web::Path<(String, Deed)>) -> Result<HttpResponse, Failure> {
    let (schedule, deed) = path.into_inner();
    let view = visit.client().fetch_schedule(&schedule).await?.schedule;
    let url = format!("{LIST}/{}", view.schedule_id);
    let question = Confirm {
        badge: Some(enabled(view.enable)),
        consequence: deed.consequence(&view),
        is_danger: matches!(deed, Deed::Disable | Deed::Delete),
        command: Some(Command::new(format!(
            "lp schedule {} {}",
            deed.word(),
            shell_word(&view.schedule_name)
        ))),
        ..Confirm::new(deed.button(), deed.word(), visible(&view.schedule_name), url)
    };
    confirm(visit.frame_below(Section::Schedules, deed.button()), question)
}

pub(crate) async fn carry_out(
    path: web::Path<(String, Deed)>,
    form: Checked<Nothing>,
) -> Result<HttpResponse, Failure> {
    let (schedule, deed) = path.into_inner();
    let client = &form.signed.session.client;
    let id = client.fetch_schedule(&schedule).await?.schedule.schedule_id.to_string();
    let enable = |enable| UpdateSchedule { enable: Some(enable), ..UpdateSchedule::default() };
    match deed {
        Deed::Trigger => _ = client.trigger_schedule(&id).await?,
        Deed::Enable => _ = client.update_schedule(&id, &enable(true)).await?,
        Deed::Disable => _ = client.update_schedule(&id, &enable(false)).await?,
        Deed::Delete => {
            client.delete_schedule(&id).await?;
            return Ok(go_on(LIST));
        }
    }
    Ok(go_on(&format!("{LIST}/{id}")))
}
