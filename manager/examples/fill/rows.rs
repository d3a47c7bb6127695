//! The rows there are many of, made by the database from a series of numbers.

use chrono::Utc;
use lp_protocol::Exit;
use lp_protocol::frames::NodeFacts;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend};
use serde_json::json;
use uuid::Uuid;

use crate::catalogue::Apps;
use crate::{Amount, Outcome};

const DAY_US: i64 = 86_400_000_000;
/// All of the past lies in so many days.
const DAYS: i64 = 30;
/// Instants kept of each schedule.
const INSTANTS: i64 = 1000;
const SCHEDULES: i64 = 100;
const SERVICES: i64 = 100;
/// Versions of the first application.
const VERSIONS: i64 = 200;
/// The latest tasks have output and log.
const WITH_LOG: i64 = 10_000;

/// What tells the ids of one kind from those of another.
#[derive(Clone, Copy)]
enum Kind {
    Task = 3,
    Work = 4,
    Schedule = 5,
    Service = 6,
    Node = 7,
}

struct Filler {
    database: DatabaseConnection,
    is_postgres: bool,
    seed: i64,
    /// The newest moment of the past, in microseconds.
    end: i64,
}

pub(crate) async fn fill(url: &str, amount: &Amount, apps: &Apps) -> Outcome {
    let address = if url.contains("://") { url.to_owned() } else { format!("sqlite://{url}") };
    let database = Database::connect(address).await?;
    let is_postgres = database.get_database_backend() == DbBackend::Postgres;
    let end = Utc::now().timestamp_micros() - 60_000_000;
    let filler = Filler { database, is_postgres, seed: amount.seed, end };
    filler.nodes(amount).await?;
    let works = filler.works(amount, apps).await?;
    filler.tasks(amount, apps, works).await?;
    filler.attempts(amount).await?;
    filler.large_tasks(amount, apps).await?;
    filler.versions(apps).await?;
    filler.standing(apps).await?;
    filler.run("ANALYZE").await
}

impl Filler {
    async fn run(&self, sql: &str) -> Outcome {
        self.database.execute_unprepared(sql).await?;
        Ok(())
    }

    /// `WITH n(i) AS ...`: the numbers from 1 to `count`, and the rest of the list of tables.
    fn series(&self, count: i64) -> String {
        if self.is_postgres {
            format!("WITH n(i) AS (SELECT generate_series(1, {count})::bigint)")
        } else {
            format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 WHERE {count} > 0 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
            )
        }
    }

    /// The id of the thing whose number the expression gives; neighbours do not begin alike.
    fn uuid(&self, kind: Kind, number: &str) -> String {
        let mixed = format!("(({number}) * 2654435761) % 4294967296");
        let of = self.seed * 16 + kind as i64;
        if self.is_postgres {
            format!(
                "(lpad(to_hex({mixed}), 8, '0') || lpad(to_hex({of}), 8, '0') || lpad(to_hex({number}), 16, '0'))::uuid"
            )
        } else {
            format!("unhex(printf('%08x%08x%016x', {mixed}, {of}, {number}))")
        }
    }

    fn literal(&self, id: Uuid) -> String {
        let hex = id.simple();
        if self.is_postgres { format!("'{hex}'::uuid") } else { format!("x'{hex}'") }
    }

    /// `, apps(k, app_id, version_id) AS (VALUES ...)`.
    fn apps(&self, apps: &Apps) -> String {
        let rows = apps.ordinary.iter().enumerate();
        let rows: Vec<String> =
            rows.map(|(k, (app, version))| format!("({k}, {}, {version})", self.literal(*app))).collect();
        format!(", apps(k, app_id, version_id) AS (VALUES {})", rows.join(", "))
    }

    async fn nodes(&self, amount: &Amount) -> Outcome {
        for number in 1..=amount.nodes {
            let facts: NodeFacts = serde_json::from_value(json!({
                "name": format!("worker-{number:03}"),
                "platform": if number % 5 == 0 { "aarch64" } else { "x86_64" },
                "hostname": format!("worker-{number:03}.example"),
                "ip": format!("10.0.{}.{}", number / 250, number % 250),
                "version": "0.1.0",
                "data_path": "/var/lib/lp",
                "docker_support": number % 2 == 0,
                "capacity": {"slots": 16, "cpu_millis": 16_000, "memory_bytes": 64i64 << 30},
                "labels": {"zone": format!("z{}", number % 4), "disk": "ssd"},
            }))?;
            let sql = format!(
                "INSERT INTO nodes (node_id, name, credential_hash, facts, create_at, seen_at) \
                 VALUES ({}, 'worker-{number:03}', 'fill-{number}', '{}', {}, {})",
                self.uuid(Kind::Node, &number.to_string()),
                serde_json::to_string(&facts)?,
                self.end - DAYS * DAY_US,
                self.end - number * 60_000_000,
            );
            self.run(&sql).await?;
        }
        Ok(())
    }

    /// `columns` is the table with its columns, `values` a list of expressions and where they come from.
    async fn insert(&self, series: &str, columns: &str, values: &str) -> Outcome {
        self.run(&format!("{series} INSERT INTO {columns} SELECT {values}")).await
    }

    /// When the thing with the number `i` of so many began: they are spread evenly over the days.
    fn moment(&self, count: i64) -> String {
        let gap = DAYS * DAY_US / count.max(1);
        format!("({} - ({count} - i) * {gap} - 10000000)", self.end)
    }

    /// One for a hundred tasks, three tasks each; returns how many.
    async fn works(&self, amount: &Amount, apps: &Apps) -> Outcome<i64> {
        let count = amount.tasks / 100;
        let (series, work, at) = (self.series(count), self.uuid(Kind::Work, "i"), self.moment(count));
        let workflow = self.literal(apps.workflow);
        self.insert(
            &series,
            "works (work_id, workflow_id, name, priority, run, since, event_since, state, stage, status, reason, create_at, start_at, end_at)",
            &format!(
                "{work}, {workflow}, 'orders of day ' || i, 0, 1, i * 3 - 2, i * 3 - 2, \
                 CASE WHEN i % 20 = 7 THEN 12 ELSE 11 END, 'finished', CASE WHEN i % 20 = 7 THEN 'fail' ELSE 'success' END, \
                 CASE WHEN i % 20 = 7 THEN 'application `import` failed: exit 1' END, {at}, {at} + 100000, {at} + 9000000 FROM n"
            ),
        )
        .await?;
        let [plan, configuration, inputs] = apps.copy.each_ref().map(|text| text.replace('\'', "''"));
        let copy = format!("{work}, '{plan}', '{configuration}', '{inputs}' FROM n");
        self.insert(&series, "work_copies (work_id, plan, configuration, inputs)", &copy).await?;
        Ok(count)
    }

    /// One in twenty has failed, one in a hundred was killed. The first belong to the works.
    async fn tasks(&self, amount: &Amount, apps: &Apps, works: i64) -> Outcome {
        let count = amount.tasks;
        let (task, work, at) =
            (self.uuid(Kind::Task, "i"), self.uuid(Kind::Work, "(i + 2) / 3"), self.moment(count));
        let series = format!("{}{}", self.series(count), self.apps(apps));
        let of_work = format!("i <= {}", works * 3);
        // the applications of the workflow are the fifth, the third and the fourth
        let app = format!(
            "CASE WHEN {of_work} THEN CASE i % 3 WHEN 1 THEN 4 WHEN 2 THEN 2 ELSE 3 END ELSE i % {} END",
            apps.ordinary.len()
        );
        let name = format!(
            "CASE WHEN {of_work} THEN CASE i % 3 WHEN 1 THEN 'import' WHEN 2 THEN 'train' ELSE 'report' END ELSE 'run of day ' || i END"
        );
        self.insert(
            &series,
            "tasks (seq, task_id, name, app_id, version_id, origin, origin_id, priority, run, state, stage, status, reason, create_at, start_at, end_at)",
            &format!(
                "i, {task}, {name}, a.app_id, a.version_id, CASE WHEN {of_work} THEN 'work' END, CASE WHEN {of_work} THEN {work} END, \
                 0, 1, CASE WHEN i % 20 = 7 THEN 12 WHEN i % 100 = 3 THEN 13 ELSE 11 END, 'finished', \
                 CASE WHEN i % 20 = 7 THEN 'fail' WHEN i % 100 = 3 THEN 'kill' ELSE 'success' END, \
                 CASE WHEN i % 20 = 7 THEN 'action `run` failed: exit 1' WHEN i % 100 = 3 THEN 'stopped by ops' END, \
                 {at}, {at} + 200000, {at} + 200000 + (i * 7919) % 8000000 FROM n JOIN apps a ON a.k = {app}"
            ),
        )
        .await
    }

    async fn attempts(&self, amount: &Amount) -> Outcome {
        let count = amount.tasks;
        let (series, at) = (self.series(count), self.moment(count));
        let node = self.uuid(Kind::Node, &format!("1 + i % {}", amount.nodes.max(1)));
        let (good, bad) = (exit(0)?, exit(1)?);
        self.insert(
            &series,
            "attempts (task, action, number, run, node_id, stage, status, exit, assign_at, start_at, end_at, log_bytes, cpu_seconds, max_rss_bytes)",
            &format!(
                "i, 0, 1, 1, {node}, 'finished', CASE WHEN i % 20 = 7 OR i % 100 = 3 THEN 'fail' ELSE 'success' END, \
                 CASE WHEN i % 20 = 7 OR i % 100 = 3 THEN '{bad}' ELSE '{good}' END, {at} + 100000, {at} + 200000, \
                 {at} + 200000 + (i * 7919) % 8000000, CASE WHEN i > {count} - {WITH_LOG} THEN 27 ELSE 0 END, \
                 (i % 700) / 100.0, (20 + i % 400) * 1048576 FROM n"
            ),
        )
        .await?;
        let log = "'reading rows' || chr(10) || 'all done here.'";
        let log = match self.is_postgres {
            true => format!("convert_to({log}, 'UTF8')"),
            false => format!("CAST({} AS BLOB)", log.replace("chr(", "char(")),
        };
        let payload = format!(
            "i, 0, 1, '{{\"data\": {{\"rows\": ' || i || '}}}}', {log} FROM n WHERE i > {count} - {WITH_LOG}"
        );
        self.insert(&series, "attempt_payloads (task, action, number, output, log)", &payload).await
    }

    /// Two tasks of so many actions: one that has failed in a few of them, one that has succeeded.
    async fn large_tasks(&self, amount: &Amount, apps: &Apps) -> Outcome {
        let (app, version) = apps.large;
        let app = self.literal(app);
        for (number, name, is_failed) in [(1, "wide, with some failures", true), (2, "wide", false)] {
            let seq = amount.tasks + number;
            let (begin, end) = (self.end - 3_000_000_000, self.end - number * 1_000_000);
            let (state, status, reason) = match is_failed {
                true => (12, "fail", "'action `shard-7` failed: exit 1'"),
                false => (11, "success", "NULL"),
            };
            self.run(&format!(
                "INSERT INTO tasks (seq, task_id, name, app_id, version_id, priority, run, state, stage, status, reason, create_at, start_at, end_at) \
                 VALUES ({seq}, {}, '{name}', {app}, {version}, 0, 1, {state}, 'finished', '{status}', {reason}, {begin}, {begin}, {end})",
                self.uuid(Kind::Task, &seq.to_string()),
            ))
            .await?;
            // the merge has not run where a shard has failed
            let count = amount.actions - i64::from(is_failed);
            let bad = format!("{} AND i % 1000 = 9", if is_failed { "1 = 1" } else { "1 = 0" });
            let node = self.uuid(Kind::Node, &format!("1 + i % {}", amount.nodes.max(1)));
            self.insert(
                &self.series(count),
                "attempts (task, action, number, run, node_id, stage, status, exit, assign_at, start_at, end_at, log_bytes, cpu_seconds, max_rss_bytes)",
                &format!(
                    "{seq}, i - 1, 1, 1, {node}, 'finished', CASE WHEN {bad} THEN 'fail' ELSE 'success' END, \
                     CASE WHEN {bad} THEN '{}' ELSE '{}' END, {begin} + i * 200000, {begin} + i * 200000 + 50000, \
                     {begin} + i * 200000 + 50000 + (i * 7919) % 8000000, 0, 0.5, 20000000 FROM n",
                    exit(1)?,
                    exit(0)?,
                ),
            )
            .await?;
        }
        Ok(())
    }

    /// Copies of the first application's only version.
    async fn versions(&self, apps: &Apps) -> Outcome {
        let Some((app, version)) = apps.ordinary.first() else { return Ok(()) };
        let (series, app) = (self.series(VERSIONS - 1), self.literal(*app));
        self.insert(
            &series,
            "versions (package_id, digest, sha1, size_bytes, format, description, create_at, create_by, warnings, plan, manifest, number)",
            &format!(
                "v.package_id, v.digest, v.sha1, v.size_bytes + i, v.format, 'change ' || i, v.create_at - i * 3600000000, 'ops', \
                 v.warnings, v.plan, v.manifest, i + 1 FROM n JOIN versions v ON v.version_id = {version}"
            ),
        )
        .await?;
        self.run(&format!("UPDATE packages SET last_number = {VERSIONS} WHERE package_id = {app}")).await
    }

    /// Schedules with all the history that is kept, and services; disabled, all of them.
    async fn standing(&self, apps: &Apps) -> Outcome {
        let with_apps = |count| format!("{}{}", self.series(count), self.apps(apps));
        let (schedule, service) = (self.uuid(Kind::Schedule, "i"), self.uuid(Kind::Service, "i"));
        let (begin, end) = (self.end - DAYS * DAY_US, self.end);
        self.insert(
            &with_apps(SCHEDULES),
            "schedules (schedule_id, name, source, source_id, cron, minute, hour, day_of_month, day_of_week, tz, catchup, catchup_most, overlap, \
             jitter_us, enable, decided_through, create_at, update_at)",
            &format!(
                "{schedule}, 'every hour at ' || (i % 60), 'application', a.app_id, (i % 60) || ' * * * *', -1, -1, -1, -1, 'UTC', 'none', 0, 'skip', \
                 0, 0, {end}, {begin}, {begin} FROM n JOIN apps a ON a.k = i % {}",
                apps.ordinary.len()
            ),
        )
        .await?;
        let instants =
            format!("{} , s(k) AS (SELECT i FROM n WHERE i <= {SCHEDULES})", self.series(INSTANTS));
        let of = self.uuid(Kind::Schedule, "s.k");
        let at = format!("({end} / 3600000000 - n.i) * 3600000000");
        self.insert(
            &instants,
            "schedule_instants (schedule_id, instant, manual, state, decide_at, reason)",
            &format!(
                "{of}, {at}, 0, CASE WHEN n.i % 12 = 5 THEN 'skipped' ELSE 'fired' END, {at} + 20000, \
                 CASE WHEN n.i % 12 = 5 THEN 'the one before is not finished' END FROM n CROSS JOIN s"
            ),
        )
        .await?;
        self.insert(
            &with_apps(SERVICES),
            "services (service_id, name, description, app_id, version_id, follow_active, stop_signal, delay_us, max_delay_us, reset_after_us, enable, \
             tasks, restarts, failures, replacing, given_up, create_at, update_at)",
            &format!(
                "{service}, 'service-' || i, 'Keeps something running', a.app_id, a.version_id, 0, 15, 1000000, 300000000, 600000000, 0, \
                 0, i % 9, 0, 0, 0, {begin}, {begin} FROM n JOIN apps a ON a.k = i % {}",
                apps.ordinary.len()
            ),
        )
        .await
    }
}

fn exit(code: i32) -> Outcome<String> {
    Ok(serde_json::to_string(&Exit::Code { code })?)
}
