//! Signals that are for the program in the container.

use nix::sys::signal::Signal;
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::mpsc;

use crate::docker::KILL_CONTAINER;

/// Those that people send to programs.
const PASSED_ON: &[Signal] = &[
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
];

/// Signals sent to this process from now on.
///
/// # Errors
/// The system takes no handler.
pub(super) fn listen() -> std::io::Result<mpsc::UnboundedReceiver<Signal>> {
    // unbounded: signals of one kind merge in the kernel
    let (sender, receiver) = mpsc::unbounded_channel();
    let kinds = PASSED_ON.iter().map(|signal| (*signal as i32, *signal));
    for (kind, meant) in kinds.chain([(KILL_CONTAINER, Signal::SIGKILL)]) {
        let mut signals = unix::signal(SignalKind::from_raw(kind))?;
        let sender = sender.clone();
        // ends with this process
        tokio::spawn(async move { while signals.recv().await.is_some() && sender.send(meant).is_ok() {} });
    }
    Ok(receiver)
}

/// Asks for an end.
pub(super) fn is_final(signal: Signal) -> bool {
    matches!(signal, Signal::SIGTERM | Signal::SIGINT | Signal::SIGKILL | Signal::SIGHUP | Signal::SIGQUIT)
}
