//! A task: what it is, why it is so, its actions, and the output of the one that tells most, open already.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Utc};
use lp_protocol::client::ManagerClient;
use lp_protocol::views::TaskInfo;
use lp_protocol::{Stage, Status};
use serde::Deserialize;

use super::attempt::{LogTail, Selected, Wanted};
use super::task_parts::{Actions, Head, InOut, OpenAttempt, WhyLine};
use super::{html, text};
use crate::auth::Session;
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::parts::{shell_word, url_part, visible};
use crate::state::State;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tab {
    #[default]
    Actions,
    Io,
}

#[derive(Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    tab: Tab,
    #[serde(default)]
    action: String,
    #[serde(default)]
    attempt: String,
}

#[derive(Template)]
#[template(path = "task.html")]
struct Page {
    frame: Frame,
    tab: Tab,
    command: String,
    content: Task,
    /// None on the other tab, or where nothing was tried yet.
    log: Option<LogTail>,
}

/// What the page shows, in the parts it is kept up to date by.
pub(crate) struct Task {
    head: Head,
    why: WhyLine,
    actions: Option<Actions>,
    attempt: Option<OpenAttempt>,
    io: Option<InOut>,
    pub(crate) selected: Option<Selected>,
}

/// Which view of which task.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) task: String,
    pub(crate) tab: Tab,
    pub(crate) wanted: Wanted,
}

pub(crate) async fn show(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    task: web::Path<String>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Failure> {
    let Query { tab, action, attempt } = query.into_inner();
    let asked = Asked { task: task.into_inner(), tab, wanted: Wanted { action, attempt } };
    let session = &signed.session;
    let info = session.client.fetch_task(&asked.task).await?;
    let content = Task::make(session, &info, &asked, Utc::now()).await;
    let log = match tab {
        Tab::Io => None,
        Tab::Actions => log(&session.client, &info, content.selected.as_ref()).await,
    };
    let mut frame = Frame::new(&state, &request, Section::Tasks, &content.head.tab_title)
        .crumb("Applications", "/apps")
        .crumb(visible(&info.task.app_name), format!("/apps/{}", info.task.app_id));
    frame = frame.live(live_address(&info, &asked, content.selected.as_ref(), log.as_ref()));
    let short = info.task.task_id.short();
    let command = match (tab, &content.selected) {
        (Tab::Actions, Some(open)) => format!("lp logs {short} {} -f", shell_word(&open.action)),
        (Tab::Actions, None) | (Tab::Io, _) => format!("lp task info {short}"),
    };
    html(&Page { frame, tab, command, content, log })
}

impl Task {
    /// As the page is kept up to date by.
    pub(crate) async fn load(session: &Session, asked: &Asked, now: DateTime<Utc>) -> Result<Self, Failure> {
        let info = session.client.fetch_task(&asked.task).await?;
        Ok(Self::make(session, &info, asked, now).await)
    }

    async fn make(session: &Session, info: &TaskInfo, asked: &Asked, now: DateTime<Utc>) -> Self {
        let why = match needs_why(info) {
            // the page is worth showing without it, and what the manager thinks of a task may fail on its own
            true => session.client.explain_task(&info.task.task_id.to_string()).await.ok(),
            false => None,
        };
        let selected = Selected::choose(info, &asked.wanted);
        let found = selected.as_ref().and_then(|selected| selected.find(info));
        let is_actions = asked.tab == Tab::Actions;
        Self {
            head: Head::new(info, &session.csrf, now),
            why: WhyLine::new(info, why),
            actions: is_actions.then(|| Actions::new(info, selected.as_ref(), now)),
            attempt: found
                .filter(|_| is_actions)
                .map(|(action, attempt)| OpenAttempt::new(info, action, attempt, now)),
            io: (asked.tab == Tab::Io).then(|| InOut::new(info)),
            selected,
        }
    }

    pub(crate) fn parts(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let mut parts = vec![("head", text(&self.head)?), ("why", text(&self.why)?)];
        if let Some(actions) = &self.actions {
            parts.push(("actions", text(actions)?));
        }
        if let Some(attempt) = &self.attempt {
            parts.push(("attempt", text(attempt)?));
        }
        if let Some(io) = &self.io {
            parts.push(("io", text(io)?));
        }
        Ok(parts)
    }
}

/// What went well needs no explanation.
fn needs_why(info: &TaskInfo) -> bool {
    match (info.task.stage, info.task.status) {
        (Stage::Pending | Stage::Running | Stage::Stopping, _) => true,
        (Stage::Finished, status) => status != Some(Status::Success),
    }
}

async fn log(client: &ManagerClient, info: &TaskInfo, selected: Option<&Selected>) -> Option<LogTail> {
    let (action, attempt) = selected?.find(info)?;
    let task_id = info.task.task_id.to_string();
    Some(LogTail::fetch(client, &task_id, &action.name, attempt?).await)
}

/// The address of the page's changes. It says what was chosen and, apart from it, what is open: where the two come apart (the next
/// attempt has begun), the page loads itself anew.
fn live_address(
    info: &TaskInfo,
    asked: &Asked,
    selected: Option<&Selected>,
    log: Option<&LogTail>,
) -> String {
    let tab = match asked.tab {
        Tab::Actions => "actions",
        Tab::Io => "io",
    };
    let Wanted { action, attempt } = &asked.wanted;
    let mut address = format!(
        "/live?view=task&task={}&tab={tab}&action={}&attempt={}",
        info.task.task_id,
        url_part(action),
        url_part(attempt)
    );
    if let Some(open) = selected {
        address.push_str(&format!("&open_action={}", url_part(&open.action)));
        if let Some(number) = open.attempt {
            address.push_str(&format!("&open_attempt={number}"));
        }
        let is_going_on =
            open.find(info).and_then(|(_, attempt)| attempt).is_some_and(|attempt| attempt.stage.is_open());
        if let Some(log) = log
            && is_going_on
        {
            address.push_str(&format!("&offset={}", log.next));
        }
    }
    address
}
