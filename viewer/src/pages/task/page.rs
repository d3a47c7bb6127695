//! The page itself: what of the task it shows is loaded, and told apart into the parts it is kept up to date by.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{AttemptView, Outlined, ShowOutline, TaskInfo};
use lp_protocol::{Stage, Status};

use super::actions::Actions;
use super::address::Show;
use super::head::{Deeds, Head};
use super::history::History;
use super::io::{self, InOut};
use super::log_tail::LogTail;
use super::panel::{self, OpenAttempt, Panel};
use super::timeline::Timeline;
use super::why::WhyLine;
use super::{Address, Selected, Tab};
use crate::auth::Session;
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::graph::Graph;
use crate::pages::{html, text};
use crate::parts::{Command, Tabs, url_part, visible};
use crate::state::State;

#[derive(Template)]
#[template(path = "task.html")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    command: Command,
    content: Task,
    log: Option<Log>,
}

/// The output of the attempt that is open.
struct Log {
    tail: LogTail,
    /// Of the attempt, for its bytes and its download.
    url: String,
    is_going_on: bool,
}

/// What the page shows, in the parts it is kept up to date by.
pub(crate) struct Task {
    head: Head,
    deeds: Deeds,
    why: WhyLine,
    upper: Upper,
    attempt: Option<OpenAttempt>,
    panel: Option<Panel>,
    panel_is_live: bool,
    pub(crate) selected: Option<Selected>,
}

/// The upper half, as its tab says.
enum Upper {
    Graph(Graph),
    Timeline(Timeline),
    Actions(Actions),
    Io(InOut),
    History(History),
}

/// Reasons asked for; the line shows fewer, but some of them say what the first has said.
const MOST_REASONS: u32 = 50;

/// Which view of which task.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) task: String,
    pub(crate) address: Address,
}

/// For whom a page is made: who opens it gets all, what keeps it up to date leaves out what nodes have to be asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Reader,
    Update,
}

pub(crate) async fn show(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    task: web::Path<String>,
    address: web::Query<Address>,
) -> Result<HttpResponse, Failure> {
    let asked = Asked { task: task.into_inner(), address: address.into_inner() };
    let (session, address) = (&signed.session, &asked.address);
    let outlined = fetch(&session.client, &asked).await?;
    let content = Task::make(session, &outlined, address, Utc::now(), For::Reader).await;
    let info = outlined.info;
    let log = match address.tab.has_panel() && address.show == Show::Log {
        true => log(&session.client, &info, content.selected.as_ref()).await,
        false => None,
    };
    let mut frame = Frame::new(&state, &request, Section::Tasks, &content.head.tab_title)
        .crumb("Applications", "/apps")
        .crumb(visible(&info.task.app_name), format!("/apps/{}", info.task.app_id));
    frame = frame.live(live_address(&info, address, content.selected.as_ref(), log.as_ref()));
    let command = panel::command(&info, content.selected.as_ref(), address);
    html(&Page { frame, tabs: tabs(&info, address), command, content, log })
}

/// What the page needs of the task, in one go: with thousands of actions each look at them all counts.
async fn fetch(client: &ManagerClient, asked: &Asked) -> Result<Outlined, Failure> {
    let address = &asked.address;
    let query = ShowOutline {
        why: Some(MOST_REASONS),
        why_action: Some(address.action.clone()).filter(|action| !action.is_empty()),
        results: (address.tab == Tab::Io).then_some(io::MAX_RESULTS),
    };
    Ok(client.fetch_outline(&asked.task, &query).await?)
}

fn tabs(info: &TaskInfo, address: &Address) -> Tabs {
    let tab = |tabs: Tabs, name, tab: Tab| tabs.tab(name, address.on_tab(tab), address.tab == tab);
    let tabs = tab(tab(Tabs::new("Views of the task"), "Graph", Tab::Graph), "Timeline", Tab::Timeline);
    let tabs = tab(tabs, "Actions", Tab::Actions).count(info.actions.len());
    tab(tab(tabs, "Input & output", Tab::Io), "History", Tab::History)
}

impl Task {
    /// As the page is kept up to date by.
    pub(crate) async fn load(session: &Session, asked: &Asked, now: DateTime<Utc>) -> Result<Self, Failure> {
        let outlined = fetch(&session.client, asked).await?;
        Ok(Self::make(session, &outlined, &asked.address, now, For::Update).await)
    }

    async fn make(
        session: &Session,
        outlined: &Outlined,
        address: &Address,
        now: DateTime<Utc>,
        reader: For,
    ) -> Self {
        let Outlined { info, why, has_more } = outlined;
        let why = why.as_ref();
        let selected = Selected::choose(info, address);
        let open = selected.as_ref();
        let found = open.and_then(|open| open.find(info)).filter(|_| address.tab.has_panel());
        let panel_is_live = panel::is_live(address);
        let panel = match found {
            Some(found) if reader == For::Reader || panel_is_live => {
                Panel::load(session, info, found, address, why, now).await
            }
            Some(_) | None => None,
        };
        Self {
            head: Head::new(info, now),
            deeds: Deeds::new(info),
            why: WhyLine::new(info, why.filter(|_| needs_why(info)), address, open),
            upper: Upper::new((info, *has_more), address, open, now),
            attempt: found.map(|(action, attempt)| OpenAttempt::new(info, action, attempt, address, now)),
            panel,
            panel_is_live,
            selected,
        }
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let mut parts = vec![
            ("head", text(&self.head)?),
            ("deeds", text(&self.deeds)?),
            ("why", text(&self.why)?),
            (self.upper.part(), self.upper.text()?),
        ];
        if let Some(attempt) = &self.attempt {
            parts.push(("attempt", text(attempt)?));
        }
        if let Some(panel) = self.panel.as_ref().filter(|_| self.panel_is_live) {
            parts.push(("panel", text(panel)?));
        }
        Ok(parts)
    }
}

impl Upper {
    fn new(
        (info, has_more): (&TaskInfo, bool),
        address: &Address,
        open: Option<&Selected>,
        now: DateTime<Utc>,
    ) -> Self {
        match address.tab {
            Tab::Graph => Upper::Graph(super::graph::of_task(info, address, open, now)),
            Tab::Timeline => Upper::Timeline(Timeline::new(info, address, open, now)),
            Tab::Actions => Upper::Actions(Actions::new(info, address, open, now)),
            Tab::Io => Upper::Io(InOut::new(info, has_more)),
            Tab::History => Upper::History(History::new(info, now)),
        }
    }

    fn part(&self) -> &'static str {
        match self {
            Upper::Graph(_) => "graph",
            Upper::Timeline(_) => "timeline",
            Upper::Actions(_) => "actions",
            Upper::Io(_) => "io",
            Upper::History(_) => "history",
        }
    }

    fn text(&self) -> Result<String, Failure> {
        match self {
            Upper::Graph(part) => text(part),
            Upper::Timeline(part) => text(part),
            Upper::Actions(part) => text(part),
            Upper::Io(part) => text(part),
            Upper::History(part) => text(part),
        }
    }
}

/// What went well needs no explanation.
fn needs_why(info: &TaskInfo) -> bool {
    match (info.task.stage, info.task.status) {
        (Stage::Pending | Stage::Running | Stage::Stopping, _) => true,
        (Stage::Finished, status) => status != Some(Status::Success),
    }
}

async fn log(client: &ManagerClient, info: &TaskInfo, open: Option<&Selected>) -> Option<Log> {
    let (action, attempt) = open?.find(info)?;
    let attempt: &AttemptView = attempt?;
    let task_id = info.task.task_id.to_string();
    let url = format!("/tasks/{task_id}/actions/{}/attempts/{}", url_part(&action.name), attempt.attempt);
    let tail = LogTail::fetch(client, &task_id, &action.name, attempt).await;
    Some(Log { tail, url, is_going_on: attempt.stage.is_open() })
}

/// The address of the page's changes. It says what was chosen and, apart from it, what is open: where the two come apart (the next
/// attempt has begun), the page loads itself anew.
fn live_address(info: &TaskInfo, address: &Address, open: Option<&Selected>, log: Option<&Log>) -> String {
    let query = address.query();
    let mut live = format!("/live?view=task&task={}&{}", info.task.task_id, query.trim_start_matches('?'));
    if let Some(open) = open {
        live.push_str(&format!("&open_action={}", url_part(&open.action)));
        if let Some(number) = open.attempt {
            live.push_str(&format!("&open_attempt={number}"));
        }
        if let Some(log) = log.filter(|log| log.is_going_on) {
            live.push_str(&format!("&offset={}", log.tail.next));
        }
    }
    live
}
