//! `lp app diff` and `lp venv diff`: what differs between two versions, for reading.

use lp_protocol::client::PackageKind;
use lp_protocol::views::{
    ChangedFile, ChangedKey, FileChanges, ManifestChanges, PackagedKind, VersionDiff, VersionRef,
};

use super::Session;
use super::history::Words;
use crate::failure::Failure;
use crate::output::report::Report;
use crate::output::{Cell, Tint, text};

/// Longest value of a manifest's key that is printed, in characters; `-r` has all of it.
const VALUE_CHARS: usize = 60;

/// Compares two versions; the one before the active one with the active one where none is named.
pub(super) async fn run(session: &Session, kind: PackageKind, words: &Words) -> Result<(), Failure> {
    let from = words.versions.first().copied().unwrap_or(VersionRef::Previous);
    let to = words.versions.get(1).copied().unwrap_or(VersionRef::Active);
    let diff = session.client()?.diff_versions(kind, &words.package, from, to).await?;
    session.out.document(&diff, || report(session, &words.package, &diff))?;
    if diff.files.is_cut() {
        session.out.warn("there are more files than are listed; the counts are whole");
    }
    Ok(())
}

fn report(session: &Session, package: &str, diff: &VersionDiff) -> String {
    let VersionDiff { from, to, files, manifest } = diff;
    let mut report = Report::on(&session.out);
    let versions = format!("{package} {} → {}", from.number, to.number);
    report.head(&Cell::new("diff", Tint::Plain), &versions);
    if let Some(manifest) = manifest.as_ref().filter(|manifest| !manifest.is_empty()) {
        report.heading("configuration.json");
        manifest_lines(&mut report, manifest);
    }
    let FileChanges { added, removed, changed, .. } = files;
    if !(added.is_empty() && removed.is_empty() && changed.is_empty()) {
        report.heading("files");
    }
    for file in added {
        report.marked(Tint::Good, "+", &format!("{}{}", file.path, size(file.kind, file.size_bytes)));
    }
    for file in removed {
        report.marked(Tint::Bad, "-", &format!("{}{}", file.path, size(file.kind, file.size_bytes)));
    }
    for file in changed {
        report.marked(Tint::Warn, "~", &format!("{}{}", file.path, change(file)));
    }
    report.heading(&format!(
        "{} added, {} removed, {} changed, {} the same",
        files.added_count, files.removed_count, files.changed_count, files.unchanged_count
    ));
    report.into_text()
}

fn manifest_lines(report: &mut Report, changes: &ManifestChanges) {
    let ManifestChanges { added_actions, removed_actions, changed_actions, changed_keys } = changes;
    for name in added_actions {
        report.marked(Tint::Good, "+", &format!("action {name}"));
    }
    for name in removed_actions {
        report.marked(Tint::Bad, "-", &format!("action {name}"));
    }
    for action in changed_actions {
        for key in &action.keys {
            report.marked(Tint::Warn, "~", &format!("action {}: {}", action.name, key_change(key)));
        }
    }
    for key in changed_keys {
        report.marked(Tint::Warn, "~", &key_change(key));
    }
}

fn key_change(changed: &ChangedKey) -> String {
    let ChangedKey { key, from, to } = changed;
    let value = |value: &serde_json::Value| text::cut(&value.to_string(), VALUE_CHARS).into_owned();
    match (from.is_null(), to.is_null()) {
        (true, _) => format!("{key} is {}", value(to)),
        (false, true) => format!("{key} was {}", value(from)),
        (false, false) => format!("{key} {} → {}", value(from), value(to)),
    }
}

fn size(kind: PackagedKind, bytes: u64) -> String {
    match kind {
        PackagedKind::File | PackagedKind::Program => format!(" ({})", text::size(bytes)),
        PackagedKind::Link | PackagedKind::Directory => format!(" ({})", kind.as_str()),
    }
}

fn change(file: &ChangedFile) -> String {
    let ChangedFile { path: _, from_kind, to_kind, from_size_bytes, to_size_bytes } = file;
    if from_kind != to_kind {
        return format!(" ({} → {})", from_kind.as_str(), to_kind.as_str());
    }
    match from_size_bytes == to_size_bytes {
        true => size(*to_kind, *to_size_bytes),
        false => format!(" ({} → {})", text::size(*from_size_bytes), text::size(*to_size_bytes)),
    }
}
