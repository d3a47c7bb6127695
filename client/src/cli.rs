//! The grammar of the command line: what is the same for all commands, and the list of them.
//!
//! Short flags mean what they mean in LitePipeline (`-a` application, `-t` task, `-n` name, `-f` file, `-d` description, `-i`
//! input, `-s` stage, `-S` status), and where a command has one obvious object it is also accepted bare. Each noun's own flags stand
//! beside the code that obeys them, in `commands/`.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::bench;
use crate::commands::{app, completions, gc, logs, node, task, venv, workspace};
use crate::commands::{schedule, service, token};
use crate::commands::{work, workflow};
use crate::serve;

const EXAMPLES: &str = "\
Examples:
  lp up                                      run the whole platform on this machine
  lp app create -f examples/hello            upload a directory as an application
  lp task create -a hello -i '{\"name\": \"you\"}' --follow
                                             run it and watch its output
  lp task list -S fail --since 1d            what failed since yesterday
  lp logs @last                              output of the latest task
  lp why @last                               why it waits, or why it failed

Tasks, applications, venvs and nodes are named by id, by the beginning of an id, and all but tasks
also by name; `@last` is the latest task.

Exit codes: 0 success, 1 failure (also of a task that is waited for), 2 wrong usage, 3 not found,
4 not allowed, 5 invalid or in conflict, 6 timed out, 7 manager or node cannot be reached.";

/// Runs DAGs of programs on a cluster of machines: upload an application, create tasks, follow them.
#[derive(Parser, Debug)]
#[command(name = "lp", version, after_long_help = EXAMPLES, after_help = "See `lp --help` for examples and exit codes.")]
#[command(subcommand_required = true, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Parses the words this program was started with; a wrong one ends it with exit code 2.
    pub(crate) fn parse_or_exit() -> Self {
        let mut command = Cli::command();
        // only somebody who reads the help needs it to be short
        if std::env::args_os().any(|word| word == "--help" || word == "-h" || word == "help") {
            command = shorten_help(command);
        }
        let matches = command.get_matches();
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

/// Shows the options of all commands in the program's own help only, where each command's help points to.
fn shorten_help(command: clap::Command) -> clap::Command {
    let shared: Vec<_> = command.get_arguments().map(|argument| argument.clone().hide(true)).collect();
    command.mut_subcommands(|command| {
        // being there already they are not handed down in their visible form; below, these are handed down
        let missing = shared
            .iter()
            .filter(|argument| command.get_arguments().all(|own| own.get_id() != argument.get_id()));
        let missing: Vec<_> = missing.cloned().collect();
        point_to_help(command.args(missing))
    })
}

fn point_to_help(command: clap::Command) -> clap::Command {
    let more = "Options of all commands, and exit codes: lp --help";
    let after = match command.get_after_help() {
        Some(text) => format!("{text}\n\n{more}"),
        None => more.to_owned(),
    };
    command.after_help(after).mut_subcommands(point_to_help)
}

/// Accepted before and after any command.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Options of all commands")]
pub(crate) struct Global {
    /// How results are printed
    #[arg(
        short = 'o',
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        hide_default_value = true
    )]
    pub(crate) format: Format,
    /// Print the manager's JSON (the same as `-o json`)
    #[arg(short = 'r', long, global = true, conflicts_with = "format")]
    pub(crate) raw: bool,
    /// Cut the values in tables to N characters
    #[arg(short = 'W', long = "width", global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) width: Option<u16>,
    /// Address of the manager
    #[arg(long, global = true, env = "LP_MANAGER", value_name = "URL", hide_env_values = true)]
    pub(crate) manager: Option<String>,
    /// Token for the manager; better put it into the variable or a context file, where other users cannot see it
    #[arg(long, global = true, env = "LP_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// A client.json with address and token, as `lp up` writes it into its data directory; default: the latest `lp up`
    #[arg(long, global = true, env = "LP_CONTEXT", value_name = "FILE", hide_env_values = true, value_parser = any_path())]
    pub(crate) context: Option<PathBuf>,
    /// Print results and errors only
    #[arg(short = 'q', long, global = true)]
    pub(crate) quiet: bool,
    /// Say more: which manager is asked, request ids, how long it took
    #[arg(id = "verbose", short = 'v', long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// When to use colours; NO_COLOR=1 also turns them off
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t, hide_default_value = true)]
    pub(crate) color: ColorChoice,
}

/// A path that may be empty, as a variable is that was set to nothing.
fn any_path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

impl Global {
    pub(crate) fn format(&self) -> Format {
        if self.raw { Format::Json } else { self.format }
    }
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    /// For reading (default); short ids and relative times on a terminal
    #[default]
    Table,
    /// A table with more columns, whole ids and exact times
    Wide,
    /// The manager's answer; of lists an array of all pages
    Json,
    /// One JSON object a line
    Jsonl,
    Yaml,
    /// Only what other commands take as an argument, one a line: names of applications and venvs, ids of tasks and nodes
    Name,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ColorChoice {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Applications: packages of programs and the DAG they form
    #[command(subcommand, visible_alias = "apps")]
    App(app::Verb),
    /// Environments: uploaded apart from the applications that use them
    #[command(subcommand, visible_alias = "venvs")]
    Venv(venv::Verb),
    /// Tasks: runs of an application with input data
    #[command(subcommand, visible_alias = "tasks")]
    Task(task::Verb),
    /// Workflows: applications, and which of them wait for which
    #[command(subcommand, visible_alias = "workflows")]
    Workflow(workflow::Verb),
    /// Works: runs of a workflow with input data
    #[command(subcommand, visible_alias = "works")]
    Work(work::Verb),
    /// Print what actions write, while they run and after
    Logs(logs::Logs),
    /// Explain what a task waits for, or why it failed
    Why(task::Why),
    /// Workspaces: the directories actions have worked in
    #[command(subcommand)]
    Workspace(workspace::Verb),
    /// Schedules: applications run by the calendar
    #[command(subcommand, visible_alias = "schedules")]
    Schedule(schedule::Verb),
    /// Services: applications that are kept running
    #[command(subcommand, visible_alias = "services")]
    Service(service::Verb),
    /// Run a node; or look at nodes and let new ones join
    Node(node::Node),
    /// Tokens: what programs and people call the manager with
    #[command(subcommand, visible_alias = "tokens")]
    Token(token::Verb),
    /// Remove what of the past need not be kept, or show what that is
    Gc(gc::Gc),
    /// Show the manager and the state of the cluster
    Status,
    /// Print the version of this program, and of the manager if it can be reached
    Version,
    /// Print a completion script for a shell
    Completions(completions::Completions),
    /// Run manager, node and viewer on this machine
    Up(serve::Up),
    /// Run a manager
    Manager(serve::ManagerPart),
    /// Run a viewer: the web pages
    Viewer(serve::ViewerPart),
    /// Measure this machine and the platform on it
    Bench(bench::Bench),
    /// Started by the node: holds the running actions
    #[command(hide = true)]
    Supervise(serve::Supervise),
    /// Started by the node: stands for a container
    #[command(hide = true)]
    Contain(serve::Contain),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_has_no_contradictions_with_short_help_or_without() {
        Cli::command().debug_assert();
        shorten_help(Cli::command()).debug_assert();
    }

    #[test]
    fn litepipelines_flags_and_bare_objects_are_both_accepted() {
        for line in [
            "app create -f x.zip -n name -d text",
            "app create x --strict",
            "app list -n a* -l 5",
            "app list -a id",
            "app info -a x",
            "app info x",
            "app update -a x -f y -n z -d text",
            "app delete -a x -y",
            "app delete x y z --yes",
            "app download -a x",
            "app download x -f out.zip",
            "app history list -a x -l 5",
            "app history list x",
            "app history info x 2",
            "app history info -a x -H 2",
            "app history activate -a x -H 2 -r",
            "app history activate x previous",
            "app history delete -a x -H 1 -y",
            "app history download x 1 -f old.zip --force",
            "app diff x",
            "app diff x 1 2",
            "app diff -a x 1 2",
            "app rollback x",
            "app rollback -a x -H 2",
            "venv history list -v x",
            "venv history info -v x -H 2 --verbose",
            "venv history activate x 2",
            "venv history delete -v x -H 1 --yes",
            "venv diff -v x 1 2",
            "venv rollback -v x",
            "venv create -f x -n y",
            "venv info -v x",
            "venv update x -n y",
            "venv delete -v x -v y -y",
            "venv download x --output - --force",
            "task create -a x -n y -i {}",
            "task create -a x -p -5 --key k",
            "task create --app x --each - --wait --timeout 1h",
            "task list -a x -n y -s running -S fail -t abcd -l 0",
            "task list --since 1d --all -o jsonl",
            "task info -t x",
            "task wait x y --timeout 5",
            "task stop -t x -g -9",
            "task stop x -g 15 --grace 1m --wait",
            "task rerun -t x --wait",
            "task delete -t x -t y",
            "logs -t x -n y -f",
            "logs x y --tail 10 --attempt 2",
            "why x",
            "why -t x",
            "workspace list x",
            "workspace list x y",
            "workspace download -t x -n y -f",
            "workspace download x y --file a/b --output c",
            "workspace delete -t x -t y -y",
            "schedule create -n x -a y -H 12 -m 40 -d 1 -D -1 -e",
            "schedule create -n x -w 67e55044-10b1-426f-9247-bb680e5fe0c8 -H 1 -i {}",
            "schedule create -n x -a y --cron @daily --tz UTC --catchup all:5 --overlap kill --jitter 5m -e true",
            "schedule list -n x -a y -s abcd -e -l 5",
            "schedule list -e false",
            "schedule info -s x",
            "schedule update -s x -n y -m 5 -e false --end none",
            "schedule enable x y",
            "schedule disable -s x",
            "schedule delete -s x -y",
            "schedule trigger x",
            "schedule next x -l 3 --after 2026-01-01T00:00:00Z",
            "schedule history x --all",
            "service create -n x -a y -i {} -d text -e",
            "service create -n x -a y --signal -9 --grace 5s --delay 1s --max-delay 1m --reset-after 1h --max-restarts 3",
            "service list -n x -a y -s abcd -e -l 5",
            "service info -s x",
            "service update -s x -a y -n z -i {} -d text -e false --max-restarts none --follow-active",
            "service enable x y",
            "service disable -s x",
            "service restart x",
            "service delete x -y",
            "gc --dry-run -r",
            "gc -y",
            "workflow create -n x -c file.json -d text -e true",
            "workflow create -c - --strict",
            "workflow list -w x",
            "workflow list -n a* -l 5",
            "workflow info -w x",
            "workflow update -w x -n y -e false",
            "workflow enable x y",
            "workflow disable -w x",
            "workflow delete -w x -y",
            "task list -w @last",
            "work create -w x -n y -i {}",
            "work create -w x -p -5 --wait --timeout 1h",
            "work list -w abcd -W x -n y* -s running -S fail -l 0",
            "work list --width 5 --all",
            "work info -w x",
            "work wait x y --timeout 5",
            "work stop -w x -g -9",
            "work rerun -w x --wait",
            "work recover x",
            "work delete x --force -y",
            "work why x",
            "node list",
            "node info x",
            "node token --lifetime 1h",
            "token list",
            "tokens list -l 5",
            "token create ci --role reader",
            "token create -n ci -R administrator --expire-after 30d",
            "token revoke ci -y",
            "token revoke -n ci --yes",
            "node",
            "-W 12 -r app list",
            "app list -W 12 -r",
            "status -v -q --color never",
            "-o wide --manager http://x --token t status",
            "version",
            "completions zsh",
            "up",
            "manager",
            "viewer",
        ] {
            let parsed = Cli::try_parse_from(["lp"].into_iter().chain(line.split(' ')));
            assert!(parsed.is_ok(), "lp {line}: {}", parsed.unwrap_err());
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "task info",
            "task info x y",
            "task info x -t y",
            "task create",
            "task create -a x -i {} --each y",
            "task create -a x --each y --follow",
            "task stop x -g 1",
            "task rerun x --timeout 5",
            "app update x",
            "app update x -n y --strict",
            "app list -l 5 --all",
            "app history",
            "app history list",
            "app history info x 1 2",
            "app diff x 1 2 3",
            "workflow create -n x",
            "workflow update x",
            "workflow update x --strict",
            "workflow create -c x -e maybe",
            "work create",
            "work create -w x --timeout 5",
            "work stop x -g 1",
            "status -r -o yaml",
            "app list -W 0",
            "logs x --attempt 0",
            "node list --lifetime 1h",
            "completions tcsh",
            "schedule create -n x -a y -H 1 --cron @daily",
            "schedule create -n x -a y -w 67e55044-10b1-426f-9247-bb680e5fe0c8 -H 1",
            "schedule create -a y -H 1",
            "schedule create -n x -a y -H 1 --overlap maybe",
            "schedule create -n x -a y -H 1 --catchup all:0",
            "schedule update -n x",
            "service create -n x",
        ] {
            let parsed = Cli::try_parse_from(["lp"].into_iter().chain(line.split(' ')));
            assert!(parsed.is_err(), "lp {line}");
        }
    }

    #[test]
    fn the_verbose_flag_counts_also_where_its_letter_means_something_else() {
        for (line, verbose) in
            [("-v status", 1), ("status -vv", 2), ("venv info -v x --verbose", 1), ("venv info -v x", 0)]
        {
            let cli = Cli::try_parse_from(["lp"].into_iter().chain(line.split(' '))).unwrap();
            assert_eq!(cli.global.verbose, verbose, "{line}");
        }
    }
}
