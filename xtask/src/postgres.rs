//! A PostgreSQL server for one run of the tests: in a temporary directory, on a unix socket that only its owner may enter, without TCP.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};

use crate::needs;

/// What its log says when clients may come.
const READY: &str = "database system is ready to accept connections";

pub(crate) struct Postgres {
    server: Child,
    directory: tempfile::TempDir,
}

impl Postgres {
    /// Makes and starts it; returns when it answers.
    pub(crate) fn start() -> Result<Self> {
        let bin = needs::postgres_bin().context("cannot find PostgreSQL's `initdb`")?;
        let owner = owner()?;
        let directory = tempfile::Builder::new().prefix("lp-postgres-").tempdir()?;
        if let Some(owner) = &owner {
            chown(directory.path(), Some(owner.uid.as_raw()), Some(owner.gid.as_raw()))?;
        }
        init(&bin, directory.path(), owner.as_ref())?;
        let server = serve(&bin, directory.path(), owner.as_ref())?;
        let mut started = Self { server, directory };
        started.wait_until_ready()?;
        Ok(started)
    }

    /// For `LP_TEST_POSTGRES`: its user may create databases.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@localhost/postgres?host={}", self.directory.path().display())
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let log = self.server.stderr.take().context("the server's log is a pipe")?;
        let mut lines = BufReader::new(log).lines();
        let mut before = Vec::new();
        for line in &mut lines {
            let line = line?;
            if line.contains(READY) {
                // read on to the end, or the server would block on a full pipe
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(());
            }
            before.push(line);
        }
        bail!("PostgreSQL did not start:\n{}", before.join("\n"));
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.server.id()) {
            // SIGQUIT ends it at once; nothing in it is worth keeping. An error means that it has ended already.
            let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
        }
        let _ = self.server.wait();
    }
}

/// Whom the server runs as: PostgreSQL refuses root. None: as ourselves.
fn owner() -> Result<Option<User>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let user = User::from_name("postgres")?.context("there is no user `postgres` to run PostgreSQL as")?;
    Ok(Some(user))
}

fn init(bin: &Path, directory: &Path, owner: Option<&User>) -> Result<()> {
    let mut initdb = as_owner(&bin.join("initdb"), owner);
    initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]);
    let output =
        initdb.arg(directory.join("data")).stdin(Stdio::null()).output().context("cannot run `initdb`")?;
    if !output.status.success() {
        bail!("`initdb` failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn serve(bin: &Path, directory: &Path, owner: Option<&User>) -> Result<Child> {
    let mut server = as_owner(&bin.join("postgres"), owner);
    server.arg("-D").arg(directory.join("data")).arg("-k").arg(directory);
    // many test programs at once, each with some connections; a crash of the machine may take the data
    for setting in
        ["listen_addresses=", "max_connections=300", "fsync=off", "full_page_writes=off", "autovacuum=off"]
    {
        server.args(["-c", setting]);
    }
    // messages in English, for READY; a Ctrl-C is for us, who then end it
    server.env("LC_ALL", "C").process_group(0);
    server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    server.spawn().context("cannot run `postgres`")
}

fn as_owner(program: &Path, owner: Option<&User>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if let Some(owner) = owner {
        command.uid(owner.uid.as_raw()).gid(owner.gid.as_raw());
    }
    command
}
