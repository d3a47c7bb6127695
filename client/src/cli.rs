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
mod tests;
