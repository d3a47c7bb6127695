//! `lp up`: manager, node and viewer in one process, on loopback.
//!
//! They start in the order in which they need one another and stop in the opposite one: the viewer, the node (its programs go on under
//! their supervisor), the manager. A part that ends by itself takes the others along, in the same order.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lp_protocol::client::ManagerClient;
use lp_protocol::views::CreateJoinToken;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use super::args::Up;
use super::notify::Notifier;
use super::parts::{manager_failure, node_failure, viewer_failure};
use super::running::{log_to_stderr, until_stopped};
use super::settings::Settings;
use super::{demo, settings};
use crate::commands::Session;
use crate::context::{self, Context};
use crate::failure::Failure;
use crate::output::text::visible_lines;

/// What decides where the parts are is `lp up` itself, whatever the environment says for parts that run alone.
const OWN: &[&str] = &[
    "LP_HTTP_HOST",
    "LP_HTTP_PORT",
    "LP_DATA_PATH",
    "LP_MANAGER",
    "LP_MANAGER_HTTP_HOST",
    "LP_MANAGER_HTTP_PORT",
    "LP_TOKEN",
    "LP_TOKEN_FILE",
    "LP_PUBLIC_URL",
    "LP_ALLOWED_HOSTS",
    "LP_JOIN_TOKEN",
    "LP_LOG_LEVEL",
    "LP_ADVERTISE",
    "LP_MANAGER_URL",
    "LP_JOIN_TOKEN_FILE",
    "LP_ACTION_SLOTS",
];

/// The node joins at once, or has joined long ago.
const JOIN_TOKEN_LIFETIME: Duration = Duration::from_secs(600);

/// What is printed when everything is ready.
#[derive(Serialize)]
struct Addresses {
    manager: String,
    viewer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_in: Option<String>,
    data: PathBuf,
}

pub(crate) fn up(session: &Session, up: Up) -> Result<(), Failure> {
    log_to_stderr(session, if session.out.verbose { "info" } else { "warn" })?;
    let data = match &up.data {
        Some(data) => data.clone(),
        None => context::data_dir().map(|directory| directory.join("lp")).ok_or_else(|| {
            Failure::usage("there is no home directory to keep data in", "choose a directory with --data")
        })?,
    };
    let data =
        std::path::absolute(&data).map_err(|source| Failure::File { what: "find", path: data, source })?;
    until_stopped(async |stop, notifier| serve(session, &up, &data, stop, notifier).await)
}

async fn serve(
    session: &Session,
    up: &Up,
    data: &Path,
    stop: CancellationToken,
    notifier: Arc<Notifier>,
) -> Result<(), Failure> {
    let mut parts = Parts::default();
    let started = tokio::select! {
        started = start(session, up, data, &mut parts) => started,
        () = stop.cancelled() => Ok(()),
    };
    let ended = match started {
        Ok(()) if !stop.is_cancelled() => {
            notifier.ready("manager, node and viewer serve");
            tokio::select! {
                failure = parts.first_failure() => Err(failure),
                () = stop.cancelled() => {
                    session.out.note("stopping; once more stops at once");
                    Ok(())
                }
            }
        }
        started => started,
    };
    let stopped = parts.stop().await;
    ended.and(stopped)
}

/// Starts the parts one after the other and tells the world.
async fn start(session: &Session, up: &Up, data: &Path, parts: &mut Parts) -> Result<(), Failure> {
    let (ready, is_ready) = oneshot::channel();
    let config = manager_config(up, data)?;
    parts.spawn("manager", |stop| async move {
        // nobody listens any more when the start was given up
        let told = |at| _ = ready.send(at);
        lp_manager::run(config, stop, told).await.map_err(|error| in_use(manager_failure(&error), &error))
    });
    let manager = parts.wait(is_ready).await?;
    let url = format!("http://{}", manager.address);
    let token = manager.admin_token.reveal();
    let client = ManagerClient::new(&url, token)?;

    let (ready, is_ready) = oneshot::channel();
    let config = node_config(up, data, &url, &client).await?;
    parts.spawn("node", |stop| async move {
        let told = |node_id| _ = ready.send(node_id);
        lp_node::run(config, stop, told).await.map_err(|error| node_failure(&error))
    });
    parts.wait(is_ready).await?;

    let (ready, is_ready) = oneshot::channel();
    let config = viewer_config(up, &url, token)?;
    parts.spawn("viewer", |stop| async move {
        // nobody listens any more when the start was given up
        let told = |at| _ = ready.send(at);
        lp_viewer::run(config, stop, told).await.map_err(|error| viewer_failure(&error))
    });
    let viewer = parts.wait(is_ready).await?;

    let context = Context { manager: url.clone(), viewer: Some(viewer.url.clone()), token: token.to_owned() };
    context::publish(&data.join("client.json"), &context, context::config_dir().as_deref())?;
    tell(
        session,
        Addresses {
            manager: url,
            viewer: viewer.url.clone(),
            sign_in: viewer.login_url(),
            data: data.to_owned(),
        },
    )?;
    if up.demo {
        // a demo that fails says what is wrong, and the platform is there to look into it
        if let Err(failure) = demo::run(session, &client).await {
            session.out.failure(&failure, None);
        }
    }
    Ok(())
}

fn tell(session: &Session, addresses: Addresses) -> Result<(), Failure> {
    session.out.document(&addresses, || {
        let mut text = format!("manager  {}\nviewer   {}\n", addresses.manager, addresses.viewer);
        if let Some(link) = &addresses.sign_in {
            text.push_str(&format!("sign in  {link}  (once, within ten minutes)\n"));
        }
        text.push_str(&format!("data     {}\n", addresses.data.display()));
        visible_lines(&text)
    })?;
    session.out.note("Ctrl-C stops it; `lp --help` in another terminal shows what to do with it");
    Ok(())
}

fn manager_config(up: &Up, data: &Path) -> Result<lp_manager::Config, Failure> {
    let settings = Settings::of_environment(&lp_manager::Config::part(), OWN)
        .with("http_port", Some(up.port))
        .with("data_path", Some(data.join("manager").display()));
    lp_manager::Config::load(&settings.over(None)).map_err(|error| settings::wrong(&error))
}

fn viewer_config(up: &Up, manager: &str, token: &str) -> Result<lp_viewer::Config, Failure> {
    let settings = Settings::of_environment(&lp_viewer::Config::part(), OWN)
        .with("http_port", Some(up.viewer_port))
        .with("manager", Some(manager))
        .with("token", Some(token));
    lp_viewer::Config::load(&settings.over(None)).map_err(|error| settings::wrong(&error))
}

async fn node_config(
    up: &Up,
    data: &Path,
    manager: &str,
    client: &ManagerClient,
) -> Result<lp_node::Config, Failure> {
    let lifetime = Some(JOIN_TOKEN_LIFETIME.as_secs_f64());
    let join_token = client.create_join_token(&CreateJoinToken { lifetime }).await?;
    let settings = Settings::of_environment(&lp_node::Config::part(), OWN)
        .with("manager_url", Some(manager))
        .with("data_path", Some(data.join("node").display()))
        .with("join_token", Some(join_token.token))
        .with("action_slots", up.slots);
    let loaded = lp_node::Config::load(&settings.over(None)).map_err(|error| settings::wrong(&error))?;
    // the manager's data and the token of this directory are no program's business either
    Ok(lp_node::Config { private_path: Some(data.to_owned()), ..loaded.config })
}

/// A directory that is taken, in the words of `lp up`.
fn in_use(failure: Failure, error: &lp_manager::Error) -> Failure {
    match (failure, error) {
        (Failure::Invalid { hint, .. }, lp_manager::Error::InUse { path, pid }) => {
            let directory = path.parent().unwrap_or(path).display();
            let process = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
            Failure::Invalid { what: format!("{directory} is in use by another `lp up`{process}"), hint }
        }
        (failure, _) => failure,
    }
}

/// What runs, in the order in which it was started.
#[derive(Default)]
struct Parts {
    running: Vec<Part>,
}

struct Part {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<Result<(), Failure>>,
}

impl Parts {
    fn spawn<F>(&mut self, name: &'static str, run: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(stop.clone()));
        self.running.push(Part { name, stop, task });
    }

    /// Waits for word from the part that was started last, or for the first end of any.
    async fn wait<T>(&mut self, ready: oneshot::Receiver<T>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            failure = self.first_failure() => Err(failure),
            Ok(ready) = ready => Ok(ready),
        }
    }

    /// The first part that ends though nobody stopped it.
    async fn first_failure(&mut self) -> Failure {
        let ends = self.running.iter_mut().map(|part| {
            let name = part.name;
            Box::pin(async move { (name, (&mut part.task).await) })
        });
        let ((name, end), index, _) = futures_util::future::select_all(ends).await;
        self.running.remove(index);
        verdict(name, end)
            .err()
            .unwrap_or_else(|| Failure::Part { what: format!("the {name} has ended by itself"), hint: None })
    }

    /// Stops all in the opposite order, each after the one before it has ended.
    async fn stop(mut self) -> Result<(), Failure> {
        let mut first = Ok(());
        while let Some(Part { name, stop, task }) = self.running.pop() {
            stop.cancel();
            let ended = verdict(name, task.await);
            first = first.and(ended);
        }
        first
    }
}

fn verdict(name: &str, end: Result<Result<(), Failure>, JoinError>) -> Result<(), Failure> {
    end.unwrap_or_else(|panic| {
        Err(Failure::Part { what: format!("the {name} has broken down: {panic}"), hint: None })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn parts_stop_in_the_opposite_order() {
        let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut parts = Parts::default();
        for name in ["first", "second", "third"] {
            let order = order.clone();
            parts.spawn(name, |stop| async move {
                stop.cancelled().await;
                order.lock().unwrap().push(name);
                Ok(())
            });
        }

        parts.stop().await.unwrap();

        assert_eq!(*order.lock().unwrap(), ["third", "second", "first"]);
    }

    #[tokio::test]
    async fn a_part_that_ends_by_itself_is_named() {
        let mut parts = Parts::default();
        parts.spawn("manager", |stop| async move {
            stop.cancelled().await;
            Ok(())
        });
        parts.spawn("node", |_| async { Ok(()) });
        parts.spawn("viewer", |_| async { panic!("oh") });

        let messages = [parts.first_failure().await.to_string(), parts.first_failure().await.to_string()];

        assert!(messages.iter().any(|text| text == "the node has ended by itself"), "{messages:?}");
        assert!(messages.iter().any(|text| text.starts_with("the viewer has broken down")), "{messages:?}");
        parts.stop().await.unwrap();
    }

    #[tokio::test]
    async fn a_part_that_fails_before_it_is_ready_is_told_instead() {
        let mut parts = Parts::default();
        let (ready, is_ready) = oneshot::channel::<()>();
        parts.spawn("manager", |_| async move {
            drop(ready);
            Err(Failure::invalid("no room"))
        });

        assert_eq!(parts.wait(is_ready).await.unwrap_err().to_string(), "no room");
    }
}
