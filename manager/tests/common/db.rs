//! Databases for tests: each test has its own, on SQLite in a temporary directory and on PostgreSQL.
//!
//! PostgreSQL is the server of `LP_TEST_POSTGRES` (its user may create databases) or, without it, a private cluster that the test
//! process starts in a temporary directory, reachable through a unix socket only. A shell that waits for the end of a pipe stops it
//! and removes its files when the test process is gone, however it ended.

#![expect(dead_code, reason = "not every test program uses all of it")]

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectionTrait, Database, DatabaseConnection};

/// The address of an empty database, removed when dropped.
pub struct Db {
    pub url: String,
    cleanup: Cleanup,
}

enum Cleanup {
    Directory(tempfile::TempDir),
    Database { admin_url: String, name: String },
}

impl Db {
    pub fn sqlite() -> Db {
        let directory = tempfile::tempdir().unwrap();
        let url = directory.path().join("lp.db").display().to_string();
        Db { url, cleanup: Cleanup::Directory(directory) }
    }

    pub async fn postgres() -> Db {
        static OWN: OnceLock<Cluster> = OnceLock::new();
        let admin_url = match std::env::var("LP_TEST_POSTGRES") {
            Ok(url) => url,
            Err(_) => OWN.get_or_init(Cluster::start).url("postgres"),
        };
        Db::postgres_at(admin_url).await
    }

    /// A new database on the server of `admin_url`.
    pub async fn postgres_at(admin_url: String) -> Db {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("lp_test_{}_{number}", std::process::id());
        let admin = connect(&admin_url).await;
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        admin.close().await.unwrap();
        let (server, query) = match admin_url.split_once('?') {
            Some((server, query)) => (server, format!("?{query}")),
            None => (admin_url.as_str(), String::new()),
        };
        let server = server.rsplit_once('/').expect("postgres://user@host/database").0;
        Db { url: format!("{server}/{name}{query}"), cleanup: Cleanup::Database { admin_url, name } }
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.cleanup, Cleanup::Database { .. })
    }

    /// Runs a statement behind the store's back.
    pub async fn execute(&self, sql: &str) {
        let url = if self.is_postgres() { self.url.clone() } else { format!("sqlite://{}", self.url) };
        let connection = connect(&url).await;
        connection.execute_unprepared(sql).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Ends every connection to it and lets nobody in until [`Db::allow_connections`].
    pub async fn refuse_connections(&self) {
        self.set_connections("false").await;
        self.cut_connections().await;
    }

    pub async fn allow_connections(&self) {
        self.set_connections("true").await;
    }

    async fn set_connections(&self, allowed: &str) {
        let Cleanup::Database { admin_url, name } = &self.cleanup else { panic!("not on PostgreSQL") };
        let admin = connect(admin_url).await;
        let sql = format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {allowed}");
        admin.execute_unprepared(&sql).await.unwrap();
        admin.close().await.unwrap();
    }

    /// Ends every connection to it.
    pub async fn cut_connections(&self) {
        let Cleanup::Database { admin_url, name } = &self.cleanup else { panic!("not on PostgreSQL") };
        let admin = connect(admin_url).await;
        let sql = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        admin.execute_unprepared(&sql).await.unwrap();
        admin.close().await.unwrap();
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        let Cleanup::Database { admin_url, name } = &self.cleanup else { return };
        let (admin_url, sql) = (admin_url.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        // a thread of its own: dropping happens inside the test's runtime
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                if let Ok(admin) = Database::connect(admin_url).await {
                    let _a_leftover_of_a_temporary_cluster_is_no_harm = admin.execute_unprepared(&sql).await;
                }
            });
        });
        dropped.join().ok();
    }
}

async fn connect(url: &str) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.unwrap_or_else(|error| panic!("cannot connect to {url}: {error}"))
}

/// A PostgreSQL server of our own.
pub struct Cluster {
    bin: PathBuf,
    directory: PathBuf,
    /// Lives until its standard input ends.
    _undertaker: Child,
}

impl Cluster {
    pub fn start() -> Cluster {
        let bin = find_postgres();
        let directory = tempfile::Builder::new().prefix("lp-pg-").tempdir().unwrap().keep();
        if is_root() {
            // PostgreSQL refuses to run as root
            let uid = Command::new("id").args(["-u", "postgres"]).output().unwrap().stdout;
            let uid: u32 =
                String::from_utf8(uid).unwrap().trim().parse().expect("the user `postgres` exists");
            chown(&directory, Some(uid), None).unwrap();
        }
        let mut initdb = as_postgres(&bin.join("initdb"));
        run(initdb
            .arg("-D")
            .arg(directory.join("data"))
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "-N"]));
        let undertaker = undertaker(&bin, &directory);
        let cluster = Cluster { bin, directory, _undertaker: undertaker };
        cluster.resume();
        cluster
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.directory.display())
    }

    /// Stops it at once, as a crash would.
    pub fn stop(&self) {
        run(self.pg_ctl("stop").args(["-m", "immediate"]));
    }

    pub fn resume(&self) {
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off -c max_connections=200",
            self.directory.display()
        );
        run(self.pg_ctl("start").arg("-l").arg(self.directory.join("log")).args(["-w", "-o", &options]));
    }

    fn pg_ctl(&self, verb: &str) -> Command {
        let mut command = as_postgres(&self.bin.join("pg_ctl"));
        command.arg(verb).arg("-D").arg(self.directory.join("data"));
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // closing its standard input lets the undertaker go to work
        self._undertaker.stdin.take();
        self._undertaker.wait().ok();
    }
}

fn undertaker(bin: &Path, directory: &Path) -> Child {
    let script = r#"trap '' INT TERM HUP; read -r _; "$@" >/dev/null 2>&1; rm -rf "$DIRECTORY""#;
    let stop = as_postgres(&bin.join("pg_ctl"));
    Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(stop.get_program())
        .args(stop.get_args())
        .args(["stop", "-m", "immediate", "-D"])
        .arg(directory.join("data"))
        .env("DIRECTORY", directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn find_postgres() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    let paths = std::env::var_os("PATH").unwrap_or_default();
    found.pop().or_else(|| std::env::split_paths(&paths).find(|bin| bin.join("initdb").exists())).expect(
        "the store is tested on PostgreSQL too: install the package `postgresql`, or set LP_TEST_POSTGRES to the \
         address of a server whose user may create databases",
    )
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap().stdout;
    id.starts_with(b"0\n")
}

fn as_postgres(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    command
}

fn run(command: &mut Command) {
    // files, not pipes: the server keeps what it inherits open
    let status =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).status().unwrap();
    assert!(status.success(), "{command:?} failed");
}
