//! The list of schedules, by filter and page; both are in the address.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::views::{DEFAULT_PAGE, ListSchedules, ScheduleView};
use serde::Deserialize;

use super::LIST;
use crate::failure::Failure;
use crate::frame::{Frame, Section};
use crate::pages::workflows::one::enabled;
use crate::pages::{Visit, glob, html};
use crate::parts::{Badge, Empty, Field, FilterBar, IdChip, Moment, Pager, clip, url_part, visible};

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Filter {
    #[serde(default)]
    name: String,
    /// `true` or `false`.
    #[serde(default)]
    enable: String,
    #[serde(default)]
    cursor: String,
}

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

pub(crate) async fn show(visit: Visit, filter: web::Query<Filter>) -> Result<HttpResponse, Failure> {
    let filter = filter.into_inner();
    let list = ListSchedules {
        name: Some(glob(&filter.name)).filter(|name| !name.is_empty()),
        enable: filter.enable.parse().ok(),
        cursor: Some(filter.cursor.clone()).filter(|cursor| !cursor.is_empty()),
        limit: Some(DEFAULT_PAGE),
        ..ListSchedules::default()
    };
    let page = visit.client().list_schedules(&list).await?;
    let now = Utc::now();
    let empty = match filter == Filter::default() {
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
        pager: Pager {
            newest: (!filter.cursor.is_empty()).then(|| format!("{LIST}?{}", filter.without("cursor"))),
            older: page.next_cursor.map(|cursor| {
                let older = Filter { cursor, ..filter.clone() };
                format!("{LIST}?{}", older.without(""))
            }),
        },
        filter: filter.bar(),
    })
}

impl Filter {
    fn without(&self, left_out: &str) -> String {
        let fields = [("name", &self.name), ("enable", &self.enable), ("cursor", &self.cursor)];
        let used = fields.iter().filter(|(key, value)| !value.is_empty() && *key != left_out);
        used.map(|(key, value)| format!("{key}={}", url_part(value))).collect::<Vec<_>>().join("&")
    }

    fn bar(&self) -> FilterBar {
        let states = [("", "any"), ("true", "enabled"), ("false", "disabled")];
        let states = states.map(|(value, word)| (value.to_owned(), word.to_owned())).to_vec();
        let mut bar = FilterBar::new(
            LIST,
            vec![
                Field::line("name", "Name", self.name.clone()).placeholder("any part, or with * and ?"),
                Field::choice("enable", "State", self.enable.clone(), states),
            ],
        );
        if !self.name.is_empty() {
            bar = bar
                .chip(format!("name: {}", clip(&self.name, 40)), format!("{LIST}?{}", self.without("name")));
        }
        if !self.enable.is_empty() {
            let word = if self.enable == "true" { "enabled" } else { "disabled" };
            bar = bar.chip(word, format!("{LIST}?{}", self.without("enable")));
        }
        bar
    }
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
