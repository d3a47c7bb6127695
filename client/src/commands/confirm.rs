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
    pub(crate) fn confirm(&self, session: &Session, what: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        let what = visible(what);
        if !io::stdin().is_terminal() || !session.out.talk_is_terminal {
            let question = format!("will not {what} without being asked to twice");
            return Err(Failure::usage(question, "add --yes: there is no terminal to ask on"));
        }
        let mut talk = io::stderr();
        let mut answer = String::new();
        let _ = write!(talk, "{what}? [y/N] ").and_then(|()| talk.flush());
        io::stdin().lock().read_line(&mut answer).map_err(Failure::Output)?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => {
                session.out.note("nothing was done");
                Err(Failure::Told(1))
            }
        }
    }
}
