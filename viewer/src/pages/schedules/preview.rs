//! What stands in the form while one types: the times in words and the next instants, or what is wrong with them. The manager says all of it.

use actix_web::{HttpResponse, web};
use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};
use lp_protocol::client::ManagerClient;
use lp_protocol::views::NextInstant;

use super::fields::Fields;
use crate::failure::Failure;
use crate::pages::sheet::Problem;
use crate::pages::{Visit, html};
use crate::parts::{Moment, Prose, visible, wall};

#[derive(Template)]
#[template(path = "schedules/preview.html")]
pub(crate) struct Preview {
    words: String,
    tz: String,
    coming: Option<Coming>,
    trouble: Option<Prose>,
}

impl HtmlSafe for Preview {}

/// Instants to come.
#[derive(Template)]
#[template(path = "schedules/coming.html")]
pub(crate) struct Coming {
    instants: Vec<(Moment, String)>,
}

impl HtmlSafe for Coming {}

impl Coming {
    pub(crate) fn new(instants: Vec<NextInstant>, now: DateTime<Utc>) -> Self {
        let row = |instant: NextInstant| (Moment::new(instant.instant, now), wall(&instant.wall));
        Self { instants: instants.into_iter().map(row).collect() }
    }
}

/// The part alone, for the script.
pub(crate) async fn show(visit: Visit, fields: web::Query<Fields>) -> Result<HttpResponse, Failure> {
    html(&Preview::load(visit.client(), &fields).await?)
}

impl Preview {
    /// # Errors
    /// Only where the manager cannot be asked; what is wrong with the times is shown.
    pub(crate) async fn load(client: &ManagerClient, fields: &Fields) -> Result<Self, Failure> {
        let query = match fields.preview() {
            Ok(query) => query,
            Err(problem) => return Ok(Self::trouble(&problem)),
        };
        match client.preview_times(&query).await {
            Ok(preview) => Ok(Self {
                words: visible(&preview.words),
                tz: visible(&preview.tz),
                coming: Some(Coming::new(preview.instants, Utc::now())),
                trouble: None,
            }),
            Err(error) => {
                let failure = Failure::from(error);
                if failure.is_signed_out() || failure.status.is_server_error() {
                    return Err(failure);
                }
                Ok(Self::trouble(&Problem::of(failure, &[])))
            }
        }
    }

    fn trouble(problem: &Problem) -> Self {
        let line = problem.line().unwrap_or_default();
        Self { words: String::new(), tz: String::new(), coming: None, trouble: Some(Prose::new(&line, 500)) }
    }
}
