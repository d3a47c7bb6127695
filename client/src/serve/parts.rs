//! `lp manager`, `lp node`, `lp viewer`, each by itself, and `lp supervise`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::args::{ManagerPart, NodePart, Supervise, ViewerPart};
use super::running::{chain, log_to_stderr, until_stopped};
use super::settings::{self, Settings};
use crate::cli::Global;
use crate::commands::Session;
use crate::failure::Failure;
use crate::output::text::visible;

pub(crate) fn manager(session: &Session, part: ManagerPart) -> Result<(), Failure> {
    let ManagerPart { source, listen, database } = part;
    if let Some(directory) = &source.generate {
        return settings::generate(session, directory, "manager.yml", lp_manager::Config::template());
    }
    let flags = Settings::from_words(&source.set, lp_manager::Config::KEYS)?
        .with("http_host", listen.host)
        .with("http_port", listen.port)
        .with("database", database)
        .with("data_path", source.data.map(|path| path.display().to_string()))
        .with("log_level", source.log_level);
    let file = source.config.as_deref();
    let config = lp_manager::Config::parse(&settings::read(file)?, |name| flags.variable(name))
        .map_err(|error| settings::wrong(file, &error))?;
    log_to_stderr(session, &config.log_level)?;
    until_stopped(async |stop| {
        let ready = |ready: lp_manager::Ready| {
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
        return settings::generate(session, directory, "viewer.yml", lp_viewer::Config::template());
    }
    let flags = Settings::from_words(&part.set, lp_viewer::Config::KEYS)?
        .with("http_host", part.listen.host)
        .with("http_port", part.listen.port)
        .with("manager", global.manager.as_ref())
        .with("token", global.token.as_ref())
        .with("log_level", part.log_level);
    let file = part.config.as_deref();
    let config = lp_viewer::Config::parse(&settings::read(file)?, |name| flags.variable(name))
        .map_err(|error| settings::wrong(file, &error))?;
    log_to_stderr(session, &config.log_level)?;
    until_stopped(async |stop| {
        let ready = |ready: lp_viewer::Ready| {
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
    let NodePart { source, slots, name, join_token_file } = part;
    if let Some(directory) = &source.generate {
        return settings::generate(session, directory, "node.yml", &lp_node::Config::template());
    }
    let keys: Vec<_> = lp_node::config::KEYS.iter().map(|key| key.name).collect();
    let path = |path: PathBuf| path.display().to_string();
    let flags = Settings::from_words(&source.set, &keys)?
        .with("manager_url", global.manager.as_ref())
        .with("action_slots", slots)
        .with("name", name)
        .with("join_token_file", join_token_file.map(path))
        .with("data_path", source.data.map(path));
    let file = source.config.as_deref();
    let loaded = lp_node::Config::load(file, settings::variables(&[]), &flags.into_flags())
        .map_err(|error| settings::wrong(None, &error))?;
    let variable = |name| std::env::var(name).ok();
    let level = source.log_level.or_else(|| variable("LP_LOG_LEVEL")).or_else(|| variable("LP_LOG"));
    log_to_stderr(session, level.as_deref().unwrap_or("info"))?;
    for warning in &loaded.warnings {
        session.out.warn(&visible(warning));
    }
    until_stopped(async |stop| {
        let manager = loaded.config.manager_address();
        let ready = move |node_id| tracing::info!(node.id = %node_id, manager, "the node is connected");
        lp_node::run(loaded.config, stop, ready).await.map_err(|error| node_failure(&error))
    })
}

pub(super) fn node_failure(error: &lp_node::Error) -> Failure {
    Failure::Part { what: format!("the node cannot run: {}", chain(error)), hint: None }
}

pub(crate) fn supervise(part: Supervise) -> Result<ExitCode, Failure> {
    Ok(lp_node::supervisor_main(part.words.into_iter()))
}
