//! The first schema: leader, catalogue, tasks and their attempts, nodes, tokens.
//!
//! Times are microseconds since 1970 in UTC: one type that keeps order and precision on both backends. Ids are the 16
//! bytes of the UUID. What changes often (`tasks`, `attempts`) is kept apart from what is large (`task_inputs`, `attempt_payloads`), because a
//! row of SQLite is written whole with every change.

use sea_orm::DbErr;
use sea_orm_migration::prelude::SchemaManager;
use sea_orm_migration::{MigrationName, MigrationTrait, async_trait};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0001_spine"
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the macro's trait was declared without one")]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for schema in [LEADER, CATALOGUE, TASKS, ATTEMPTS, CLUSTER] {
            super::execute_schema(manager, schema).await?;
        }
        Ok(())
    }
}

const LEADER: &str = "
CREATE TABLE lease (
    id SMALLINT PRIMARY KEY,
    epoch BIGINT NOT NULL,
    holder TEXT NOT NULL,
    address TEXT NOT NULL,
    expire_at BIGINT NOT NULL
);
INSERT INTO lease (id, epoch, holder, address, expire_at) VALUES (1, 0, '', '', 0);
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('next_task_seq', 1)
";

/// `kind` is `app` or `venv`; a deleted package keeps its row for the history of its tasks, and only its name becomes free.
const CATALOGUE: &str = "
CREATE TABLE packages (
    seq {serial},
    package_id {uuid} NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    name {name} NOT NULL,
    description TEXT NOT NULL,
    version_id BIGINT NOT NULL,
    create_at BIGINT NOT NULL,
    update_at BIGINT NOT NULL,
    delete_at BIGINT
);
CREATE UNIQUE INDEX packages_name ON packages (kind, name) WHERE delete_at IS NULL;
CREATE TABLE versions (
    version_id {serial},
    package_id {uuid} NOT NULL REFERENCES packages (package_id),
    digest TEXT NOT NULL,
    sha1 TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    format TEXT NOT NULL,
    description TEXT NOT NULL,
    create_at BIGINT NOT NULL,
    create_by TEXT NOT NULL,
    warnings TEXT NOT NULL,
    plan TEXT,
    manifest TEXT
);
CREATE INDEX versions_package ON versions (package_id);
CREATE INDEX versions_digest ON versions (digest)
";

/// `state` is stage and status in one number, made for the first two indexes, which answer every filter of the list (see
/// `list_query.rs`); they hold the name so that a name filter reads nothing else.
const TASKS: &str = "
CREATE TABLE tasks (
    seq {seq},
    task_id {uuid} NOT NULL UNIQUE,
    name {name} NOT NULL,
    app_id {uuid} NOT NULL,
    version_id BIGINT NOT NULL,
    priority INTEGER NOT NULL,
    run BIGINT NOT NULL,
    state SMALLINT NOT NULL,
    stage TEXT NOT NULL,
    status TEXT,
    reason TEXT,
    create_at BIGINT NOT NULL,
    start_at BIGINT,
    end_at BIGINT,
    stop_signal INTEGER,
    stop_grace_us BIGINT
);
CREATE INDEX tasks_state ON tasks (state, seq, name);
CREATE INDEX tasks_app ON tasks (app_id, state, seq, name);
CREATE INDEX tasks_name ON tasks (name);
CREATE INDEX tasks_create_at ON tasks (create_at);
CREATE TABLE task_inputs (
    task {seq} REFERENCES tasks (seq) ON DELETE CASCADE,
    input TEXT NOT NULL
);
CREATE TABLE task_keys (
    idempotency_key {name} NOT NULL PRIMARY KEY,
    task BIGINT NOT NULL REFERENCES tasks (seq) ON DELETE CASCADE,
    fingerprint TEXT NOT NULL
) {clustered};
CREATE INDEX task_keys_task ON task_keys (task)
";

const ATTEMPTS: &str = "
CREATE TABLE attempts (
    task BIGINT NOT NULL REFERENCES tasks (seq) ON DELETE CASCADE,
    action BIGINT NOT NULL,
    number BIGINT NOT NULL,
    run BIGINT NOT NULL,
    node_id {uuid} NOT NULL,
    stage TEXT NOT NULL,
    status TEXT,
    exit TEXT,
    assign_at BIGINT NOT NULL,
    start_at BIGINT,
    end_at BIGINT,
    log_bytes BIGINT NOT NULL,
    cpu_seconds DOUBLE PRECISION NOT NULL,
    max_rss_bytes BIGINT NOT NULL,
    workspace_deleted SMALLINT NOT NULL DEFAULT 0,
    PRIMARY KEY (task, action, number)
) {clustered};
CREATE TABLE attempt_payloads (
    task BIGINT NOT NULL,
    action BIGINT NOT NULL,
    number BIGINT NOT NULL,
    output TEXT,
    log {blob},
    PRIMARY KEY (task, action, number),
    FOREIGN KEY (task, action, number) REFERENCES attempts (task, action, number) ON DELETE CASCADE
);
CREATE TABLE log_segments (
    task BIGINT NOT NULL,
    action BIGINT NOT NULL,
    number BIGINT NOT NULL,
    start_offset BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    blob_key TEXT NOT NULL,
    is_last BOOLEAN NOT NULL,
    PRIMARY KEY (task, action, number, start_offset),
    FOREIGN KEY (task, action, number) REFERENCES attempts (task, action, number) ON DELETE CASCADE
) {clustered};
CREATE TABLE dead_blobs (
    blob_key TEXT NOT NULL PRIMARY KEY
) {clustered}
";

const CLUSTER: &str = "
CREATE TABLE nodes (
    seq {serial},
    node_id {uuid} NOT NULL UNIQUE,
    name TEXT NOT NULL,
    credential_hash TEXT NOT NULL UNIQUE,
    facts TEXT,
    create_at BIGINT NOT NULL,
    seen_at BIGINT
);
CREATE TABLE tokens (
    token_id {uuid} NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    create_at BIGINT NOT NULL
);
CREATE TABLE join_tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    expire_at BIGINT NOT NULL
)
";
