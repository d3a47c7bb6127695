//! `lp service`.

mod edit;
mod health;
mod report;

use clap::{Args, Subcommand};
use lp_protocol::views::{ListServices, UpdateService};

use self::edit::{Create, Update};
use super::Session;
use super::args::Limit;
use super::confirm::Yes;
use super::task::resolve_app;
use crate::failure::Failure;
use crate::output::text;

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Create a service: an application of which one task is kept running
    #[command(after_help = edit::EXAMPLES)]
    Create(Create),
    /// List services, the newest first
    List(List),
    /// Show a service: its task, its restarts, and why it failed
    Info(Info),
    /// Change a service; it takes the application's active version
    Update(Update),
    /// Enable services: their tasks start
    Enable(Several),
    /// Disable services: their tasks are stopped with the service's signal and grace
    Disable(Several),
    /// Stop the tasks of services and start them anew, without a wait and with earlier failures forgotten
    Restart(Several),
    /// Delete services; their tasks are stopped
    Delete(Delete),
}

/// One service.
#[derive(Args, Debug)]
#[group(id = "one-service", required = true, multiple = false)]
pub(crate) struct OneService {
    /// Id, beginning of an id (4 characters or more), or a name that only one has
    #[arg(value_name = "SERVICE")]
    bare: Option<String>,
    /// The same as a flag
    #[arg(short = 's', long = "service", value_name = "SERVICE", hide_short_help = true)]
    flag: Option<String>,
}

impl OneService {
    fn get(self) -> String {
        self.bare.or(self.flag).unwrap_or_default()
    }
}

/// One service or more.
#[derive(Args, Debug)]
#[group(id = "services", required = true, multiple = true)]
struct Services {
    /// Ids, beginnings of ids (4 characters or more), or names that only one has
    #[arg(value_name = "SERVICE")]
    bare: Vec<String>,
    /// The same as a flag, also several times
    #[arg(short = 's', long = "service", value_name = "SERVICE", hide_short_help = true)]
    flag: Vec<String>,
}

impl Services {
    fn get(self) -> Vec<String> {
        [self.bare, self.flag].concat()
    }
}

#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only names that match, with * and ?
    #[arg(short, long, value_name = "GLOB")]
    name: Option<String>,
    /// Only services of this application
    #[arg(short, long, value_name = "APP")]
    app: Option<String>,
    /// Only services whose id begins with this
    #[arg(short, long = "service", value_name = "ID")]
    service: Option<String>,
    /// Only enabled ones; with `false` only disabled ones
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    enable: Option<bool>,
    #[command(flatten)]
    limit: Limit,
}

#[derive(Args, Debug)]
pub(crate) struct Info {
    #[command(flatten)]
    service: OneService,
}

#[derive(Args, Debug)]
pub(crate) struct Several {
    #[command(flatten)]
    services: Services,
}

#[derive(Args, Debug)]
pub(crate) struct Delete {
    #[command(flatten)]
    services: Services,
    #[command(flatten)]
    yes: Yes,
}

pub(crate) async fn run(session: &Session, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Create(create) => edit::create(session, create).await,
        Verb::List(list) => self::list(session, list).await,
        Verb::Info(info) => report::run(session, &info.service.get()).await,
        Verb::Update(update) => edit::update(session, update).await,
        Verb::Enable(several) => enable(session, several.services.get(), true).await,
        Verb::Disable(several) => enable(session, several.services.get(), false).await,
        Verb::Restart(several) => {
            let client = session.client()?;
            session
                .print_each(&several.services.get(), async |service| {
                    Ok(client.restart_service(service).await?)
                })
                .await
        }
        Verb::Delete(delete) => self::delete(session, delete).await,
    }
}

async fn list(session: &Session, list: List) -> Result<(), Failure> {
    let client = session.client()?;
    let query = ListServices {
        id_prefix: list.service,
        app_id: match list.app {
            Some(app) => Some(resolve_app(&client, &app).await?),
            None => None,
        },
        name: list.name,
        enable: list.enable,
        cursor: None,
        limit: None,
    };
    let pages = list
        .limit
        .print(session, async |cursor, limit| {
            client.list_services(&ListServices { cursor, limit, ..query.clone() }).await
        })
        .await?;
    pages.tell(session, "service", "lp service create -n NAME -a APP -e");
    Ok(())
}

async fn enable(session: &Session, services: Vec<String>, enable: bool) -> Result<(), Failure> {
    let client = session.client()?;
    let body = UpdateService { enable: Some(enable), ..UpdateService::default() };
    session.print_each(&services, async |service| Ok(client.update_service(service, &body).await?)).await
}

async fn delete(session: &Session, delete: Delete) -> Result<(), Failure> {
    let client = session.client()?;
    let Delete { services, yes } = delete;
    session
        .each(&services.get(), async |service| {
            let view = client.fetch_service(service).await?.service;
            let what = format!("delete the service {} `{}` and stop its task", view.service_id, view.name);
            yes.confirm(session, &what).await?;
            client.delete_service(&view.service_id.to_string()).await?;
            session.out.note(&format!("deleted the service `{}`", text::visible(&view.name)));
            Ok(())
        })
        .await
}
