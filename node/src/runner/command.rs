//! From what the manifest says to the words that are executed.
//!
//! LitePipeline hands every line to `bash -c "exec LINE WORKSPACE --nodaemon"`. A shell costs a millisecond and a process, so a line of plain
//! words is split here and run directly; anything a shell might read otherwise goes to one.

use lp_protocol::plan::Command;

/// LitePipeline's last argument, which its users' programs expect or ignore.
const NO_DAEMON: &str = "--nodaemon";

/// Words that only a shell understands and for which there is no program. What is both (`echo`, `test`, `true`) is run as the program,
/// as LitePipeline's `exec` does.
const SHELL_WORDS: &[&str] = &[
    ".",
    ":",
    "alias",
    "bg",
    "bind",
    "break",
    "builtin",
    "caller",
    "case",
    "cd",
    "command",
    "compgen",
    "complete",
    "compopt",
    "continue",
    "coproc",
    "declare",
    "dirs",
    "disown",
    "do",
    "done",
    "elif",
    "else",
    "enable",
    "esac",
    "eval",
    "exec",
    "exit",
    "export",
    "fc",
    "fg",
    "fi",
    "for",
    "function",
    "getopts",
    "hash",
    "help",
    "history",
    "if",
    "in",
    "jobs",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "pushd",
    "read",
    "readarray",
    "readonly",
    "return",
    "select",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "then",
    "time",
    "times",
    "trap",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "until",
    "wait",
    "while",
];

/// What is executed: at least one word where the command has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    Direct(Vec<String>),
    /// A script for `bash -c`.
    Shell(String),
}

/// The words of a command for one workspace.
pub(crate) fn words(command: &Command, workspace: &str) -> Words {
    match command {
        Command::Words(words) => {
            Words::Direct(words.iter().map(|word| word.replace("{workspace}", workspace)).collect())
        }
        Command::Line(line) if is_plain(line) => {
            let own = line.split_ascii_whitespace();
            Words::Direct(own.chain([workspace, NO_DAEMON]).map(str::to_owned).collect())
        }
        Command::Line(line) => Words::Shell(format!("{line} {} {NO_DAEMON}", quote(workspace))),
    }
}

/// True where no shell would read the line otherwise than as words between blanks.
fn is_plain(line: &str) -> bool {
    let Some(first) = line.split_ascii_whitespace().next() else { return false };
    line.chars().all(is_plain_char) && !first.contains('=') && !SHELL_WORDS.contains(&first)
}

fn is_plain_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || " \t_-./:=@%+,".contains(c) || (!c.is_ascii() && c.is_alphanumeric())
}

/// One word for any POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(line: &str) -> Words {
        words(&Command::Line(line.into()), "/w s")
    }

    #[test]
    fn plain_words_are_run_without_a_shell_and_all_else_with_one() {
        for plain in [
            "true",
            "python first.py",
            "python3 -u ./a/b.py --n=3 --at 10:30 user@host 50% +x a,b",
            "  spaced\tout ",
            "echo hi",
            "./prog-1.2_x",
            "größe.sh",
        ] {
            assert!(matches!(line(plain), Words::Direct(_)), "{plain}");
        }
        for shell in [
            "sleep 5 #",
            "a | b",
            "a; b",
            "a && b",
            "a > f",
            "a < f",
            "echo $X",
            "echo `x`",
            "echo 'x'",
            "echo \"x\"",
            "ls *",
            "ls ?",
            "ls [a]",
            "~/x",
            "a \\ b",
            "a &",
            "(a)",
            "{ a; }",
            "! a",
            "X=1 a",
            "cd x",
            "exit 3",
            "source x",
            "exec a",
            "if x",
            "a\nb",
            "",
            "  ",
            "a\u{a0}b",
        ] {
            assert!(matches!(line(shell), Words::Shell(_)), "{shell}");
        }
    }

    #[test]
    fn a_line_gets_workspace_and_nodaemon() {
        assert_eq!(
            line("python a.py"),
            Words::Direct(["python", "a.py", "/w s", "--nodaemon"].map(Into::into).into())
        );
        assert_eq!(line("sleep 5 #"), Words::Shell("sleep 5 # '/w s' --nodaemon".into()));
        assert_eq!(quote("it's"), r"'it'\''s'");
    }

    #[test]
    fn words_are_run_as_written_with_the_workspace_put_in() {
        let command = Command::Words(["a b", "--out={workspace}/x", "$HOME"].map(Into::into).into());

        assert_eq!(
            words(&command, "/w"),
            Words::Direct(["a b", "--out=/w/x", "$HOME"].map(Into::into).into())
        );
    }
}
