//! The commented file `lp manager -g DIR` writes.

use super::Config;

impl Config {
    /// Returns a file that lists every key with its default and what it does. Used as it is it changes nothing.
    pub fn template() -> &'static str {
        TEMPLATE
    }
}

const TEMPLATE: &str = r#"# Configuration of `lp manager`.
# Every key is shown with its default. A variable LP_<KEY> (for example LP_HTTP_PORT) goes over this file, a flag over both.
# A key that is not here is refused; so is a variable that is a slip of one of these. Other variables that begin with LP_ are left alone.
# Durations are seconds or "1h 30m", "100ms"; sizes are bytes or "2GiB".

# Address and port to listen on. 0.0.0.0 is every network of this machine: put a TLS proxy in front of it. Port 0 takes a free one.
http_host: 127.0.0.1
http_port: 8000

# Threads that serve HTTP.
http_workers: 2

# Host names by which clients may call. A manager that listens on loopback always answers to localhost, 127.0.0.1 and [::1] and to nothing
# else but these, so that no web page can reach it under a name of its own.
allowed_hosts: []

# All that the manager keeps on this disk. Two managers never share a directory.
data_path: data

# Where the state is kept: sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME. Default: SQLite in data_path.
database:

# Directory of the packages and logs. Default: blobs in data_path.
blobs:

# Largest package that may be uploaded.
max_buffer_size: 10GiB

# How often a node gives a sign of life, and after how long without one its actions are given to other nodes.
heartbeat: 5s
lost_after: 60s

# Age at which a package that no application or venv refers to is removed.
keep_orphans: 24h

# What is kept of the past. Without a value all of it is kept; what is in use is kept in any case. `lp gc --dry-run` tells what would go.
# Finished tasks, with their logs and workspaces: by age, such as 90d, and by number, the latest ones.
keep_tasks:
keep_tasks_count:

# Logs of finished tasks: by age, and by size in all, such as 20GiB, the latest ones.
keep_logs:
keep_logs_size:

# Workspaces of finished tasks on their nodes, by age.
keep_workspaces:

# Versions of each application and venv: the latest so many, the active one, and the one that was active before.
keep_versions:

# Put before the names of images (docker.name) that have no registry, where a node has no docker_registry of its own.
docker_registry:

# Environments built from locks, by the time since their last use, such as 90d; one that went is built anew when it is wanted again.
keep_builds:

# error, warn, info, debug or trace, or a filter such as info,lp_manager::engine=debug.
log_level: info

# ADDRESS:PORT at which other managers on the same database reach this one; needed where http_host is 0.0.0.0.
# Default: the address it listens on.
advertise:
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_shows_every_key_and_changes_nothing() {
        assert_eq!(
            Config::load(&lp_settings::Layers { file: Some(("f", TEMPLATE)), ..Default::default() }).unwrap(),
            Config::default()
        );
        for key in Config::KEYS {
            assert!(TEMPLATE.contains(&format!("\n{key}:")), "{key}");
        }
    }
}
