//! The list of schedules, by filter and page; both are in the address.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::views::{DEFAULT_PAGE, ListSchedules, ScheduleView};

use super::LIST;
use crate::failure::Failure;
use crate::frame::{Frame, Section};
use crate::pages::filters::Switched;
use crate::pages::workflows::one::enabled;
use crate::pages::{Visit, html};
use crate::parts::{Badge, Empty, FilterBar, IdChip, Moment, Pager, visible};

#[derive(Template)]
#[template(path = "schedules/list.html")]
struct Page {
    frame: Frame,
    filter: FilterBar,
    rows: Vec<Row>,
    empty: Empty,
    pager: Pager,
}

struct Row {
    id: IdChip,
    url: String,
    badge: Badge,
    name: String,
    words: String,
    tz: String,
    runs: String,
    runs_url: String,
    next: Option<Moment>,
}

pub(crate) async fn show(visit: Visit, filter: web::Query<Switched>) -> Result<HttpResponse, Failure> {
    let list = ListSchedules {
        name: filter.name(),
        enable: filter.enable(),
        cursor: filter.cursor(),
        limit: Some(DEFAULT_PAGE),
        ..ListSchedules::default()
    };
    let page = visit.client().list_schedules(&list).await?;
    let now = Utc::now();
    let empty = match filter.is_empty() {
        true => Empty {
            text: "No schedules yet. A schedule makes tasks or works by the calendar:",
            commands: &["lp schedule create -n nightly -a APPLICATION --cron '40 12 * * 1-5' -e"],
        },
        false => {
            Empty { text: "No schedule fits this filter. All of them:", commands: &["lp schedule list"] }
        }
    };
    html(&Page {
        frame: visit.frame(Section::Schedules, "Schedules"),
        rows: page.items.into_iter().map(|schedule| Row::new(schedule, now)).collect(),
        empty,
        pager: filter.pager(LIST, page.next_cursor),
        filter: filter.bar(LIST),
    })
}

impl Row {
    fn new(view: ScheduleView, now: DateTime<Utc>) -> Self {
        Self {
            id: IdChip::new(view.schedule_id, view.schedule_id.short()),
            url: format!("{LIST}/{}", view.schedule_id),
            badge: enabled(view.enable),
            name: visible(&view.schedule_name),
            words: said(&view),
            tz: visible(&view.tz),
            runs_url: runs_url(&view),
            runs: visible(&view.source_name),
            next: view.next_at.map(|next| Moment::new(next, now)),
        }
    }
}

/// Its times in words, or as they stand where the manager is too old to say them.
pub(super) fn said(view: &ScheduleView) -> String {
    if view.words.is_empty() { visible(&view.cron) } else { visible(&view.words) }
}

/// The page of what it runs.
pub(super) fn runs_url(view: &ScheduleView) -> String {
    match view.source {
        lp_protocol::Source::Application => format!("/apps/{}", view.source_id),
        lp_protocol::Source::Workflow => format!("/workflows/{}", view.source_id),
    }
}
