//! `lp task create`: one task, or one for each line of inputs.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::StreamExt;
use lp_protocol::AppId;
use lp_protocol::client::ManagerClient;
use lp_protocol::views::{CreateTask, CreateTasks, Created};

use super::{resolve_app, wait};
use crate::cli::Format;
use crate::commands::{Session, args, input, logs};
use crate::failure::Failure;
use crate::output::text;

pub(crate) const EXAMPLES: &str = "\
Examples:
  lp task create -a hello                                  create and print the id
  lp task create -a hello -i '{\"name\": \"you\"}' --wait      wait; exit code 0 if it succeeded
  lp task create -a etl -i @input.json --follow            print its output meanwhile
  lp task create -a etl --each inputs.jsonl -o name > ids  a task for each line, in one request
  lp task create -a etl --key \"$BUILD_ID\"                  never twice, however often it is repeated";

#[derive(Args, Debug)]
pub(crate) struct Create {
    /// Application: name, id, or beginning of an id
    #[arg(short, long)]
    app: String,
    /// Name of the task; default: `run` and the application's name
    #[arg(short, long)]
    name: Option<String>,
    /// Input data: a JSON object, @FILE, or - for stdin
    #[arg(short, long, value_name = "JSON|@FILE|-", conflicts_with = "each")]
    input: Option<String>,
    /// Create a task for each line of this file (NDJSON, an object a line); - for stdin
    #[arg(long, value_name = "FILE|-")]
    each: Option<String>,
    /// Idempotency key: a second creation with the same key answers with the first one's task
    #[arg(short, long)]
    key: Option<String>,
    /// Higher goes first
    #[arg(short, long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    priority: i32,
    /// Wait until it is finished; exit code 0 if it succeeded, 1 if not, 6 after the timeout
    #[arg(short, long)]
    wait: bool,
    /// Print what its actions write until it is finished; exit codes as of --wait
    #[arg(long, conflicts_with = "each")]
    follow: bool,
    /// Wait no longer than this: 90, "1h 30m"
    #[arg(long, value_parser = args::duration, value_name = "TIME")]
    timeout: Option<Duration>,
}

pub(crate) async fn run(session: &Session, create: Create) -> Result<(), Failure> {
    if create.timeout.is_some() && !create.wait && !create.follow {
        return Err(Failure::usage(
            "--timeout is how long to wait, and nothing waits",
            "add --wait or --follow",
        ));
    }
    let client = session.client()?;
    // read before anything is asked: a broken input is the user's to mend whether there is a manager or not
    let input_data = match &create.input {
        Some(given) => Some(input::one(given).await?),
        None => None,
    };
    let app_id = resolve_app(&client, &create.app).await?;
    match &create.each {
        Some(each) => many(session, &client, app_id, each, &create).await,
        None => {
            let body = CreateTask {
                app_id,
                task_name: create.name.clone(),
                input_data,
                priority: create.priority,
                key: create.key.clone(),
            };
            one(session, &client, &body, &create).await
        }
    }
}

async fn one(
    session: &Session,
    client: &ManagerClient,
    body: &CreateTask,
    create: &Create,
) -> Result<(), Failure> {
    let began = Instant::now();
    let created = client.create_task(body).await?;
    session.out.detail(&format!("created in {}", text::duration(began.elapsed())));
    let id = created.task_id.to_string();
    if create.follow {
        session.out.note(&format!("task {id}"));
        return logs::follow_until_finished(session, client, &created.task_id, create.timeout).await;
    }
    if !create.wait {
        return session.out.item(&created);
    }
    if session.out.format == Format::Name {
        session.out.item(&created)?;
    } else {
        session.out.note(&format!("task {id}"));
    }
    wait::for_one(session, client, &id, create.timeout).await
}

async fn many(
    session: &Session,
    client: &ManagerClient,
    app_id: AppId,
    each: &str,
    create: &Create,
) -> Result<(), Failure> {
    let began = Instant::now();
    let query = CreateTasks {
        app_id,
        task_name: create.name.clone(),
        priority: create.priority,
        key: create.key.clone(),
    };
    let inputs = input::many(each).await?;
    let mut answers = client.create_tasks(&query, inputs.stream).await?;
    let mut rows = session.out.list::<Created>();
    let (mut ids, mut new, mut known) = (Vec::new(), 0usize, 0usize);
    let mut ending = Ok(());
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(created) => {
                *(if created.created { &mut new } else { &mut known }) += 1;
                rows.push(&created)?;
                if create.wait {
                    ids.push(created.task_id.to_string());
                }
            }
            Err(error) => ending = Err(Failure::from(error)),
        }
    }
    rows.finish()?;
    let exist = if known > 0 { format!(", {known} existed already") } else { String::new() };
    session.out.note(&format!(
        "created {}{exist} in {}",
        text::count(new, "task"),
        text::duration(began.elapsed())
    ));
    ending?;
    let sent = inputs.sent.load(Ordering::Relaxed);
    if sent != (new + known) as u64 {
        return Err(Failure::Part {
            what: format!("{sent} lines were sent and {} answered", new + known),
            hint: Some(
                "the connection was cut; repeat it with the same --key to make only the missing ones"
                    .to_owned(),
            ),
        });
    }
    if create.wait { wait::quietly(session, client, ids, create.timeout).await } else { Ok(()) }
}
