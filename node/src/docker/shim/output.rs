//! What the container says, said by us: standard output and error are one file, the action's log.

use std::io::Write;
use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::errors::Error;
use futures_util::{Stream, StreamExt};

pub(super) type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

/// Copies until the stream ends. A log that cannot be written (disk full) does not stop the program, as it does not elsewhere.
pub(super) async fn copy(mut output: Output) {
    let mut complained = false;
    while let Some(Ok(piece)) = output.next().await {
        let mut out = std::io::stdout().lock();
        if let Err(error) = out.write_all(piece.as_ref()).and_then(|()| out.flush())
            && !std::mem::replace(&mut complained, true)
        {
            complain(&format!("cannot write the log: {error}"));
        }
    }
}

/// A line of lp's own in the action's log.
#[expect(clippy::print_stderr, reason = "standard error is the action's log")]
pub(super) fn complain(text: &str) {
    eprintln!("lp: {text}");
}
