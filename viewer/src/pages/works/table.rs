//! The table of works, newest first. On a phone each row becomes a small card.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};
use lp_protocol::views::WorkView;

use crate::parts::{Badge, Empty, IdChip, Lasting, Moment, Prose, title_of, visible};

const MAX_REASON_CHARS: usize = 160;

#[derive(Clone, Debug, Template)]
#[template(path = "works/table.html")]
pub(crate) struct WorkTable {
    rows: Vec<Row>,
    empty: Empty,
}

impl HtmlSafe for WorkTable {}

#[derive(Clone, Debug)]
struct Row {
    work_id: String,
    id: IdChip,
    badge: Badge,
    name: String,
    workflow_id: String,
    workflow_name: String,
    run: u32,
    created: Moment,
    took: Option<Lasting>,
    reason: Option<Prose>,
}

impl WorkTable {
    pub(crate) fn new(works: Vec<WorkView>, empty: Empty, now: DateTime<Utc>) -> Self {
        Self { rows: works.into_iter().map(|work| Row::new(work, now)).collect(), empty }
    }
}

impl Row {
    fn new(work: WorkView, now: DateTime<Utc>) -> Self {
        Self {
            work_id: work.work_id.to_string(),
            id: IdChip::new(work.work_id, work.work_id.short()),
            badge: Badge::of(work.stage, work.status),
            name: title_of(&work.name),
            workflow_id: work.workflow_id.to_string(),
            workflow_name: visible(&work.workflow_name),
            run: work.run,
            created: Moment::new(work.create_at, now),
            took: Lasting::new(work.start_at, work.end_at, now),
            reason: work.reason.map(|reason| Prose::new(&reason, MAX_REASON_CHARS)),
        }
    }
}
