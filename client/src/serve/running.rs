//! What all parts need while they run: threads, a log, and the wish to stop.

use std::future::Future;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::notify::Notifier;
use crate::commands::Session;
use crate::failure::Failure;

/// The crates whose log `info` and `debug` mean.
const OURS: [&str; 6] = ["lp", "lp_protocol", "lp_package", "lp_manager", "lp_node", "lp_viewer"];

/// Runs `part` on threads for all processors until it ends. The token is cancelled by the first SIGINT or SIGTERM; a second
/// one ends the process at once.
/// systemd, where it has started us, is told of the stop at once and of the rest by `part`.
pub(super) fn until_stopped<F>(
    part: impl FnOnce(CancellationToken, Arc<Notifier>) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed("start threads", &error))?;
    let stop = CancellationToken::new();
    let result = runtime.block_on(async {
        let notifier = Arc::new(Notifier::from_environment());
        let signals =
            listen().map(|signals| tokio::spawn(watch(signals, stop.clone(), Arc::clone(&notifier))));
        let result = part(stop, notifier).await;
        if let Some(signals) = signals {
            signals.abort();
        }
        result
    });
    runtime.shutdown_background();
    result
}

/// Listens from now on, so that nobody who was told that a part serves can find it deaf.
fn listen() -> Option<(Signal, Signal)> {
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(interrupt), Ok(terminate)) => Some((interrupt, terminate)),
        (Err(error), _) | (_, Err(error)) => {
            tracing::warn!(%error, "cannot listen for signals; SIGINT and SIGTERM end the process at once");
            None
        }
    }
}

async fn watch(
    (mut interrupt, mut terminate): (Signal, Signal),
    stop: CancellationToken,
    notifier: Arc<Notifier>,
) {
    for turn in 0.. {
        let number = tokio::select! {
            _ = interrupt.recv() => 2,
            _ = terminate.recv() => 15,
        };
        if turn > 0 {
            std::process::exit(128 + number);
        }
        notifier.stopping();
        stop.cancel();
    }
}

/// Writes the log to stderr. `level` is a level or a filter.
pub(super) fn log_to_stderr(session: &Session, level: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter(level)).map_err(|error| {
        Failure::usage(format!("`{level}` is not a log level: {error}"), "error, warn, info, debug or trace")
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(session.out.talk.colours);
    // an error says that a test or another part in this process has set one up, which is then used
    let _ = log.try_init();
    Ok(())
}

/// A bare level is for what is ours; of libraries only what matters is written, unless the level is for finding bugs.
fn filter(level: &str) -> String {
    match level.to_ascii_lowercase().as_str() {
        level @ ("info" | "debug") => {
            let ours = OURS.map(|name| format!("{name}={level}"));
            format!("warn,{}", ours.join(","))
        }
        level => level.to_owned(),
    }
}

/// A failure of a part, with its causes.
pub(super) fn failed(what: &str, error: &dyn std::error::Error) -> Failure {
    Failure::Part { what: format!("cannot {what}: {}", chain(error)), hint: None }
}

/// An error and its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
