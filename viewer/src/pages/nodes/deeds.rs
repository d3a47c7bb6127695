//! What is asked about before it is done to a node: drain, undrain, remove. What will happen to what it runs is said first.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use lp_protocol::views::{DrainNode, NodeView};
use serde::Deserialize;

use super::LIST;
use crate::failure::Failure;
use crate::frame::Section;
use crate::pages::form::Checked;
use crate::pages::sheet::{go_on, number};
use crate::pages::{Visit, confirm};
use crate::parts::{Badge, Command, Confirm, Field, plural, shell_word, visible};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Deed {
    Drain,
    Undrain,
    Remove,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Fields {
    #[serde(default)]
    deadline: String,
    #[serde(default)]
    force: String,
}

impl Deed {
    fn word(self) -> &'static str {
        match self {
            Deed::Drain => "drain",
            Deed::Undrain => "undrain",
            Deed::Remove => "remove",
        }
    }

    fn button(self) -> &'static str {
        match self {
            Deed::Drain => "Drain the node",
            Deed::Undrain => "Undrain the node",
            Deed::Remove => "Remove the node",
        }
    }

    fn consequence(self, view: &NodeView) -> String {
        let held = view.attempts.len() as u64;
        let runs = match held {
            0 => "It runs nothing now".to_owned(),
            1 => "It runs 1 action now, which may end".to_owned(),
            _ => format!("It runs {} now, which may end", plural(held, "action")),
        };
        match self {
            Deed::Drain => {
                format!("It gets nothing new, and gives back what it has not started. {runs}; with a deadline, what still runs then is stopped and runs elsewhere.")
            }
            Deed::Undrain => "It gets work again at once.".to_owned(),
            Deed::Remove if held > 0 => format!(
                "Its credential is worth nothing from then on, and it cannot come back without joining anew. It holds {}: drain it first, or give what it runs to others.",
                plural(held, "attempt")
            ),
            Deed::Remove => {
                "Its credential is worth nothing from then on, and it cannot come back without joining anew. Workspaces on it can no longer be opened.".to_owned()
            }
        }
    }

    fn fields(self, view: &NodeView) -> Vec<Field> {
        match self {
            Deed::Drain => vec![
                Field::line("deadline", "Deadline in seconds", "")
                    .help("Left empty: what runs may take its time."),
            ],
            Deed::Undrain => Vec::new(),
            Deed::Remove if view.attempts.is_empty() => Vec::new(),
            Deed::Remove => vec![Field::check("force", "Give what it runs to others", false)],
        }
    }
}

pub(crate) async fn ask(visit: Visit, path: web::Path<(String, Deed)>) -> Result<HttpResponse, Failure> {
    let (node, deed) = path.into_inner();
    let view = visit.client().fetch_node(&node).await?;
    let url = format!("{LIST}/{}", view.node_id);
    let question = Confirm {
        badge: Some(Badge::of_node(&view)),
        consequence: deed.consequence(&view),
        fields: deed.fields(&view),
        is_danger: deed != Deed::Undrain,
        command: Some(Command::new(format!("lp node {} {}", deed.word(), shell_word(&view.name)))),
        ..Confirm::new(deed.button(), deed.word(), visible(&view.name), url)
    };
    confirm(visit.frame_below(Section::Nodes, deed.button()), question)
}

pub(crate) async fn carry_out(
    path: web::Path<(String, Deed)>,
    form: Checked<Fields>,
) -> Result<HttpResponse, Failure> {
    let (node, deed) = path.into_inner();
    let (client, fields) = (&form.signed.session.client, form.fields);
    let view = match deed {
        Deed::Drain => {
            let deadline = number("deadline", &fields.deadline).map_err(|_| {
                Failure::new(StatusCode::BAD_REQUEST, "Not accepted", "The deadline is a number of seconds.")
            })?;
            client.drain_node(&node, &DrainNode { deadline }).await?
        }
        Deed::Undrain => client.undrain_node(&node).await?,
        Deed::Remove => {
            client.remove_node(&node, !fields.force.is_empty()).await?;
            return Ok(go_on(LIST));
        }
    };
    Ok(go_on(&format!("{LIST}/{}", view.node_id)))
}
