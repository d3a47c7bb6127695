//! What `-g DIR` writes: a part's commented configuration, and a systemd unit that runs the part with it.
//!
//! The unit names this very program and this very file, so it works where it is: link or copy it into /etc/systemd/system. Manager and viewer
//! need no user of their own (`DynamicUser`) and are shut in as far as systemd can; the file, which may hold tokens and is readable by its
//! owner only, is handed to them with `LoadCredential` (systemd 247 or newer). A node runs the programs of others: it gets a user that stays, and nothing is taken
//! from it that a program might need.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::commands::Session;
use crate::failure::Failure;
use crate::output::text;

/// Which part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Manager,
    Node,
    Viewer,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Manager => "manager",
            Kind::Node => "node",
            Kind::Viewer => "viewer",
        }
    }
}

/// Writes both files and prints their paths. An existing file is left alone, and then nothing is written.
pub(super) fn generate(
    session: &Session,
    directory: &Path,
    kind: Kind,
    template: &str,
) -> Result<(), Failure> {
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |source| Failure::File { what, path, source }
    };
    fs::create_dir_all(directory).map_err(failed("write", directory))?;
    let directory = directory.canonicalize().map_err(failed("find", directory))?;
    let program = std::env::current_exe().map_err(failed("find", Path::new("this program")))?;
    let config = directory.join(format!("{}.yml", kind.name()));
    let unit = directory.join(format!("lp-{}.service", kind.name()));
    if let Some(taken) = [&config, &unit].into_iter().find(|path| path.exists()) {
        let what = format!("{} is there already", text::visible(&taken.display().to_string()));
        return Err(Failure::Invalid {
            what,
            hint: Some("move it away, or choose another directory".to_owned()),
        });
    }
    // tokens are kept in the configuration
    write(&config, template, 0o600)?;
    write(&unit, &render(kind, &program, &config)?, 0o644)?;
    for path in [config, unit] {
        session.out.line(&text::visible(&path.display().to_string()))?;
    }
    Ok(())
}

fn write(path: &Path, content: &str, mode: u32) -> Result<(), Failure> {
    let failed = |source| Failure::File { what: "write", path: path.to_owned(), source };
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(content.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

/// The text of a unit.
fn render(kind: Kind, program: &Path, config: &Path) -> Result<String, Failure> {
    let text = match kind {
        Kind::Manager => MANAGER,
        Kind::Node => NODE,
        Kind::Viewer => VIEWER,
    };
    let name = kind.name();
    let unit = config.with_file_name(format!("lp-{name}.service"));
    Ok(text
        .replace("{install}", INSTALL)
        .replace("{shut_in}", SHUT_IN)
        .replace("{name}", name)
        .replace("{program}", &quoted(program)?)
        .replace("{config}", &escaped(config)?)
        .replace("{unit}", &escaped(&unit)?))
}

/// A path as systemd reads it: `%` begins a specifier.
fn escaped(path: &Path) -> Result<String, Failure> {
    let path: PathBuf = path.to_owned();
    let plain = path
        .to_str()
        .filter(|text| !text.contains(['"', '\\', ':', '$']) && !text.chars().any(char::is_control));
    let Some(plain) = plain else {
        let what = format!(
            "the path {} cannot stand in a unit of systemd",
            text::visible(&path.display().to_string())
        );
        return Err(Failure::Invalid {
            what,
            hint: Some("choose a directory with a plainer name".to_owned()),
        });
    };
    Ok(plain.replace('%', "%%"))
}

fn quoted(path: &Path) -> Result<String, Failure> {
    Ok(format!("\"{}\"", escaped(path)?))
}

const INSTALL: &str = "\
#   systemctl link {unit}     (or copy it to /etc/systemd/system)
#   systemctl enable --now lp-{name}
#   systemctl status lp-{name}; journalctl -u lp-{name}";

/// For parts that run no programs of others.
const SHUT_IN: &str = "\
DynamicUser=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=read-only
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077";

const MANAGER: &str = "\
# The manager of lp. Its data is in /var/lib/lp-manager (so data_path of the file does not count here); the administrator's token is
# admin.token there. To install:
{install}
[Unit]
Description=lp manager
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
LoadCredential={name}.yml:{config}
ExecStart={program} manager -c ${CREDENTIALS_DIRECTORY}/{name}.yml --data %S/lp-manager
StateDirectory=lp-manager
StateDirectoryMode=0700
Restart=on-failure
RestartSec=2
# what is wrong with the configuration (2), refused (4) or taken (5) is so again after two seconds
RestartPreventExitStatus=2 4 5
# a large database is checked and read before the manager is ready
TimeoutStartSec=10min
LimitNOFILE=65536
{shut_in}

[Install]
WantedBy=multi-user.target
";

const VIEWER: &str = "\
# The viewer of lp: its pages. To install:
{install}
[Unit]
Description=lp viewer
After=network-online.target lp-manager.service
Wants=network-online.target

[Service]
Type=notify
LoadCredential={name}.yml:{config}
ExecStart={program} viewer -c ${CREDENTIALS_DIRECTORY}/{name}.yml
Restart=on-failure
RestartSec=2
# what is wrong with the configuration (2), refused (4) or taken (5) is so again after two seconds
RestartPreventExitStatus=2 4 5
{shut_in}

[Install]
WantedBy=multi-user.target
";

const NODE: &str = "\
# A node of lp. Its data is in /var/lib/lp-node (so data_path of the file does not count here). To install:
#   useradd --system --create-home lp     (the user as whom all programs run; or name another one below)
#   put a join token (`lp node token` on the manager's side) and the manager's address into {config}
{install}
[Unit]
Description=lp node
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
User=lp
LoadCredential={name}.yml:{config}
ExecStart={program} node -c ${CREDENTIALS_DIRECTORY}/{name}.yml --data %S/lp-node
StateDirectory=lp-node
StateDirectoryMode=0700
# Only the node itself is stopped: its supervisor and the programs under it go on, and the next start adopts them with their exit codes, so
# that a restart or an upgrade of the node costs no work. To empty a node first: `lp node drain`.
KillMode=process
# joining and linking wait for the manager, however long that takes
TimeoutStartSec=infinity
Restart=on-failure
RestartSec=2
# what is wrong with the configuration (2), refused (4) or taken (5) is so again after two seconds
RestartPreventExitStatus=2 4 5
LimitNOFILE=65536
# Nothing else is taken away: whatever is forbidden to the node is forbidden to the programs of all applications.

[Install]
WantedBy=multi-user.target
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_names_this_program_and_this_file() {
        let render = |kind| render(kind, Path::new("/opt/l p/lp"), Path::new("/etc/lp/100%/x.yml")).unwrap();
        for (kind, start) in [
            (
                Kind::Manager,
                "ExecStart=\"/opt/l p/lp\" manager -c ${CREDENTIALS_DIRECTORY}/manager.yml --data %S/lp-manager",
            ),
            (
                Kind::Node,
                "ExecStart=\"/opt/l p/lp\" node -c ${CREDENTIALS_DIRECTORY}/node.yml --data %S/lp-node",
            ),
            (Kind::Viewer, "ExecStart=\"/opt/l p/lp\" viewer -c ${CREDENTIALS_DIRECTORY}/viewer.yml"),
        ] {
            let unit = render(kind);
            assert!(unit.lines().any(|line| line == start), "{unit}");
            assert!(
                unit.contains(&format!("LoadCredential={}.yml:/etc/lp/100%%/x.yml\n", kind.name())),
                "{unit}"
            );
            assert!(
                unit.contains("\nType=notify\n")
                    && !unit.replace("${CREDENTIALS_DIRECTORY}", "").contains('{'),
                "{unit}"
            );
        }
        assert!(render(Kind::Node).contains("\nKillMode=process\n"));
        assert!(!render(Kind::Node).contains("NoNewPrivileges"), "programs may need sudo");
    }

    #[test]
    fn a_path_systemd_would_read_otherwise_is_refused() {
        for path in ["/a\"b", "/a\\b", "/a:b", "/a\nb", "/a$b"] {
            assert_eq!(escaped(Path::new(path)).unwrap_err().exit_code(), 5, "{path}");
        }
    }
}
