//! Where and with what builds are made on this node.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::supervisor::procfs;

/// Marks every process of a build with the node's data directory.
pub(super) const BUILD_OF: &str = "LP_BUILD_OF";

/// Variables that say where packages come from and how they are reached: the administrator has set them for the node, and the tools read
/// them.
const PASSED_ON: [&str; 15] = [
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
];

/// So do these, by how they begin: `PIP_INDEX_URL`, `UV_DEFAULT_INDEX`.
const PASSED_ON_PREFIXES: [&str; 2] = ["PIP_", "UV_"];

/// What a login without a profile has.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What every build needs of the node.
#[derive(Clone, Debug)]
pub(crate) struct BuildSite {
    /// The cache's directory.
    pub(super) cache: PathBuf,
    /// Pythons that uv has brought.
    pub(super) pythons: PathBuf,
    pub(super) data: PathBuf,
    /// `x86_64-linux-gnu`.
    pub(super) platform: String,
    pub(super) limit: Duration,
    environ: BTreeMap<OsString, OsString>,
    config_home: Option<PathBuf>,
}

impl BuildSite {
    pub(crate) fn new(data: &Path, cache: PathBuf, limit: Duration) -> Self {
        Self::with_variables(data, cache, limit, std::env::vars_os())
    }

    pub(super) fn with_variables(
        data: &Path,
        cache: PathBuf,
        limit: Duration,
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Self {
        let all: BTreeMap<OsString, OsString> = variables.collect();
        let path_of =
            |name: &str| all.get(&OsString::from(name)).filter(|value| !value.is_empty()).map(PathBuf::from);
        let config_home =
            path_of("XDG_CONFIG_HOME").or_else(|| path_of("HOME").map(|home| home.join(".config")));
        let is_passed_on = |name: &OsString| {
            name.to_str().is_some_and(|name| {
                let by_prefix = PASSED_ON_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
                (by_prefix || PASSED_ON.contains(&name)) && !lp_package::venv::recipe::CLEARED.contains(&name)
            })
        };
        let mut environ: BTreeMap<_, _> = all.into_iter().filter(|(name, _)| is_passed_on(name)).collect();
        environ.entry("PATH".into()).or_insert_with(|| DEFAULT_PATH.into());
        Self {
            pythons: data.join("pythons"),
            data: data.to_owned(),
            platform: platform(),
            cache,
            limit,
            environ,
            config_home,
        }
    }

    pub(super) fn path(&self) -> OsString {
        self.environ.get(&OsString::from("PATH")).cloned().unwrap_or_default()
    }

    /// The environment of a build's programs: clean, with a home and a temporary directory that go with the build. What the user who runs
    /// the node has configured for pip and uv holds.
    pub(super) fn environ(&self, dir: &Path) -> BTreeMap<OsString, OsString> {
        let mut environ = self.environ.clone();
        let mut standard = |name: &str, value: OsString| {
            environ.entry(name.into()).or_insert(value);
        };
        standard("LANG", "C.UTF-8".into());
        standard("UV_CACHE_DIR", dir.join("uv-cache").into());
        standard("PIP_CACHE_DIR", dir.join("pip-cache").into());
        standard("UV_PYTHON_INSTALL_DIR", self.pythons.clone().into());
        if let Some(config_home) = &self.config_home {
            standard("XDG_CONFIG_HOME", config_home.clone().into());
        }
        for (name, value) in
            [("HOME", dir.join("home")), ("TMPDIR", dir.join("tmp")), (BUILD_OF, self.data.clone())]
        {
            environ.insert(name.into(), value.into());
        }
        environ
    }
}

/// Ends what is left of the builds of an earlier process of this node, which was killed: nobody waits for them.
pub(crate) fn end_orphans(data: &Path) {
    let Some(data) = data.to_str() else { return };
    let own = std::process::id() as i32;
    for pid in procfs::all() {
        if pid != own && procfs::find_variable(pid, BUILD_OF).as_deref() == Some(data) {
            // what cannot be signalled has ended meanwhile
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// Ends every process whose temporary directory is that of this build.
pub(super) fn end_all_of(dir: &Path) {
    let Some(tmp) = dir.join("tmp").to_str().map(str::to_owned) else { return };
    for pid in procfs::all() {
        if procfs::find_variable(pid, "TMPDIR").as_deref() == Some(&*tmp) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// Machine, system and C library.
fn platform() -> String {
    let machine = nix::sys::utsname::uname().map_or_else(
        |_| std::env::consts::ARCH.to_owned(),
        |name| name.machine().to_string_lossy().into_owned(),
    );
    // what counts is the library of the machine's programs: ours may be linked with another
    let libc = if Path::new("/etc/alpine-release").exists() { "musl" } else { "gnu" };
    format!("{machine}-{}-{libc}", std::env::consts::OS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_clean_but_for_where_packages_come_from() {
        let given = [
            ("PATH", "/bin"),
            ("HOME", "/root"),
            ("LP_JOIN_TOKEN", "secret"),
            ("AWS_SECRET", "secret"),
            ("VIRTUAL_ENV", "/venv"),
            ("PIP_INDEX_URL", "https://index/simple"),
            ("UV_PROJECT_ENVIRONMENT", "/elsewhere"),
            ("https_proxy", "http://proxy"),
        ];
        let variables = given.into_iter().map(|(name, value)| (name.into(), value.into()));
        let site =
            BuildSite::with_variables(Path::new("/data"), "/data/cache".into(), Duration::ZERO, variables);

        let environ = site.environ(Path::new("/b"));

        let get = |name: &str| environ.get(&OsString::from(name)).and_then(|value| value.to_str());
        for absent in ["LP_JOIN_TOKEN", "AWS_SECRET", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"] {
            assert_eq!(get(absent), None, "{absent}");
        }
        assert_eq!(get("PIP_INDEX_URL"), Some("https://index/simple"));
        assert_eq!(get("https_proxy"), Some("http://proxy"));
        assert_eq!((get("HOME"), get("TMPDIR")), (Some("/b/home"), Some("/b/tmp")));
        assert_eq!((get("XDG_CONFIG_HOME"), get("LANG")), (Some("/root/.config"), Some("C.UTF-8")));
    }
}
