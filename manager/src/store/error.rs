//! What can go wrong with the database, sorted by what the caller may do about it.
//!
//! The sorting happens here and once: a full disk, a busy or an absent database become [`Error::Unavailable`], after which the
//! same call may simply be made again; a deposed leader has to stop; everything the database says that we did not expect is [`Error::Broken`].

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was changed, or it is not known whether it was; try again later.
    #[error("the database {reason}")]
    Unavailable {
        reason: &'static str,
        #[source]
        source: DbErr,
    },
    /// Another manager has the lease, or had it in between. Nothing was changed.
    #[error("another manager leads")]
    Deposed,
    #[error("the {what} name `{name}` is taken")]
    NameTaken { what: &'static str, name: String },
    #[error("{open_tasks} open tasks or works use the {what} `{name}`")]
    InUse { what: &'static str, name: String, open_tasks: u64 },
    #[error("version {number} of the {what} `{name}` {reason}")]
    VersionInUse { what: &'static str, name: String, number: u32, reason: super::InUse },
    #[error("there is no {what} `{name}`")]
    NotFound { what: &'static str, name: String },
    /// Some of the candidates, not necessarily all.
    #[error("more than one {what} fits `{name}`")]
    Ambiguous { what: &'static str, name: String, candidates: Vec<String> },
    /// A log segment does not continue where the one before it ended.
    #[error("the next offset is {next}")]
    WrongOffset { next: u64 },
    /// The caller's own value cannot be used: a cursor, a pattern, a prefix.
    #[error("{0}")]
    Invalid(String),
    /// A stored row does not mean anything.
    #[error("the row {row} of {table} is damaged")]
    Corrupt {
        table: &'static str,
        row: String,
        #[source]
        source: Damage,
    },
    #[error("the database address `{0}` is neither a path nor begins with sqlite:// or postgres://")]
    Address(String),
    #[error("cannot open the database file")]
    File(#[source] std::io::Error),
    /// Our fault, or a damaged database.
    #[error("the database refused a statement")]
    Broken(#[source] DbErr),
}

/// Why a stored row does not mean anything.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    #[error("column {column} holds `{value}`")]
    Value { column: &'static str, value: String },
    #[error("column {column} is not the JSON it should be")]
    Json {
        column: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("a column cannot be read")]
    Column(#[source] DbErr),
    #[error("the row of {0} it refers to is missing or damaged")]
    Dangling(&'static str),
}

impl Damage {
    pub(super) fn value(column: &'static str, value: impl ToString) -> Self {
        Damage::Value { column, value: value.to_string() }
    }

    /// Makes it the error of one row.
    pub(super) fn of(self, table: &'static str, row: impl ToString) -> Error {
        Error::Corrupt { table, row: row.to_string(), source: self }
    }
}

impl Error {
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Error::Unavailable { .. })
    }

    pub(super) fn not_found(what: &'static str, name: impl ToString) -> Self {
        Error::NotFound { what, name: name.to_string() }
    }
}

impl From<DbErr> for Error {
    fn from(source: DbErr) -> Self {
        match unavailable(&source) {
            Some(reason) => Error::Unavailable { reason, source },
            None => Error::Broken(source),
        }
    }
}

/// The error of sqlx below the ORM's, where there is one.
fn driver_error(error: &DbErr) -> Option<&sea_orm::SqlxError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(inner))
        | DbErr::Exec(RuntimeErr::SqlxError(inner))
        | DbErr::Query(RuntimeErr::SqlxError(inner)) => Some(inner),
        _ => None,
    }
}

fn unavailable(error: &DbErr) -> Option<&'static str> {
    use sea_orm::SqlxError;
    match error {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => return Some("is too busy"),
        DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed) => return Some("is closed"),
        _ => {}
    }
    match driver_error(error)? {
        SqlxError::Database(refusal) => {
            let code = refusal.code()?;
            match refusal.try_downcast_ref::<sea_orm::SqlxSqliteError>() {
                Some(_) => sqlite_unavailable(code.parse().ok()?),
                None => postgres_unavailable(&code),
            }
        }
        SqlxError::PoolTimedOut => Some("is too busy"),
        SqlxError::Io(_) | SqlxError::Tls(_) | SqlxError::Protocol(_) => Some("cannot be reached"),
        SqlxError::PoolClosed | SqlxError::WorkerCrashed => Some("is closed"),
        _ => None,
    }
}

/// <https://sqlite.org/rescode.html>; the low byte is the primary code.
fn sqlite_unavailable(code: i32) -> Option<&'static str> {
    match code & 0xff {
        5 | 6 => Some("is locked by another process"),
        7 => Some("has no memory left"),
        8 => Some("can only be read"),
        10 => Some("cannot read or write its file"),
        13 => Some("has no space left"),
        14 => Some("cannot open its file"),
        _ => None,
    }
}

/// Appendix A of the PostgreSQL manual, "PostgreSQL Error Codes".
fn postgres_unavailable(code: &str) -> Option<&'static str> {
    match code {
        "53100" => Some("has no space left"),
        "53200" => Some("has no memory left"),
        "53300" => Some("takes no more connections"),
        "25006" => Some("can only be read"),
        "40001" | "40P01" | "55P03" => Some("is too busy"),
        "57P01" | "57P02" | "57P03" | "57P05" => Some("is shutting down or starting"),
        _ if code.starts_with("08") => Some("cannot be reached"),
        _ if code.starts_with("53") => Some("has no resources left"),
        _ if code.starts_with("58") => Some("has trouble with its machine"),
        _ => None,
    }
}

/// Tells whether a unique index refused the row.
pub(super) fn is_duplicate(error: &DbErr) -> bool {
    matches!(driver_error(error), Some(sea_orm::SqlxError::Database(refusal)) if refusal.is_unique_violation())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_codes_of_sqlite_count_as_their_primary_code() {
        // SQLITE_IOERR_WRITE, SQLITE_BUSY_SNAPSHOT, SQLITE_FULL, SQLITE_CONSTRAINT_UNIQUE, SQLITE_CORRUPT
        let classes = [778, 517, 13, 2067, 11].map(|code| sqlite_unavailable(code).is_some());

        assert_eq!(classes, [true, true, true, false, false]);
    }

    #[test]
    fn a_lost_or_full_server_is_unavailable_and_a_wrong_statement_is_not() {
        let classes = ["53100", "08006", "57P01", "58030", "42601", "23505"]
            .map(|code| postgres_unavailable(code).is_some());

        assert_eq!(classes, [true, true, true, true, false, false]);
    }
}
