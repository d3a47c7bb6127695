//! Opening a database and the two ways into it: one connection that writes, a few that read.
//!
//! SQLite has one writer whatever one does; giving it one connection makes writers queue in our own fair line instead of
//! polling a lock. PostgreSQL serves both from one pool.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
    DbBackend, IsolationLevel, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

use super::{Epoch, Error, Result, migration};

/// Readers of SQLite: enough for some lists while one of them is slow; each costs a thread and its page cache.
const SQLITE_READERS: u32 = 4;

/// Connections to PostgreSQL: one commits, the others read.
const POSTGRES_CONNECTIONS: u32 = 6;

/// Longest wait for a connection before the caller is told that the database is busy.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for another process that has the SQLite file locked (a backup, a checkpoint of a dying manager).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// After this long without use a reading connection is closed and its memory is given back.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Page caches in KiB. A larger one for the writer changed nothing in the time per row, up to half a million tasks.
const WRITER_CACHE_KIB: u32 = 2048;
const READER_CACHE_KIB: u32 = 1024;

/// Prepared statements kept per connection: every bulk statement in every size, and the small ones.
const STATEMENTS: usize = 128;

#[derive(Clone, Debug)]
pub struct Store {
    pub(super) write: DatabaseConnection,
    pub(super) read: DatabaseConnection,
    pub(super) backend: DbBackend,
}

impl Store {
    /// Opens and, where necessary, creates and migrates the database at `url`: `postgres://...`, `sqlite://path`, or the path of a SQLite file.
    pub async fn open(url: &str) -> Result<Store> {
        let store = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            open_postgres(url).await?
        } else {
            open_sqlite(sqlite_path(url).ok_or_else(|| Error::Address(without_password(url)))?).await?
        };
        migration::run(&store).await?;
        Ok(store)
    }

    /// `sqlite` or `postgresql`, for people.
    pub fn backend_name(&self) -> &'static str {
        match self.backend {
            DbBackend::Postgres => "postgresql",
            _ => "sqlite",
        }
    }

    /// Tells whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.read.query_one_raw(self.statement("SELECT 1", [])).await?;
        Ok(())
    }

    /// Closes all connections; SQLite writes its WAL back into the file.
    pub async fn close(self) -> Result<()> {
        self.read.close().await?;
        if self.backend == DbBackend::Sqlite {
            self.write.close().await?;
        }
        Ok(())
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.backend == DbBackend::Postgres
    }

    pub(super) fn statement(
        &self,
        sql: impl Into<String>,
        values: impl IntoIterator<Item = sea_orm::Value>,
    ) -> Statement {
        Statement::from_sql_and_values(self.backend, sql, values)
    }

    /// Begins a transaction that may write what is not guarded by the lease.
    pub(super) async fn begin_unguarded(&self) -> Result<DatabaseTransaction> {
        let options = TransactionOptions {
            isolation_level: None,
            access_mode: None,
            sqlite_transaction_mode: (!self.is_postgres()).then_some(SqliteTransactionMode::Immediate),
        };
        Ok(self.write.begin_with_options(options).await?)
    }

    /// Begins a transaction that can only commit while `epoch` leads: from here to its end nobody else becomes leader.
    pub(super) async fn begin(&self, epoch: Epoch) -> Result<DatabaseTransaction> {
        let transaction = self.begin_unguarded().await?;
        let sql = if self.is_postgres() {
            // keeps a new leader waiting until this transaction has ended
            "SELECT epoch FROM lease WHERE id = 1 FOR SHARE"
        } else {
            "SELECT epoch FROM lease WHERE id = 1"
        };
        let row = transaction.query_one_raw(self.statement(sql, [])).await?;
        let current = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?;
        if current != Some(epoch.0) {
            transaction.rollback().await?;
            return Err(Error::Deposed);
        }
        Ok(transaction)
    }

    /// Begins a transaction in which all reads see the same moment.
    pub(super) async fn begin_snapshot(&self) -> Result<DatabaseTransaction> {
        if self.is_postgres() {
            let level = Some(IsolationLevel::RepeatableRead);
            return Ok(self.read.begin_with_config(level, Some(AccessMode::ReadOnly)).await?);
        }
        Ok(self.read.begin().await?)
    }
}

/// The path of a SQLite address; None where it is an address of something else. The query `mode=rwc`, which many are used to writing, is
/// what happens anyway; others would have to do something.
fn sqlite_path(url: &str) -> Option<&Path> {
    let path = match url.strip_prefix("sqlite:") {
        Some(rest) => {
            let rest = rest.strip_prefix("//").unwrap_or(rest);
            rest.strip_suffix("?mode=rwc").unwrap_or(rest)
        }
        None if url.contains("://") => return None,
        None => url,
    };
    (!path.is_empty() && path != ":memory:" && !path.contains('?')).then(|| Path::new(path))
}

/// The address without `user:password@`, for messages.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    }
}

async fn open_sqlite(path: &Path) -> Result<Store> {
    // before SQLite does: it would create the file with the mode of the umask, readable by everybody; -wal and -shm inherit it
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::File)?;
    let write = sqlite_pool(path, 1, WRITER_CACHE_KIB).await?;
    let read = sqlite_pool(path, SQLITE_READERS, READER_CACHE_KIB).await?;
    Ok(Store { write, read, backend: DbBackend::Sqlite })
}

async fn sqlite_pool(path: &Path, connections: u32, cache_kib: u32) -> Result<DatabaseConnection> {
    let path = path.to_owned();
    let mut options = ConnectOptions::new("sqlite::memory:");
    options
        .max_connections(connections)
        .min_connections(0)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .max_lifetime(None)
        .idle_timeout((connections > 1).then_some(IDLE_TIMEOUT))
        .test_before_acquire(false)
        .connect_lazy(true)
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .map_sqlx_sqlite_opts(move |_| {
            SqliteConnectOptions::new()
                .filename(&path)
                .create_if_missing(false)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(BUSY_TIMEOUT)
                .statement_cache_capacity(STATEMENTS)
                .pragma("cache_size", format!("-{cache_kib}"))
                .pragma("mmap_size", "0")
                .pragma("temp_store", "MEMORY")
                .pragma("journal_size_limit", (64 << 20).to_string())
                .thread_name(|_| "lp-sqlite".to_owned())
        });
    Ok(Database::connect(options).await?)
}

async fn open_postgres(url: &str) -> Result<Store> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(POSTGRES_CONNECTIONS)
        .min_connections(0)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .max_lifetime(None)
        .idle_timeout(IDLE_TIMEOUT)
        // a connection that died while it lay idle (a restarted server) is replaced, not handed out
        .test_before_acquire(true)
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .set_application_name("lp-manager")
        .map_sqlx_postgres_opts(|options| options.statement_cache_capacity(STATEMENTS));
    let pool = Database::connect(options).await?;
    Ok(Store { write: pool.clone(), read: pool, backend: DbBackend::Postgres })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_path_or_has_a_known_scheme() {
        let cases = [
            ("/data/lp.db", Some("/data/lp.db")),
            ("lp.db", Some("lp.db")),
            ("sqlite:///data/lp.db?mode=rwc", Some("/data/lp.db")),
            ("sqlite://lp.db", Some("lp.db")),
            ("sqlite:lp.db", Some("lp.db")),
            ("sqlite::memory:", None),
            ("sqlite:///data/lp.db?cache=shared", None),
            ("mysql://host/db", None),
            ("", None),
        ];
        for (url, path) in cases {
            assert_eq!(sqlite_path(url), path.map(Path::new), "{url}");
        }
    }

    #[tokio::test]
    async fn an_address_of_another_kind_is_refused_without_telling_its_password() {
        let refused = Store::open("mysql://user:secret@host/db").await;

        assert!(matches!(&refused, Err(Error::Address(url)) if url == "mysql://host/db"), "{refused:?}");
    }

    #[tokio::test]
    async fn only_the_owner_can_read_the_files_of_sqlite() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();

        let store = Store::open(&directory.path().join("lp.db").display().to_string()).await.unwrap();

        store.ping().await.unwrap();
        let files: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(Result::unwrap).collect();
        assert!(files.len() > 1, "the database and its WAL");
        for file in files {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
        }
    }
}
