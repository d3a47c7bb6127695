//! Flags of the parts. Each names a key of the part's configuration; keys without a flag are set with `--set`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

const UP_HELP: &str = "\
Examples:
  lp up                                on ports 8000 and 8088, data in ~/.local/share/lp
  lp up --demo                         and upload an example, run it, show its result
  lp up --data /tmp/x --port 0 --viewer-port 0
                                       a second one beside it, on free ports

When everything is ready it prints the addresses and writes DIR/client.json, which is what any `lp` of
this user then talks to; LP_CONTEXT=DIR/client.json chooses among several. Ctrl-C stops it in order. Programs
that run go on, and a start with the same DIR goes on where it was.";

#[derive(Args, Debug)]
#[command(after_help = UP_HELP)]
pub(crate) struct Up {
    /// Directory of all data; default: lp in $XDG_DATA_HOME or ~/.local/share
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Port of the manager; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 8000)]
    pub(super) port: u16,
    /// Port of the viewer; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 8088)]
    pub(super) viewer_port: u16,
    /// How many actions the node runs at once; default: as many as there are processors
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) slots: Option<u32>,
    /// Upload the example `hello`, run it once and print its result
    #[arg(long)]
    pub(super) demo: bool,
}

/// Where a part's configuration comes from.
#[derive(Args, Debug)]
pub(crate) struct Source {
    /// Configuration file (YAML)
    #[arg(short, long = "config", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Write a commented configuration file and a systemd unit into DIR and do nothing else
    #[arg(short, long = "generate", value_name = "DIR", conflicts_with_all = ["config", "set"])]
    pub(super) generate: Option<PathBuf>,
    /// Set a key of the configuration, over file and LP_KEY variables
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// Directory of all its data (key data_path)
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// error, warn, info, debug, trace, or a filter (key log_level)
    #[arg(long, value_name = "LEVEL")]
    pub(super) log_level: Option<String>,
}

/// Where a part listens.
#[derive(Args, Debug)]
pub(crate) struct Listen {
    /// Address to listen on (key http_host)
    #[arg(long, value_name = "ADDRESS")]
    pub(super) host: Option<String>,
    /// Port to listen on; 0 takes a free one (key http_port)
    #[arg(long, value_name = "N")]
    pub(super) port: Option<u16>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  lp manager -g .                  write manager.yml, with every key explained, and lp-manager.service\n  \
    lp manager -c manager.yml\n  lp manager --data /var/lib/lp --database postgres://lp@db/lp --host 0.0.0.0\n\n\
    The administrator's token is made at the first start and kept in DIR/admin.token. `lp node token` makes the\n\
    tokens nodes join with."
)]
pub(crate) struct ManagerPart {
    #[command(flatten)]
    pub(super) source: Source,
    #[command(flatten)]
    pub(super) listen: Listen,
    /// sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME (key database)
    #[arg(long, value_name = "URL")]
    pub(super) database: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct NodePart {
    #[command(flatten)]
    pub(super) source: Source,
    /// How many actions it runs at once (key action_slots)
    #[arg(long, value_name = "N")]
    pub(super) slots: Option<u32>,
    /// How it is called; default: the machine's name (key name)
    #[arg(long)]
    pub(super) name: Option<String>,
    /// A label, for actions to ask for in `target_env`; several times for several (key labels)
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) label: Vec<String>,
    /// File with the token it joins with at its first start (key join_token_file); or put the token into LP_JOIN_TOKEN
    #[arg(long, value_name = "FILE")]
    pub(super) join_token_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  lp viewer -g .                   write viewer.yml, with every key explained, and lp-viewer.service\n  \
    lp viewer --manager http://127.0.0.1:8000 --port 8088"
)]
pub(crate) struct ViewerPart {
    /// Configuration file (YAML)
    #[arg(short, long = "config", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Write a commented configuration file and a systemd unit into DIR and do nothing else
    #[arg(short, long = "generate", value_name = "DIR", conflicts_with_all = ["config", "set"])]
    pub(super) generate: Option<PathBuf>,
    /// Set a key of the configuration, over file and LP_KEY variables
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// error, warn, info, debug, trace, or a filter (key log_level)
    #[arg(long, value_name = "LEVEL")]
    pub(super) log_level: Option<String>,
    #[command(flatten)]
    pub(super) listen: Listen,
}

#[derive(Args, Debug)]
pub(crate) struct Supervise {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) words: Vec<OsString>,
}

#[derive(Args, Debug)]
pub(crate) struct Contain {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) words: Vec<OsString>,
}
