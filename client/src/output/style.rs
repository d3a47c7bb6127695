//! Colours and symbols, never one without words: what a state is can be read without either.

use lp_protocol::{Stage, Status};

use crate::cli::ColorChoice;

/// What something means, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tint {
    Plain,
    Strong,
    Dim,
    Good,
    Bad,
    Busy,
    Warn,
}

impl Tint {
    /// The parameters of the SGR sequence.
    fn code(self) -> Option<&'static str> {
        match self {
            Tint::Plain => None,
            Tint::Strong => Some("1"),
            Tint::Dim => Some("2"),
            Tint::Good => Some("32"),
            Tint::Bad => Some("31"),
            Tint::Busy => Some("36"),
            Tint::Warn => Some("33"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) colours: bool,
    pub(crate) symbols: bool,
}

impl Style {
    pub(crate) fn new(choice: ColorChoice, is_terminal: bool) -> Self {
        let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self::decide(choice, is_terminal, env)
    }

    fn decide(choice: ColorChoice, is_terminal: bool, env: impl Fn(&str) -> Option<String>) -> Self {
        let is_dumb = env("TERM").is_some_and(|term| term == "dumb");
        let colours = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !is_dumb && env("NO_COLOR").is_none(),
        };
        let locale =
            ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(env).unwrap_or_default().to_lowercase();
        let is_unicode = locale.contains("utf-8") || locale.contains("utf8");
        Self { colours, symbols: is_terminal && is_unicode }
    }

    pub(crate) fn paint(self, tint: Tint, text: &str) -> String {
        match tint.code() {
            Some(code) if self.colours => format!("\x1b[{code}m{text}\x1b[0m"),
            Some(_) | None => text.to_owned(),
        }
    }
}

/// Symbol, word and colour of a state: the status of what is finished, the stage of what is not.
pub(crate) fn state(stage: Stage, status: Option<Status>) -> (&'static str, &'static str, Tint) {
    match (stage, status) {
        (Stage::Pending, _) => ("○", "pending", Tint::Dim),
        (Stage::Running, _) => ("◉", "running", Tint::Busy),
        (Stage::Stopping, _) => ("◍", "stopping", Tint::Warn),
        (Stage::Finished, None) => ("✓", "finished", Tint::Plain),
        (Stage::Finished, Some(status)) => match status {
            Status::Success => ("✓", "success", Tint::Good),
            Status::Fail => ("✕", "fail", Tint::Bad),
            Status::Kill => ("⊘", "kill", Tint::Warn),
            Status::Cancel => ("⊘", "cancel", Tint::Warn),
            Status::Terminate => ("⊘", "terminate", Tint::Warn),
            Status::Error => ("!", "error", Tint::Bad),
            Status::Skipped => ("–", "skipped", Tint::Dim),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        use ColorChoice::{Always, Auto, Never};
        for (choice, is_terminal, variable, colours) in [
            (Auto, true, ("", ""), true),
            (Auto, false, ("", ""), false),
            (Auto, true, ("NO_COLOR", "1"), false),
            (Auto, true, ("TERM", "dumb"), false),
            (Always, false, ("NO_COLOR", "1"), true),
            (Never, true, ("", ""), false),
        ] {
            let env = |name: &str| (name == variable.0).then(|| variable.1.to_owned());
            assert_eq!(Style::decide(choice, is_terminal, env).colours, colours, "{choice:?} {variable:?}");
        }
    }

    #[test]
    fn symbols_need_a_terminal_that_can_show_them() {
        for (variable, is_terminal, symbols) in [
            (("LANG", "en_US.UTF-8"), true, true),
            (("LC_ALL", "C.utf8"), true, true),
            (("LANG", "C"), true, false),
            (("LANG", "en_US.UTF-8"), false, false),
        ] {
            let env = |name: &str| (name == variable.0).then(|| variable.1.to_owned());
            assert_eq!(Style::decide(ColorChoice::Auto, is_terminal, env).symbols, symbols, "{variable:?}");
        }
    }

    #[test]
    fn without_colours_text_stays_as_it_is() {
        let style = Style { colours: false, symbols: false };

        assert_eq!(style.paint(Tint::Bad, "x"), "x");
        assert_eq!(Style { colours: true, ..style }.paint(Tint::Bad, "x"), "\x1b[31mx\x1b[0m");
    }
}
