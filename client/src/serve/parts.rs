//! `lp manager`, `lp node`, `lp viewer`, each by itself, and what a node starts: `lp supervise`, `lp contain`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::args::{Contain, ManagerPart, NodePart, Supervise, ViewerPart};
use super::running::{chain, log_to_stderr, until_stopped};
use super::settings::{self, Settings};
use super::units;
use crate::cli::Global;
use crate::commands::Session;
use crate::failure::Failure;

pub(crate) fn manager(session: &Session, part: ManagerPart) -> Result<(), Failure> {
    let ManagerPart { source, listen, database } = part;
    if let Some(directory) = &source.generate {
        return units::generate(session, directory, units::Kind::Manager, lp_manager::Config::template());
    }
    let part = lp_manager::Config::part();
    let settings = Settings::of_environment(&part, &[])
        .with_words(&part, &source.set)?
        .with("http_host", listen.host)
        .with("http_port", listen.port)
        .with("database", database)
        .with("data_path", source.data.map(|path| path.display().to_string()))
        .with("log_level", source.log_level);
    let file = settings::read(source.config.as_deref())?;
    let config = lp_manager::Config::load(&settings.over(settings::layer(&file)))
        .map_err(|error| settings::wrong(&error))?;
    log_to_stderr(session, &config.log_level)?;
    until_stopped(async |stop, notifier| {
        let ready = |ready: lp_manager::Ready| {
            notifier.ready(&format!("serves at http://{}", ready.address));
            session.out.note(&format!("manager  http://{}", ready.address));
            session.out.note(&format!("token    {}", ready.admin_token_path.display()));
        };
        lp_manager::run(config, stop, ready).await.map_err(|error| manager_failure(&error))
    })
}

/// One sentence, and what helps.
pub(super) fn manager_failure(error: &lp_manager::Error) -> Failure {
    match error {
        lp_manager::Error::InUse { .. } => Failure::Invalid {
            what: chain(error),
            hint: Some("stop the other one, or choose another directory with --data".to_owned()),
        },
        lp_manager::Error::Listen { .. } => Failure::Part {
            what: chain(error),
            hint: Some("another port: --port N, or --port 0 for a free one".to_owned()),
        },
        lp_manager::Error::DataDir { .. }
        | lp_manager::Error::Store(_)
        | lp_manager::Error::Blobs(_)
        | lp_manager::Error::Http(_)
        | lp_manager::Error::EngineEnded => Failure::Part { what: chain(error), hint: None },
    }
}

pub(crate) fn viewer(session: &Session, global: &Global, part: ViewerPart) -> Result<(), Failure> {
    if let Some(directory) = &part.generate {
        return units::generate(session, directory, units::Kind::Viewer, lp_viewer::Config::template());
    }
    let keys = lp_viewer::Config::part();
    let settings = Settings::of_environment(&keys, &[])
        .with_words(&keys, &part.set)?
        .with("http_host", part.listen.host)
        .with("http_port", part.listen.port)
        .with("manager", global.manager.as_ref())
        .with("token", global.token.as_ref())
        .with("log_level", part.log_level);
    let file = settings::read(part.config.as_deref())?;
    let config = lp_viewer::Config::load(&settings.over(settings::layer(&file)))
        .map_err(|error| settings::wrong(&error))?;
    log_to_stderr(session, &config.log_level)?;
    until_stopped(async |stop, notifier| {
        let ready = |ready: lp_viewer::Ready| {
            notifier.ready(&format!("serves at {}", ready.url));
            session.out.note(&format!("viewer   {}", ready.url));
            if let Some(link) = ready.login_url() {
                session.out.note(&format!("sign in  {link}"));
            }
        };
        lp_viewer::run(config, stop, ready).await.map_err(|error| viewer_failure(&error))
    })
}

pub(super) fn viewer_failure(error: &lp_viewer::Error) -> Failure {
    let hint = matches!(error, lp_viewer::Error::Listen { .. })
        .then(|| "another port: --port N (of `lp up`: --viewer-port N); 0 takes a free one".to_owned());
    Failure::Part { what: chain(error), hint }
}

pub(crate) fn node(session: &Session, global: &Global, part: NodePart) -> Result<(), Failure> {
    let NodePart { source, slots, name, label, join_token_file } = part;
    if let Some(directory) = &source.generate {
        return units::generate(session, directory, units::Kind::Node, &lp_node::Config::template());
    }
    let keys = lp_node::Config::part();
    let path = |path: PathBuf| path.display().to_string();
    let mut settings = Settings::of_environment(&keys, &[])
        .with_words(&keys, &source.set)?
        .with("manager_url", global.manager.as_ref())
        .with("action_slots", slots)
        .with("name", name)
        .with("join_token_file", join_token_file.map(path))
        .with("data_path", source.data.map(path));
    for label in &label {
        settings = settings.with("labels", Some(settings::label(label)?));
    }
    let file = settings::read(source.config.as_deref())?;
    let loaded = lp_node::Config::load(&settings.over(settings::layer(&file)))
        .map_err(|error| settings::wrong(&error))?;
    let variable = |name| std::env::var(name).ok();
    let level = source.log_level.or_else(|| variable("LP_LOG_LEVEL")).or_else(|| variable("LP_LOG"));
    log_to_stderr(session, level.as_deref().unwrap_or("info"))?;
    settings::warn(session, &loaded.warnings);
    until_stopped(async |stop, notifier| {
        let manager = loaded.config.manager_address();
        notifier.status(&format!("waits for the manager at {manager}"));
        let ready = move |node_id| {
            notifier.ready(&format!("linked to the manager at {manager}"));
            tracing::info!(node.id = %node_id, manager, "the node is connected");
        };
        lp_node::run(loaded.config, stop, ready).await.map_err(|error| node_failure(&error))
    })
}

pub(super) fn node_failure(error: &lp_node::Error) -> Failure {
    let (what, hint) = (format!("the node cannot run: {}", chain(error)), error.advice());
    if error.is_refusal() { Failure::Refused { what, hint } } else { Failure::Part { what, hint } }
}

pub(crate) fn supervise(part: Supervise) -> Result<ExitCode, Failure> {
    Ok(lp_node::supervisor_main(part.words.into_iter()))
}

/// Stands for one container until it has ended.
pub(crate) fn contain(part: Contain) -> Result<ExitCode, Failure> {
    Ok(lp_node::shim_main(part.words.into_iter()))
}
