//! The versions of applications and venvs on the command line: what `lp app` and `lp venv` have in common.
//!
//! A version is called by its number within its package, as LitePipeline's histories are by their id (`-H`), or `active` or `previous`.

use lp_protocol::client::{ManagerClient, PackageKind, PageQuery};
use lp_protocol::views::{VersionRef, VersionView};

use super::Session;
use super::args::Limit;
use super::confirm::Yes;
use super::download::{self, Place};
use crate::failure::Failure;
use crate::output::report::Report;
use crate::output::{Cell, Tint, text};

/// A package and versions of it, as they stand on a command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) package: String,
    pub(super) versions: Vec<VersionRef>,
}

/// Sorts bare words: the package first, unless a flag named it, then up to `most` versions, unless a flag named one.
pub(super) fn sort_words(
    kind: PackageKind,
    bare: Vec<String>,
    package: Option<String>,
    version: Option<String>,
    most: usize,
) -> Result<Words, Failure> {
    let noun = kind.noun();
    let mut words = bare.into_iter();
    let package = package.or_else(|| words.next());
    let package = package.ok_or_else(|| {
        Failure::usage(format!("which {noun}?"), format!("name it; `lp {noun} list` shows them"))
    })?;
    let mut versions = Vec::new();
    for word in version.into_iter().chain(words) {
        if versions.len() == most {
            let what = format!("`{}` is one word too many", text::visible(&word));
            return Err(Failure::usage(what, format!("see `lp {noun} history --help`")));
        }
        let parsed = word.parse::<VersionRef>().map_err(|error| {
            let hint = format!("lp {noun} history list {}", text::visible(&package));
            Failure::usage(error.to_string(), hint)
        })?;
        versions.push(parsed);
    }
    Ok(Words { package, versions })
}

/// The one version that must have been given.
pub(super) fn one_version(kind: PackageKind, words: &Words) -> Result<VersionRef, Failure> {
    words.versions.first().copied().ok_or_else(|| {
        let hint = format!("lp {} history list {} shows them", kind.noun(), text::visible(&words.package));
        Failure::usage("which version?", hint)
    })
}

pub(super) async fn list(
    session: &Session,
    kind: PackageKind,
    package: &str,
    limit: &Limit,
) -> Result<(), Failure> {
    let client = session.client()?;
    let pages = limit
        .print(session, async |cursor, limit| {
            client.list_versions(kind, package, &PageQuery { cursor, limit }).await
        })
        .await?;
    pages.tell(session, "version", &format!("lp {} update NAME -f FILE", kind.noun()));
    Ok(())
}

pub(super) async fn info(session: &Session, kind: PackageKind, words: &Words) -> Result<(), Failure> {
    let version = one_version(kind, words)?;
    let info = session.client()?.fetch_version(kind, &words.package, version).await?;
    session.out.document_or_name(&info, || {
        let mut report = Report::on(&session.out);
        let is_active = if info.version.active { "active" } else { "version" };
        let tint = if info.version.active { Tint::Good } else { Tint::Plain };
        report.head(&Cell::new(is_active, tint), &format!("{} {}", words.package, info.version.number));
        lines(session, &mut report, &info.version);
        report.line("open tasks", &info.open_tasks.to_string());
        if let Some(plan) = &info.plan {
            let names: Vec<&str> = plan.actions.iter().map(|action| action.name.as_str()).collect();
            report.line("actions", &names.join(", "));
        }
        report.into_text()
    })
}

/// What is known of a version.
pub(super) fn lines(session: &Session, report: &mut Report, version: &VersionView) {
    let look = &session.out.look();
    let by = Some(&version.create_by).filter(|by| !by.is_empty()).map(|by| format!(" by {by}"));
    report
        .line(
            "version",
            &format!("{} ({}, {})", version.number, version.format, text::size(version.size_bytes)),
        )
        .line("uploaded", &format!("{}{}", look.time(version.create_at), by.unwrap_or_default()))
        .maybe("active since", version.activate_at.filter(|_| version.active).map(|at| look.time(at)))
        .maybe("last active", version.activate_at.filter(|_| !version.active).map(|at| look.time(at)))
        .maybe("note", Some(version.description.clone()).filter(|text| !text.is_empty()))
        .line("sha256", &version.digest)
        .line("sha1", &version.sha1);
    for warning in &version.warnings {
        report.line("warning", warning);
    }
}

pub(super) async fn activate(session: &Session, kind: PackageKind, words: &Words) -> Result<(), Failure> {
    let version = one_version(kind, words)?;
    let client = session.client()?;
    let wanted = client.fetch_version(kind, &words.package, version).await?.version;
    make_active(session, &client, kind, &words.package, &wanted).await
}

/// Makes the version active that was so before, or the one that is named.
pub(super) async fn rollback(session: &Session, kind: PackageKind, words: &Words) -> Result<(), Failure> {
    let client = session.client()?;
    let version = words.versions.first().copied().unwrap_or(VersionRef::Previous);
    // by its number from here on: "the previous one" is another one when the request is made again
    let wanted = client.fetch_version(kind, &words.package, version).await.map_err(|error| {
        let hint = format!("lp {} history list {}", kind.noun(), text::visible(&words.package));
        Failure::Hinted { source: error, hint }
    })?;
    make_active(session, &client, kind, &words.package, &wanted.version).await
}

async fn make_active(
    session: &Session,
    client: &ManagerClient,
    kind: PackageKind,
    package: &str,
    wanted: &VersionView,
) -> Result<(), Failure> {
    let was = client.fetch_version(kind, package, VersionRef::Active).await?.version;
    let now = client.activate_version(kind, package, VersionRef::Number(wanted.number)).await?;
    let noun = kind.noun();
    session.out.note(&match was.number == now.number {
        true => {
            format!(
                "version {} of the {noun} `{}` is the active one already",
                now.number,
                text::visible(package)
            )
        }
        false => format!(
            "the {noun} `{}` went from version {} to version {}",
            text::visible(package),
            was.number,
            now.number
        ),
    });
    session.out.item(&now)
}

pub(super) async fn delete(
    session: &Session,
    kind: PackageKind,
    words: &Words,
    yes: &Yes,
) -> Result<(), Failure> {
    let version = one_version(kind, words)?;
    let client = session.client()?;
    let version = client.fetch_version(kind, &words.package, version).await?.version;
    let noun = kind.noun();
    let what = format!("version {} of the {noun} `{}`", version.number, words.package);
    yes.confirm(session, &format!("delete {what}")).await?;
    client.delete_version(kind, &words.package, VersionRef::Number(version.number)).await?;
    session.out.note(&format!("deleted {}", text::visible(&what)));
    Ok(())
}

/// Downloads a version.
pub(super) async fn save<'a>(
    session: &Session,
    kind: PackageKind,
    words: &Words,
    place: impl FnOnce(String) -> Place<'a>,
) -> Result<(), Failure> {
    let version = one_version(kind, words)?;
    let client = session.client()?;
    let version = client.fetch_version(kind, &words.package, version).await?.version;
    let number = VersionRef::Number(version.number);
    let bytes = client.download_version(kind, &words.package, number).await?;
    let place = place(format!("{}.{}", version.number, version.format));
    download::save(session, bytes, place, Some(&version.digest)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_a_package_and_its_versions_unless_flags_name_them() {
        use VersionRef::{Number, Previous};
        let sort = |bare: &[&str], package: Option<&str>, version: Option<&str>, most| {
            let bare = bare.iter().map(|word| (*word).to_owned()).collect();
            let words = sort_words(
                PackageKind::App,
                bare,
                package.map(str::to_owned),
                version.map(str::to_owned),
                most,
            );
            words.map(|words| (words.package, words.versions)).map_err(|failure| failure.exit_code())
        };

        assert_eq!(sort(&["a", "2"], None, None, 1), Ok(("a".into(), vec![Number(2)])));
        assert_eq!(sort(&["2"], Some("a"), None, 1), Ok(("a".into(), vec![Number(2)])));
        assert_eq!(sort(&[], Some("a"), Some("2"), 1), Ok(("a".into(), vec![Number(2)])));
        assert_eq!(sort(&["a"], None, Some("previous"), 1), Ok(("a".into(), vec![Previous])));
        assert_eq!(sort(&["a", "1", "v3"], None, None, 2), Ok(("a".into(), vec![Number(1), Number(3)])));
        assert_eq!(sort(&["a"], None, None, 2), Ok(("a".into(), vec![])));
        for (bare, version, most) in
            [(&["a", "1", "2"][..], None, 1), (&[], Some("1"), 1), (&["a", "x"], None, 1)]
        {
            assert_eq!(sort(bare, None, version, most), Err(2), "{bare:?}");
        }
    }
}
