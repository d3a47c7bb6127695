//! Asking before something is lost.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;

use super::Session;
use crate::failure::Failure;
use crate::output::text::visible;

#[derive(Args, Debug)]
pub(crate) struct Yes {
    /// Do it without asking
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
}

impl Yes {
    /// Goes on after `--yes` or a yes on the terminal. `what` names the thing and what goes with it.
    ///
    /// # Errors
    /// `Usage` where there is nobody to ask, `Told` after a no.
    pub(crate) async fn confirm(&self, session: &Session, what: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        let what = visible(what);
        if !io::stdin().is_terminal() || !session.out.talk_is_terminal {
            let question = format!("will not {what} without being asked to twice");
            return Err(Failure::usage(question, "add --yes: there is no terminal to ask on"));
        }
        let mut talk = io::stderr();
        let _ = write!(talk, "{what}? [y/N] ").and_then(|()| talk.flush());
        // on another thread, so that Ctrl-C is heard meanwhile
        let answer = tokio::task::spawn_blocking(read_line).await.unwrap_or_default();
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => {
                session.out.note("nothing was done");
                Err(Failure::Told(1))
            }
        }
    }
}

fn read_line() -> String {
    let mut line = String::new();
    // what cannot be read is not a yes
    let _ = io::stdin().lock().read_line(&mut line);
    line
}
