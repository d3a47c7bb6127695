//! What can be done to a task: stop, rerun, recover, delete. Each is asked about first, on a page that names the task.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use lp_protocol::views::{DeleteTask, RecoverTask, RerunTask, ShowOutline, StopTask, TaskInfo};
use serde::Deserialize;

use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::pages::confirm;
use crate::pages::form::Checked;
use crate::parts::{Badge, Command, Confirm, Field, clip, shell_word, title_of, visible};
use crate::state::State;

/// Actions offered to recover from; of more of them a name can be typed.
const MAX_OFFERED: usize = 300;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Stop,
    Rerun,
    Recover,
    Delete,
}

impl Deed {
    pub(crate) fn parse(word: &str) -> Result<Self, Failure> {
        match word {
            "stop" => Ok(Deed::Stop),
            "rerun" => Ok(Deed::Rerun),
            "recover" => Ok(Deed::Recover),
            "delete" => Ok(Deed::Delete),
            _ => Err(Failure::no_page()),
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Deed::Stop => "stop",
            Deed::Rerun => "rerun",
            Deed::Recover => "recover",
            Deed::Delete => "delete",
        }
    }

    fn button(self) -> &'static str {
        match self {
            Deed::Stop => "Stop the task",
            Deed::Rerun => "Rerun the task",
            Deed::Recover => "Recover the task",
            Deed::Delete => "Delete the task",
        }
    }

    pub(crate) fn consequence(self) -> &'static str {
        match self {
            Deed::Stop => {
                "What runs gets the signal and, after its grace period, SIGKILL; what has not started never will. Output and logs so far are kept."
            }
            Deed::Rerun => {
                "It starts again from its first action with the same input. What it has left so far stays in its history."
            }
            Deed::Recover => {
                "What has succeeded is kept; what failed or never ran is run, with all that follows from it."
            }
            Deed::Delete => {
                "Its history, logs, outputs and workspaces are removed from the cluster. This cannot be undone."
            }
        }
    }

    pub(crate) fn is_danger(self) -> bool {
        match self {
            Deed::Stop | Deed::Delete => true,
            Deed::Rerun | Deed::Recover => false,
        }
    }

    fn fields(self, info: &TaskInfo, from: &str) -> Vec<Field> {
        match self {
            Deed::Stop => vec![
                Field::choice(
                    "signal",
                    "First signal",
                    "15",
                    vec![
                        ("15".to_owned(), "SIGTERM: it may clean up".to_owned()),
                        ("9".to_owned(), "SIGKILL: at once".to_owned()),
                    ],
                ),
                Field::number("grace", "Seconds until SIGKILL", "")
                    .help("Left empty: as each action's own says."),
            ],
            Deed::Rerun => vec![Field::check(
                "same_version",
                "Run the version it had, not the one that is active now",
                false,
            )],
            Deed::Recover => vec![from_field(info, from)],
            Deed::Delete if info.task.stage.is_open() => {
                vec![Field::check("force", "Stop it first: it is not finished", false)]
            }
            Deed::Delete => Vec::new(),
        }
    }
}

fn from_field(info: &TaskInfo, from: &str) -> Field {
    let help = "Actions to run again even if they have succeeded, with all that follows from them.";
    if info.actions.len() > MAX_OFFERED {
        return Field::line("from", "Again from", visible(from))
            .help(help)
            .placeholder("only what has not succeeded");
    }
    let only = (String::new(), "only what has not succeeded".to_owned());
    // what cannot be shown as it is cannot be chosen here; manifests have no such names
    let plain = info.actions.iter().filter(|action| visible(&action.name) == action.name);
    let each = plain.map(|action| (action.name.clone(), clip(&action.name, 80)));
    Field::choice("from", "Again from", from, std::iter::once(only).chain(each).collect()).help(help)
}

/// What the form of any of them sends; each reads its own.
#[derive(Deserialize)]
pub(crate) struct Wishes {
    #[serde(default)]
    signal: String,
    #[serde(default)]
    grace: String,
    #[serde(default)]
    same_version: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    force: String,
}

#[derive(Deserialize)]
pub(crate) struct Query {
    #[serde(default)]
    from: String,
}

/// The page that asks.
pub(crate) async fn ask(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    path: web::Path<(String, String)>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Failure> {
    let (task, word) = path.into_inner();
    let deed = Deed::parse(&word)?;
    let info = signed.session.client.fetch_outline(&task, &ShowOutline::default()).await?.info;
    let task = &info.task;
    let frame = Frame::new(&state, &request, Section::Tasks, deed.button())
        .crumb("Tasks", "/tasks")
        .crumb(title_of(&task.task_name), format!("/tasks/{}", task.task_id));
    let url = format!("/tasks/{}", task.task_id);
    let from =
        if query.from.is_empty() { String::new() } else { format!(" --from {}", shell_word(&query.from)) };
    let question = Confirm {
        deed: deed.button().to_owned(),
        badge: Some(Badge::of(task.stage, task.status)),
        name: title_of(&task.task_name),
        of: visible(&task.app_name),
        consequence: deed.consequence().to_owned(),
        action: format!("{url}/{}", deed.word()),
        csrf: frame.csrf.clone(),
        fields: deed.fields(&info, &query.from),
        is_danger: deed.is_danger(),
        command: Some(Command::new(format!("lp task {} {}{from}", deed.word(), task.task_id.short()))),
        url,
    };
    confirm(frame, question)
}

pub(crate) async fn carry_out(
    path: web::Path<(String, String)>,
    form: Checked<Wishes>,
) -> Result<HttpResponse, Failure> {
    let (task, word) = path.into_inner();
    let client = &form.signed.session.client;
    let wishes = form.fields;
    // the redirect goes to an id, not to whatever stood in the address
    let next = match Deed::parse(&word)? {
        Deed::Stop => {
            let stop = StopTask { signal: number(&wishes.signal)?, grace: number(&wishes.grace)? };
            format!("/tasks/{}", client.stop_task(&task, &stop).await?.task_id)
        }
        Deed::Rerun => {
            let rerun = RerunTask { same_version: !wishes.same_version.is_empty() };
            format!("/tasks/{}", client.rerun_task(&task, &rerun).await?.task_id)
        }
        Deed::Recover => {
            let from = Some(wishes.from).filter(|from| !from.is_empty()).into_iter().collect();
            format!("/tasks/{}", client.recover_task(&task, &RecoverTask { from }).await?.task_id)
        }
        Deed::Delete => {
            client.delete_task(&task, &DeleteTask { force: !wishes.force.is_empty() }).await?;
            "/tasks".to_owned()
        }
    };
    Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, next)).finish())
}

fn number<T: std::str::FromStr>(text: &str) -> Result<Option<T>, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        let message = format!("`{}` is not a number.", clip(text, 40));
        Failure::new(actix_web::http::StatusCode::BAD_REQUEST, "Not accepted", message)
            .hint("Go back; what was typed is still there.")
    })
}
