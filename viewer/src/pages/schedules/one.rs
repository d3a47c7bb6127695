//! One schedule: its times in words, what comes next, what has come.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::Source;
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{ListInstants, NextInstants, ScheduleInfo};

use super::LIST;
use super::history::{History, strip};
use super::list::{runs_url, said};
use super::preview::Coming;
use crate::failure::Failure;
use crate::frame::{Frame, Section};
use crate::pages::workflows::one::enabled;
use crate::pages::{Visit, html, text};
use crate::parts::{
    Badge, Command, Facts, IdChip, JsonView, Moment, Strip, Value, clip, shell_word, visible,
};

/// Instants of the strip, and rows of the table.
const STRIP: u32 = 50;
const ROWS: usize = 20;

#[derive(Template)]
#[template(path = "schedules/one.html")]
struct Page {
    frame: Frame,
    base: String,
    made_url: String,
    name: String,
    badge: Badge,
    words: String,
    enable: bool,
    facts: Facts,
    content: Past,
    coming: Coming,
    input: JsonView,
    command: Command,
}

/// What moves.
pub(crate) struct Past {
    strip: Strip,
    history: History,
}

pub(crate) async fn show(visit: Visit, schedule: web::Path<String>) -> Result<HttpResponse, Failure> {
    let client = visit.client();
    let info = client.fetch_schedule(&schedule).await?;
    let id = info.schedule.schedule_id.to_string();
    let now = Utc::now();
    let next = client.preview_schedule(&id, &NextInstants::default()).await.unwrap_or_default();
    let content = Past::load(client, &id, now).await?;
    let facts = facts(&info, now);
    let ScheduleInfo { schedule, input_data, instants: _ } = info;
    let base = format!("{LIST}/{id}");
    html(&Page {
        frame: visit
            .frame_below(Section::Schedules, &clip(&schedule.schedule_name, 80))
            .live(format!("/live?view=schedule&app={id}")),
        made_url: match schedule.source {
            Source::Application => format!("/tasks?schedule={id}"),
            Source::Workflow => format!("/works?schedule={id}"),
        },
        words: said(&schedule),
        enable: schedule.enable,
        badge: enabled(schedule.enable),
        command: Command::new(format!("lp schedule info {}", shell_word(&schedule.schedule_name))),
        name: visible(&schedule.schedule_name),
        facts,
        content,
        coming: Coming::new(next, now),
        input: JsonView::new(input_data.get(), "Input"),
        base,
    })
}

fn facts(info: &ScheduleInfo, now: DateTime<Utc>) -> Facts {
    let view = &info.schedule;
    let runs = match view.source_name.is_empty() {
        true => Value::Text("was deleted".to_owned()),
        false => Value::Link {
            text: format!("{} {}", view.source, visible(&view.source_name)),
            url: runs_url(view),
        },
    };
    let jitter = (view.jitter > 0.0).then(|| Value::Text(format!("up to {} s later", view.jitter)));
    Facts::default()
        .row("Runs", runs)
        .row("Expression", Value::Code(visible(&view.cron)))
        .row("Zone", Value::Text(visible(&view.tz)))
        .row("If one still runs", Value::Text(view.overlap.to_string()))
        .row("If missed", Value::Text(format!("catch up: {}", view.catchup)))
        .maybe("Jitter", jitter)
        .maybe("Not before", view.start_at.map(|at| Value::Moment(Moment::new(at, now))))
        .maybe("Not after", view.end_at.map(|at| Value::Moment(Moment::new(at, now))))
        .row("Updated", Value::Moment(Moment::new(view.update_at, now)))
        .row("Created", Value::Moment(Moment::new(view.create_at, now)))
        .row("Id", Value::Id(IdChip::new(view.schedule_id, view.schedule_id.short())))
}

impl Past {
    pub(crate) async fn load(client: &ManagerClient, id: &str, now: DateTime<Utc>) -> Result<Self, Failure> {
        let query = ListInstants { cursor: None, limit: Some(STRIP) };
        let mut instants = client.list_instants(id, &query).await?.items;
        let strip = strip(&instants);
        instants.truncate(ROWS);
        Ok(Self { strip, history: History::new(&instants, now) })
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        Ok(vec![("strip", text(&self.strip)?), ("history", text(&self.history)?)])
    }
}
