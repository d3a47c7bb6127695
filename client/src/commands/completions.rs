//! `lp completions`: scripts that teach a shell this program's commands.

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::Shell;

use super::Session;
use crate::failure::Failure;

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  lp completions bash > ~/.local/share/bash-completion/completions/lp\n  \
    lp completions zsh > ~/.zfunc/_lp\n  lp completions fish > ~/.config/fish/completions/lp.fish"
)]
pub(crate) struct Completions {
    #[arg(value_enum)]
    shell: KnownShell,
}

#[derive(ValueEnum, Debug, Clone, Copy)]
enum KnownShell {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    pub(crate) fn run(self, session: &Session) -> Result<(), Failure> {
        let shell = match self.shell {
            KnownShell::Bash => Shell::Bash,
            KnownShell::Zsh => Shell::Zsh,
            KnownShell::Fish => Shell::Fish,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut crate::cli::Cli::command(), "lp", &mut script);
        session.out.bytes(&script)
    }
}
