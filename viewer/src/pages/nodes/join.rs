//! A token a machine joins with, and the command to run there. The token is on one page, once.

use actix_web::HttpResponse;
use askama::Template;
use chrono::Utc;
use lp_protocol::views::CreateJoinToken;
use serde::Deserialize;

use super::LIST;
use crate::failure::Failure;
use crate::frame::{Frame, Section};
use crate::pages::form::Checked;
use crate::pages::sheet::{Piece, Problem, Sheet, answer, number};
use crate::pages::{Visit, html};
use crate::parts::{Command, Field, FormCommand, Moment, Prose, visible};

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Fields {
    /// Hours it is good for.
    #[serde(default)]
    hours: String,
}

#[derive(Template)]
#[template(path = "nodes/token.html")]
struct Page {
    frame: Frame,
    expires: Moment,
    /// What to run on the machine.
    command: Command,
    manager: String,
    is_loopback: bool,
}

pub(crate) async fn ask(visit: Visit) -> Result<HttpResponse, Failure> {
    let problem = Problem::none();
    answer(&sheet(&visit, &Fields { hours: "24".to_owned() }, &problem), &problem)
}

pub(crate) async fn create(visit: Visit, form: Checked<Fields>) -> Result<HttpResponse, Failure> {
    let (client, fields) = (&form.signed.session.client, form.fields);
    let problem = match number::<f64>("hours", &fields.hours) {
        Err(problem) => problem,
        Ok(hours) => {
            let body = CreateJoinToken { lifetime: hours.map(|hours| hours * 3600.0) };
            match client.create_join_token(&body).await {
                Ok(made) => {
                    let manager = client.base_url().to_owned();
                    let line = format!("LP_JOIN_TOKEN={} lp node --manager {manager}", visible(&made.token));
                    return html(&Page {
                        frame: visit.frame_below(Section::Nodes, "Join a machine"),
                        expires: Moment::new(made.expire_at, Utc::now()),
                        command: Command::new(line),
                        is_loopback: manager.contains("127.0.0.1") || manager.contains("localhost"),
                        manager,
                    });
                }
                Err(error) => Problem::of(error.into(), &[("lifetime", "hours")]),
            }
        }
    };
    answer(&sheet(&visit, &fields, &problem), &problem)
}

fn sheet(visit: &Visit, fields: &Fields, problem: &Problem) -> Sheet {
    let hours = Field::line("hours", "Hours it is good for", fields.hours.clone())
        .help("Any number of machines may join with it meanwhile. A node keeps a credential of its own afterwards.")
        .error(problem.at("hours"));
    Sheet {
        frame: visit.frame_below(Section::Nodes, "Join a machine"),
        title: "Join a machine".to_owned(),
        intro: Prose::new(
            "Makes a token that lets a machine become a node. You see it once, with the command to run there.",
            300,
        ),
        refusal: problem.refusal(),
        action: format!("{LIST}/join"),
        pieces: vec![Piece::field(hours)],
        button: "Make the token",
        back: LIST.to_owned(),
        command: Some(FormCommand::new("lp node token")),
    }
}
