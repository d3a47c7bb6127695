//! What differs between two versions: files, and the manifest in meaning.

use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::Utc;
use lp_protocol::views::{ChangedKey, FileChanges, ManifestChanges, VersionDiff, VersionRef};
use serde::Deserialize;

use super::Kind;
use crate::failure::{Failure, sentence};
use crate::frame::Frame;
use crate::pages::{Visit, html};
use crate::parts::{Command, Moment, bytes, clip, shell_word, visible};

/// Paths shown of each list; the counts are whole.
const MAX_PATHS: usize = 200;

#[derive(Deserialize)]
pub(crate) struct Query {
    from: String,
    to: String,
}

#[derive(Template)]
#[template(path = "packages/diff.html")]
struct Page {
    frame: Frame,
    base: String,
    name: String,
    from: Side,
    to: Side,
    manifest: Vec<Change>,
    has_manifest: bool,
    files: Vec<File>,
    counts: String,
    more: u64,
    command: Command,
}

struct Side {
    number: u32,
    created: Moment,
    by: String,
    size: String,
    is_active: bool,
}

/// One thing that is other in the manifest.
struct Change {
    word: &'static str,
    name: String,
    from: String,
    to: String,
}

struct File {
    word: &'static str,
    path: String,
    size: String,
}

pub(crate) async fn show(
    visit: Visit,
    path: web::Path<(Kind, String)>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Failure> {
    let (kind, wanted) = path.into_inner();
    let client = visit.client();
    let package = kind.fetch(client, &wanted).await?;
    let (from, to) = (parse(&query.from)?, parse(&query.to)?);
    let diff = client.diff_versions(kind.of_client(), &package.id, from, to).await?;
    let base = package.url();
    let title = format!("{}: version {} to {}", package.name, diff.from.number, diff.to.number);
    let frame = package.frame_below(&visit, &title).crumb("Versions", format!("{base}/versions"));
    let line =
        format!("{} diff {} {} {}", kind.verb(), shell_word(&package.name), diff.from.number, diff.to.number);
    let VersionDiff { from, to, files, manifest } = diff;
    let now = Utc::now();
    let side = |version: lp_protocol::views::VersionView| Side {
        number: version.number,
        created: Moment::new(version.create_at, now),
        by: clip(&version.create_by, 40),
        size: bytes(version.size_bytes),
        is_active: version.active,
    };
    let has_manifest = manifest.is_some();
    let (rows, more) = listed(&files);
    html(&Page {
        frame,
        base,
        name: visible(&package.name),
        from: side(from),
        to: side(to),
        manifest: manifest.map(changes).unwrap_or_default(),
        has_manifest,
        counts: format!(
            "{} added, {} removed, {} changed, {} as before",
            files.added_count, files.removed_count, files.changed_count, files.unchanged_count
        ),
        files: rows,
        more,
        command: Command::new(line),
    })
}

pub(super) fn parse(text: &str) -> Result<VersionRef, Failure> {
    text.parse().map_err(|error: lp_protocol::views::NotAVersion| {
        let message = sentence(&clip(&error.to_string(), 200));
        Failure::new(actix_web::http::StatusCode::BAD_REQUEST, "Not accepted", message)
    })
}

fn listed(files: &FileChanges) -> (Vec<File>, u64) {
    let whole = files.added_count + files.removed_count + files.changed_count;
    let file = |word, path: &str, size: String| File { word, path: clip(path, 300), size };
    let changed = files.changed.iter().take(MAX_PATHS).map(|changed| {
        let (from, to) = (bytes(changed.from_size_bytes), bytes(changed.to_size_bytes));
        let size = match changed.from_kind == changed.to_kind {
            true => format!("{from} → {to}"),
            false => format!("{} → {}", changed.from_kind.as_str(), changed.to_kind.as_str()),
        };
        file("changed", &changed.path, size)
    });
    let added =
        files.added.iter().take(MAX_PATHS).map(|added| file("added", &added.path, bytes(added.size_bytes)));
    let removed = files
        .removed
        .iter()
        .take(MAX_PATHS)
        .map(|removed| file("removed", &removed.path, bytes(removed.size_bytes)));
    let rows: Vec<File> = changed.chain(added).chain(removed).collect();
    let more = whole.saturating_sub(rows.len() as u64);
    (rows, more)
}

fn changes(manifest: ManifestChanges) -> Vec<Change> {
    let ManifestChanges { added_actions, removed_actions, changed_actions, changed_keys } = manifest;
    let whole = |word, name: &String| Change {
        word,
        name: format!("action {}", visible(name)),
        from: String::new(),
        to: String::new(),
    };
    let key = |of: &str, key: ChangedKey| Change {
        word: "changed",
        name: visible(&format!("{of}{}", key.key)),
        from: value(&key.from),
        to: value(&key.to),
    };
    let mut out: Vec<Change> = added_actions.iter().map(|name| whole("added", name)).collect();
    out.extend(removed_actions.iter().map(|name| whole("removed", name)));
    for action in changed_actions {
        let of = format!("action {}: ", action.name);
        out.extend(action.keys.into_iter().map(|changed| key(&of, changed)));
    }
    out.extend(changed_keys.into_iter().map(|changed| key("", changed)));
    out.truncate(MAX_PATHS);
    out
}

fn value(value: &serde_json::Value) -> String {
    if value.is_null() { "not there".to_owned() } else { clip(&value.to_string(), 500) }
}
