//! What of the rights that could take over the machine this node grants: exactly what its configuration names.
//!
//! `docker_allow` is a list of `RIGHT` or `RIGHT:VALUE`; `*` stands for any value. A refusal names the argument, the key and the entry that
//! would allow it, so that whoever may decide it can.

use std::path::{Path, PathBuf};

use lp_protocol::docker::Args;
use lp_protocol::docker::mounts::{Source, Volume};

/// The rights that can be granted, with what their value is.
const RIGHTS: &[(&str, Option<&str>)] = &[
    ("privileged", None),
    ("cap_add", Some("a capability, NET_ADMIN")),
    ("device", Some("a path, /dev/fuse")),
    ("volume", Some("a directory of the machine with all below it, /data, or the name of a volume")),
    ("security_opt", Some("an option, seccomp=unconfined")),
    ("network", Some("host, or container")),
    ("pid_mode", Some("host, or container")),
    ("ipc_mode", Some("host, or container")),
    ("uts_mode", Some("host")),
    ("userns_mode", Some("host")),
    ("runtime", Some("a runtime of the engine, nvidia")),
    ("gpus", Some("all, or the id of a device")),
];

const ANY: &str = "*";

/// The entries of `docker_allow`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowed {
    entries: Vec<(String, String)>,
}

impl Allowed {
    /// Reads the list.
    ///
    /// # Errors
    /// A sentence about the first entry that means nothing.
    pub(crate) fn parse(texts: &[String]) -> Result<Self, String> {
        let mut entries = Vec::new();
        for text in texts {
            let (name, value) = match text.split_once(':') {
                Some((name, value)) => (name.trim(), value.trim()),
                None => (text.trim(), ""),
            };
            let Some((_, takes)) = RIGHTS.iter().find(|(known, _)| *known == name) else {
                let known: Vec<&str> = RIGHTS.iter().map(|(known, _)| *known).collect();
                return Err(format!("docker_allow: `{text}` is not known; known are {}", known.join(", ")));
            };
            match (takes, value) {
                (Some(what), "") => {
                    return Err(format!(
                        "docker_allow: `{text}` needs a value: `{name}:` and {what}, or `{name}:*`"
                    ));
                }
                (None, value) if !value.is_empty() => {
                    return Err(format!("docker_allow: `{name}` takes no value"));
                }
                _ => {}
            }
            let value = match name {
                "cap_add" => value.to_uppercase().trim_start_matches("CAP_").to_owned(),
                _ => value.to_owned(),
            };
            entries.push((name.to_owned(), value));
        }
        Ok(Self { entries })
    }

    fn has(&self, right: &str, value: &str) -> bool {
        self.entries.iter().any(|(name, allowed)| name == right && (allowed == value || allowed == ANY))
    }

    /// Checks all that arguments ask for, and returns the volumes with the paths that are really mounted.
    ///
    /// # Errors
    /// The sentence for the attempt's exit.
    pub(crate) fn check(&self, args: &Args, engine: &str) -> Result<Vec<Volume>, String> {
        let rights = &args.rights;
        let want = |argument: &str, right: &str, value: &str| {
            if self.has(right, value) { Ok(()) } else { Err(refusal(argument, right, value)) }
        };
        if rights.privileged {
            want("privileged", "privileged", "")?;
        }
        for name in &rights.cap_add {
            want("cap_add", "cap_add", name)?;
        }
        for device in &rights.devices {
            want("devices", "device", &device.on_host)?;
        }
        for option in rights.security_opt.iter().filter(|option| !is_tightening(option)) {
            want("security_opt", "security_opt", option)?;
        }
        for (argument, right, mode) in [
            ("pid_mode", "pid_mode", &rights.pid_mode),
            ("ipc_mode", "ipc_mode", &rights.ipc_mode),
            ("uts_mode", "uts_mode", &rights.uts_mode),
            ("userns_mode", "userns_mode", &rights.userns_mode),
            ("network_mode", "network", &args.net.network),
        ] {
            if let Some(value) = mode.as_deref().and_then(|mode| foreign(right, mode)) {
                want(argument, right, value)?;
            }
        }
        if let Some(runtime) = &rights.runtime {
            want("runtime", "runtime", runtime)?;
        }
        for request in &rights.device_requests {
            if request.count < 0 {
                want("gpus", "gpus", "all")?;
            }
            for id in &request.ids {
                want("gpus", "gpus", id)?;
            }
            if request.counted_gpus().is_none() && request.ids.is_empty() && request.count >= 0 {
                want("device_requests", "gpus", "all")?;
            }
        }
        args.mounts.volumes.iter().map(|volume| self.volume(volume, engine)).collect()
    }

    fn volume(&self, volume: &Volume, engine: &str) -> Result<Volume, String> {
        let path = match &volume.source {
            Source::Anonymous => return Ok(volume.clone()),
            Source::Named(name) if self.has("volume", name) => return Ok(volume.clone()),
            Source::Named(name) => return Err(refusal("volumes", "volume", name)),
            Source::Path(path) => path,
        };
        // a link may lead anywhere, so it is what it leads to that must be allowed, and that is mounted
        let real = match Path::new(path).canonicalize() {
            Ok(real) => real,
            // nobody learns what is there and what is not
            Err(_) if !self.allows_path(Path::new(path)) => return Err(refusal("volumes", "volume", path)),
            Err(error) => return Err(format!("docker.args.volumes: `{path}` cannot be mounted: {error}")),
        };
        let is_engine = engine
            .strip_prefix("unix://")
            .map(PathBuf::from)
            .is_some_and(|socket| socket.canonicalize().unwrap_or(socket) == real);
        let allowed = if is_engine { self.names_path(&real) } else { self.allows_path(&real) };
        match (allowed, real.to_str()) {
            (true, Some(text)) if !text.contains(':') => {
                Ok(Volume { source: Source::Path(text.to_owned()), ..volume.clone() })
            }
            (true, _) => {
                Err(format!("docker.args.volumes: `{path}` leads to a path with a colon or without a text"))
            }
            (false, _) => Err(refusal("volumes", "volume", path)),
        }
    }

    /// Under a directory that is named.
    fn allows_path(&self, path: &Path) -> bool {
        self.volume_entries().any(|entry| entry == ANY || path.starts_with(real(entry)))
    }

    /// Named itself: the engine's socket is the whole machine, wherever it lies.
    fn names_path(&self, path: &Path) -> bool {
        self.volume_entries().any(|entry| real(entry) == path)
    }

    fn volume_entries(&self) -> impl Iterator<Item = &str> {
        let is_path = |value: &&str| value.starts_with('/') || *value == ANY;
        self.entries
            .iter()
            .filter(|(name, _)| name == "volume")
            .map(|(_, value)| value.as_str())
            .filter(is_path)
    }
}

fn real(entry: &str) -> PathBuf {
    Path::new(entry).canonicalize().unwrap_or_else(|_| PathBuf::from(entry))
}

/// Only takes rights away, and so is anybody's to give.
fn is_tightening(option: &str) -> bool {
    ["no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"].contains(&option)
}

/// The value to be allowed for a mode that shares something of the machine or of another container.
fn foreign<'m>(right: &str, mode: &'m str) -> Option<&'m str> {
    if mode == "container" || mode.starts_with("container:") {
        return Some("container");
    }
    match (right, mode) {
        // the engine's own networks, and whatever names others have
        ("network", mode) => (mode == "host").then_some(mode),
        (_, "" | "private" | "shareable" | "none") => None,
        (_, mode) => Some(mode),
    }
}

fn refusal(argument: &str, right: &str, value: &str) -> String {
    let entry = if value.is_empty() { right.to_owned() } else { format!("{right}:{value}") };
    format!(
        "this node does not allow `docker.args.{argument}` ({entry}); whoever runs the node can allow it by \
         the entry \"{entry}\" of `docker_allow` in its configuration"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGINE: &str = "unix:///run/none.sock";

    fn check(allow: &[&str], args: &str) -> Result<Vec<Volume>, String> {
        let allow: Vec<String> = allow.iter().map(|text| (*text).to_owned()).collect();
        let args = Args::parse(serde_json::from_str::<serde_json::Value>(args).unwrap().as_object().unwrap())
            .unwrap();
        Allowed::parse(&allow).unwrap().check(&args, ENGINE)
    }

    #[test]
    fn what_could_take_over_the_machine_needs_its_own_entry() {
        for (args, entry) in [
            (r#"{"privileged": true}"#, "privileged"),
            (r#"{"cap_add": ["cap_sys_admin"]}"#, "cap_add:SYS_ADMIN"),
            (r#"{"cap_add": ["ALL"]}"#, "cap_add:ALL"),
            (r#"{"devices": ["/dev/kmsg"]}"#, "device:/dev/kmsg"),
            (r#"{"volumes": ["/:/host"]}"#, "volume:/"),
            (r#"{"volumes": {"/etc": {"bind": "/mnt", "mode": "ro"}}}"#, "volume:/etc"),
            (r#"{"volumes": ["data:/mnt"]}"#, "volume:data"),
            (r#"{"security_opt": ["seccomp=unconfined"]}"#, "security_opt:seccomp=unconfined"),
            (r#"{"security_opt": ["no-new-privileges:false"]}"#, "security_opt:no-new-privileges:false"),
            (r#"{"network_mode": "host"}"#, "network:host"),
            (r#"{"network": "container:other"}"#, "network:container"),
            (r#"{"pid_mode": "host"}"#, "pid_mode:host"),
            (r#"{"pid_mode": "container:other"}"#, "pid_mode:container"),
            (r#"{"ipc_mode": "host"}"#, "ipc_mode:host"),
            (r#"{"uts_mode": "host"}"#, "uts_mode:host"),
            (r#"{"userns_mode": "host"}"#, "userns_mode:host"),
            (r#"{"runtime": "nvidia"}"#, "runtime:nvidia"),
            (r#"{"gpus": "all"}"#, "gpus:all"),
            (r#"{"gpus": "device=1"}"#, "gpus:1"),
            (r#"{"device_requests": [{"count": 1, "capabilities": [["tpu"]]}]}"#, "gpus:all"),
        ] {
            let refused =
                check(&["cap_add:NET_RAW", "volume:/nowhere", "device:/dev/fuse"], args).unwrap_err();
            assert!(
                refused.contains(&format!("\"{entry}\"")) && refused.contains("docker_allow"),
                "{refused}"
            );
            assert!(check(&[entry], args).is_ok(), "{args}");
        }
    }

    #[test]
    fn what_stays_in_the_container_needs_none() {
        for args in [
            r#"{}"#,
            r#"{"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"], "ipc_mode": "private"}"#,
            r#"{"network": "none", "ports": {"80/tcp": 8080}, "user": "root", "read_only": true}"#,
            r#"{"network_mode": "team", "volumes": ["/cache"], "tmpfs": {"/run": ""}, "gpus": 1}"#,
        ] {
            assert!(check(&[], args).is_ok(), "{args}");
        }
    }

    #[test]
    fn a_path_is_allowed_with_what_is_below_it_and_a_link_is_what_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("data/below")).unwrap();
        std::fs::create_dir(root.join("database")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("data/link")).unwrap();
        std::os::unix::fs::symlink(root.join("data/below"), root.join("data/inner")).unwrap();
        let allow = format!("volume:{}", root.join("data").display());
        let mount = |path: &str| {
            check(&[&allow], &format!(r#"{{"volumes": ["{}:/mnt:ro"]}}"#, root.join(path).display()))
        };

        let source = |path: &str| Source::Path(root.join(path).display().to_string());
        assert_eq!(mount("data").unwrap()[0].source, source("data"));
        assert_eq!(mount("data/below").unwrap()[0].source, source("data/below"));
        assert_eq!(mount("data/inner").unwrap()[0].source, source("data/below"));
        assert!(mount("data/link").unwrap_err().contains("docker_allow"));
        assert!(mount("database").unwrap_err().contains("docker_allow"));
        assert!(mount("data/none").unwrap_err().contains("cannot be mounted"));
    }

    #[test]
    fn the_engines_socket_must_be_named_itself() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("docker.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let args = format!(r#"{{"volumes": ["{}:/var/run/docker.sock"]}}"#, socket.display());
        let args =
            Args::parse(serde_json::from_str::<serde_json::Value>(&args).unwrap().as_object().unwrap())
                .unwrap();
        let check = |entry: String| {
            Allowed::parse(&[entry]).unwrap().check(&args, &format!("unix://{}", socket.display()))
        };

        assert!(check(format!("volume:{}", dir.path().display())).is_err());
        assert!(check("volume:*".into()).is_err());
        assert!(check(format!("volume:{}", socket.display())).is_ok());
    }

    #[test]
    fn entries_that_mean_nothing_are_refused() {
        for (entry, expected) in [
            ("priviledged", "is not known; known are privileged, cap_add"),
            ("privileged:yes", "takes no value"),
            ("cap_add", "needs a value"),
            ("volume:", "needs a value"),
        ] {
            let error = Allowed::parse(&[entry.to_owned()]).unwrap_err();
            assert!(error.starts_with("docker_allow: ") && error.contains(expected), "{error}");
        }
    }
}
