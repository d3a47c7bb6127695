//! The keys, each with its words for the generated file.

use lp_settings::{Kind, Part};

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// What it is for, in lines.
    pub about: &'static str,
    /// An example or the default, as it stands in the generated file.
    pub example: &'static str,
}

const fn text(name: &'static str, example: &'static str, about: &'static str) -> Key {
    Key { name, kind: Kind::Text, about, example }
}

const fn value(name: &'static str, example: &'static str, about: &'static str) -> Key {
    Key { name, kind: Kind::Yaml, about, example }
}

/// All settings, in the order of the generated file. Each is also a variable, `LP_` and the name in capitals.
pub const KEYS: &[Key] = &[
    text("manager_url", "http://127.0.0.1:8000", "The manager's address. Wins over the two below."),
    text("manager_http_host", "127.0.0.1", "The manager's host and port, where manager_url is not given."),
    value("manager_http_port", "8000", ""),
    text("name", "worker-1", "How the node is called. Default: the machine's name."),
    text(
        "join_token_file",
        "/etc/lp/join-token",
        "What the node joins with when it starts for the first time: a file, or the token itself.\n\
         It then keeps a credential of its own in its data directory.",
    ),
    text("join_token", "...", ""),
    text("data_path", "data", "Everything the node keeps: credential, journal, packages, workspaces."),
    value("action_slots", "2", "Attempts that run at once. Default: one per processor."),
    value(
        "cpus",
        "4",
        "Processors, memory and GPUs to give away. Default: all processors and all memory; no GPUs.",
    ),
    value("memory", "8GiB", ""),
    value("gpus", "0", ""),
    Key {
        name: "resources",
        kind: Kind::Map,
        about: "Anything else that is counted; actions ask for it by these names.",
        example: "{licence: 2}",
    },
    Key {
        name: "labels",
        kind: Kind::TextMap,
        about: "Shown with the node; actions ask for them in `target_env`: {\"labels\": {\"gpu\": \"a100\"}}.\n\
                As a variable or flag: gpu=a100,rack=r12; entries are laid over those of the file one by one.",
        example: "{gpu: a100, rack: r12}",
    },
    value(
        "cache_size",
        "20GiB",
        "Unpacked packages are kept up to this size; the least recently used go first.",
    ),
    value(
        "env_build_timeout",
        "30m",
        "Longest time the build of an environment (`env` with a lock) may take. uv is used where it is on the PATH, else python3 and pip.\n\
         PIP_* and UV_* variables of the node, and the configuration of pip and uv of its user, say where packages come from.",
    ),
    value(
        "retry_interval",
        "5",
        "Longest pause between tries to reach the manager, in seconds or as \"1m 30s\".",
    ),
    text(
        "http_host",
        "10.0.0.5",
        "Told to programs in action_info, where LitePipeline had the node's address. The node listens nowhere.\n\
         Default of the host: the address this machine reaches the manager from.",
    ),
    value("http_port", "8001", ""),
    value("docker_support", "false", "Run actions in containers. Not yet: must be false."),
];

/// Settings of LitePipeline's node without a meaning here, and why.
const OBSOLETE: &[(&str, &str)] = &[
    ("manager_tcp_host", "the node needs only the manager's HTTP address"),
    ("manager_tcp_port", "the node needs only the manager's HTTP address"),
    ("manager_user", "the node joins with join_token"),
    ("manager_password", "the node joins with join_token"),
    ("heartbeat_interval", "the manager sets it"),
    ("heartbeat_timeout", "the manager sets it"),
    ("executor_interval", "nothing is polled"),
    ("log_level", "it is set with --log-level or LP_LOG_LEVEL"),
    ("log_path", "the log goes to standard error"),
];

/// Other names a key is accepted under.
const ALIASES: &[(&str, &str)] = &[("gpu", "gpus")];

/// The keys as the layers are read by.
pub(super) fn part() -> Part {
    Part { keys: KEYS.iter().map(|key| (key.name, key.kind)).collect(), aliases: ALIASES, obsolete: OBSOLETE }
}

pub(super) fn template() -> String {
    let mut lines = String::from(
        "# Settings of a node. Everything has a default; remove the `#` to change it.\n\
         # Each can also be given as a variable: LP_ and the name in capitals, for example LP_ACTION_SLOTS=4.\n\
         # A key that is not here is refused; so is a variable that is a slip of one of these. Other variables that begin with LP_ are left alone.\n",
    );
    for key in KEYS {
        if !key.about.is_empty() {
            lines.push('\n');
            for line in key.about.lines() {
                lines.push_str("# ");
                lines.push_str(line);
                lines.push('\n');
            }
        }
        lines.push_str(&format!("#{}: {}\n", key.name, key.example));
    }
    lines
}
