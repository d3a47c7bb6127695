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
    value("cpus", "4", "Processors and memory to give away. Default: all."),
    value("memory", "8GiB", ""),
    value(
        "gpus",
        "[GPU-5fd4f087, GPU-7b2a1c3e]",
        "GPUs to give out, one by one: their ids, or how many. Default: all NVIDIA and AMD ones the machine has.\n\
         More than it has are pretended ones, for tests.",
    ),
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
        "run_as",
        "lp-programs",
        "Whom programs run as, on a node that is root: a name, UID, UID:GID, a range FIRST-LAST of which each task gets one,\n\
         or `node` for the node's own user. Default: 1900000000-1900065535.",
    ),
    text(
        "isolation",
        "auto",
        "On a node that is not root: auto keeps programs from the node's files and processes as far as the kernel allows;\n\
         off lets them have all the node's user has (sudo, containers of their own).",
    ),
    value(
        "max_processes",
        "10000",
        "Processes one task may have where it has a user or a cgroup of its own.",
    ),
    text(
        "http_host",
        "10.0.0.5",
        "Told to programs in action_info, where LitePipeline had the node's address. The node listens nowhere.\n\
         Default of the host: the address this machine reaches the manager from.",
    ),
    value("http_port", "8001", ""),
    value(
        "docker_support",
        "auto",
        "Run actions in containers: auto (while a container engine answers), true (the same, and complain while\n\
         none does), false.",
    ),
    text(
        "docker_host",
        "unix:///var/run/docker.sock",
        "The engine's address. Default: DOCKER_HOST, else this socket.",
    ),
    text(
        "docker_registry",
        "hub.example:5000",
        "Put before `docker.name` where that names no registry. Default: the manager's.",
    ),
    text(
        "docker_auth_file",
        "/etc/lp/docker.json",
        "Credentials for registries in the format of Docker's config.json; only `auths` is read.",
    ),
    Key {
        name: "docker_allow",
        kind: Kind::List,
        about: "What actions may ask for that could take over this machine; nothing else of it is given. Entries: privileged,\n\
                cap_add:NET_ADMIN, device:/dev/fuse, volume:/data (with all below it), volume:NAME, security_opt:VALUE,\n\
                network:host, pid_mode:host, ipc_mode:host, uts_mode:host, userns_mode:host, runtime:NAME, gpus:all;\n\
                `*` for any value.",
        example: "[\"volume:/data\", \"cap_add:NET_ADMIN\"]",
    },
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
