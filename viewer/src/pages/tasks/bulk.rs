//! The same deed for many tasks: those that were chosen, or all that fit a filter. It is asked about first, with how many there are.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::Utc;
use lp_protocol::TaskId;
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{BulkDeed, BulkTasks, BulkTasksDone, DeleteTask, RecoverTask, RerunTask, StopTask};

use super::Filter;
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::pages::form::CheckedList;
use crate::pages::html;
use crate::pages::task::deeds::Deed;
use crate::parts::{Command, Field, Prose, plural};
use crate::state::State;

/// More than a page of the list has.
const MAX_CHOSEN: usize = 500;

/// Calls for one request: each looks at some thousand tasks. Of what is left the page says so.
const MAX_CALLS: usize = 40;

/// Reasons shown of those that failed.
const MAX_REASONS: usize = 20;

#[derive(Template)]
#[template(path = "tasks_bulk.html")]
struct Question {
    frame: Frame,
    title: String,
    consequence: &'static str,
    is_danger: bool,
    hidden: Vec<(&'static str, String)>,
    fields: Vec<Field>,
    back: String,
    /// Nothing fits.
    is_nothing: bool,
    /// Told where there are more than were counted.
    more: bool,
    command: Option<Command>,
}

#[derive(Template)]
#[template(path = "tasks_done.html")]
struct Done {
    frame: Frame,
    title: String,
    failures: Vec<(String, String, Prose)>,
    more_failures: u64,
    /// There are more that fit.
    has_more: bool,
    back: String,
}

#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct Wanted {
    #[serde(default, rename = "do")]
    deed: String,
    #[serde(flatten)]
    filter: Filter,
}

/// `GET /tasks/bulk?do=stop&status=...`: all that fit.
pub(crate) async fn ask_of_filter(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    wanted: web::Query<Wanted>,
) -> Result<HttpResponse, Failure> {
    let Wanted { deed, filter } = wanted.into_inner();
    let (deed, filter) = (Deed::parse(&deed)?, filter.without_cursor());
    let body = BulkTasks {
        deed: bulk_deed(deed, false),
        filter: filter.to_list(Utc::now())?,
        all: true,
        dry_run: true,
    };
    // not all of a million are counted before the question is asked
    let counted = signed.session.client.bulk_tasks(&body).await?;
    let more = counted.next_cursor.is_some();
    let mut hidden = vec![("do", deed.word().to_owned()), ("all", "yes".to_owned())];
    hidden.extend(filter.fields().into_iter().map(|(key, value)| (key, value.clone())));
    hidden.retain(|(_, value)| !value.is_empty());
    let command = filter.command().replacen("lp task list", &format!("lp task {}", deed.word()), 1);
    let is_all = filter.is_empty();
    let what = if is_all { "of all there are" } else { "that fit the filter" };
    html(&Question {
        title: match (counted.matched, more) {
            (0, true) => format!("{} the tasks {what}?", verb(deed)),
            (matched, true) => format!("{} {matched} or more tasks {what}?", verb(deed)),
            (1, false) if !is_all => format!("{} the 1 task that fits the filter?", verb(deed)),
            (matched, false) => format!("{} {} {what}?", verb(deed), plural(matched, "task")),
        },
        consequence: deed.consequence(),
        is_danger: deed.is_danger(),
        hidden,
        fields: fields(deed),
        back: format!("/tasks?{}", filter.query()),
        is_nothing: counted.matched == 0 && !more,
        more,
        command: (!is_all).then(|| Command::new(command)),
        frame: frame(&state, &request, deed),
    })
}

/// `POST /tasks/bulk/ask`: those whose boxes are checked.
pub(crate) async fn ask_of_chosen(
    state: web::Data<State>,
    request: HttpRequest,
    form: CheckedList,
) -> Result<HttpResponse, Failure> {
    let deed = Deed::parse(form.field("do"))?;
    let ids = chosen(&form);
    let mut hidden = vec![("do", deed.word().to_owned())];
    hidden.extend(ids.iter().map(|id| ("id", id.to_string())));
    html(&Question {
        title: format!("{} {} that you have chosen?", verb(deed), plural(ids.len() as u64, "task")),
        consequence: deed.consequence(),
        is_danger: deed.is_danger(),
        hidden,
        fields: fields(deed),
        back: "/tasks".to_owned(),
        is_nothing: ids.is_empty(),
        more: false,
        command: None,
        frame: frame(&state, &request, deed),
    })
}

fn frame(state: &State, request: &HttpRequest, deed: Deed) -> Frame {
    Frame::new(state, request, Section::Tasks, &format!("{} tasks", verb(deed))).crumb("Tasks", "/tasks")
}

fn verb(deed: Deed) -> &'static str {
    match deed {
        Deed::Stop => "Stop",
        Deed::Rerun => "Rerun",
        Deed::Recover => "Recover",
        Deed::Delete => "Delete",
    }
}

fn fields(deed: Deed) -> Vec<Field> {
    match deed {
        Deed::Delete => vec![Field::check("force", "Stop those first that are not finished", false)],
        Deed::Rerun => {
            vec![Field::check("force", "Run the version each had, not the one that is active now", false)]
        }
        Deed::Stop => vec![Field::check("force", "With SIGKILL at once, without time to clean up", false)],
        Deed::Recover => Vec::new(),
    }
}

/// `option` is what the one box of the form says.
fn bulk_deed(deed: Deed, option: bool) -> BulkDeed {
    match deed {
        Deed::Stop => BulkDeed::Stop(StopTask { signal: option.then_some(9), grace: None }),
        Deed::Rerun => BulkDeed::Rerun(RerunTask { same_version: option }),
        Deed::Recover => BulkDeed::Recover(RecoverTask::default()),
        Deed::Delete => BulkDeed::Delete(DeleteTask { force: option }),
    }
}

fn chosen(form: &CheckedList) -> Vec<TaskId> {
    form.all("id").filter_map(|id| id.parse().ok()).take(MAX_CHOSEN).collect()
}

/// `POST /tasks/bulk`.
pub(crate) async fn carry_out(
    state: web::Data<State>,
    request: HttpRequest,
    form: CheckedList,
) -> Result<HttpResponse, Failure> {
    let deed = Deed::parse(form.field("do"))?;
    let option = !form.field("force").is_empty();
    let client = &form.signed.session.client;
    let (done, back) = if form.field("all").is_empty() {
        (one_by_one(client, deed, option, chosen(&form)).await?, "/tasks".to_owned())
    } else {
        let filter: Filter = form.read()?;
        let body = BulkTasks {
            deed: bulk_deed(deed, option),
            filter: filter.to_list(Utc::now())?,
            all: true,
            dry_run: false,
        };
        (all_pages(client, body).await?, format!("/tasks?{}", filter.query()))
    };
    let failures = done.failures.iter().take(MAX_REASONS).map(|failure| {
        let message = crate::failure::sentence(&failure.message);
        (failure.task_id.to_string(), failure.task_id.short(), Prose::new(&message, 300))
    });
    let failures: Vec<_> = failures.collect();
    html(&Done {
        frame: frame(&state, &request, deed),
        title: match done.failed {
            0 => format!("{}: {} done", verb(deed), plural(done.done, "task")),
            failed => format!("{}: {} done, {failed} not", verb(deed), plural(done.done, "task")),
        },
        more_failures: done.failed.saturating_sub(failures.len() as u64),
        failures,
        has_more: done.next_cursor.is_some(),
        back,
    })
}

async fn all_pages(client: &ManagerClient, mut body: BulkTasks) -> Result<BulkTasksDone, Failure> {
    let mut sum = BulkTasksDone::default();
    for _ in 0..MAX_CALLS {
        let done = client.bulk_tasks(&body).await?;
        sum.matched += done.matched;
        sum.done += done.done;
        sum.failed += done.failed;
        sum.failures.extend(done.failures);
        sum.failures.truncate(MAX_REASONS);
        sum.next_cursor.clone_from(&done.next_cursor);
        match done.next_cursor {
            None => break,
            cursor => body.filter.cursor = cursor,
        }
    }
    Ok(sum)
}

async fn one_by_one(
    client: &ManagerClient,
    deed: Deed,
    option: bool,
    ids: Vec<TaskId>,
) -> Result<BulkTasksDone, Failure> {
    let mut sum = BulkTasksDone { matched: ids.len() as u64, ..BulkTasksDone::default() };
    for task_id in ids {
        let task = task_id.to_string();
        let result = match bulk_deed(deed, option) {
            BulkDeed::Stop(stop) => client.stop_task(&task, &stop).await.map(drop),
            BulkDeed::Rerun(rerun) => client.rerun_task(&task, &rerun).await.map(drop),
            BulkDeed::Recover(recover) => client.recover_task(&task, &recover).await.map(drop),
            BulkDeed::Delete(delete) => client.delete_task(&task, &delete).await,
        };
        match result {
            Ok(()) => sum.done += 1,
            // the others would fail in the same way
            Err(error) if error.is_transient() => return Err(error.into()),
            Err(error) => {
                let failure = Failure::from(error);
                if failure.is_signed_out() {
                    return Err(failure);
                }
                sum.failed += 1;
                sum.failures.push(lp_protocol::views::BulkFailure { task_id, message: failure.message });
            }
        }
    }
    Ok(sum)
}
