//! The check of an upload: where the root is, which manifest counts, what else is there.

use super::build::*;
use lp_package::tree::NodeKind;
use lp_package::{ArchiveError, Format, Rules, Survey, survey};

const MANIFEST: &str = "configuration.json";

fn surveyed(bytes: &[u8]) -> Result<Survey, ArchiveError> {
    survey(&Stage::new(bytes).archive(), Rules::app(), MANIFEST, 100)
}

#[test]
fn the_manifest_is_found_in_the_single_root_or_at_the_top() {
    let rooted = surveyed(&gz(&tar(&[
        dir("app"),
        file("app/main.py", b"print()"),
        file("app/configuration.json", b"{}"),
        file("app/venvs/venv.tar.gz", b"..."),
    ])))
    .unwrap();
    assert_eq!((rooted.root.as_deref(), rooted.file.as_deref()), (Some("app"), Some(&b"{}"[..])));
    assert_eq!((rooted.format, rooted.entries, rooted.unpacked_bytes), (Format::TarGz, 4, 12));
    assert!(rooted.has_file("venvs/venv.tar.gz"));
    assert!(!rooted.has_file("venvs"));
    assert_eq!(rooted.kind_of("venvs/"), Some(NodeKind::Dir));
    for outside in ["app/main.py", "../app/main.py", "/main.py", "", "./main.py"] {
        assert!(!rooted.has_file(outside), "{outside}");
    }

    let flat = surveyed(&zip(&[zfile("configuration.json", b"{}"), zfile("lib/configuration.json", b"no")]))
        .unwrap();
    assert_eq!((flat.root.as_deref(), flat.file.as_deref()), (None, Some(&b"{}"[..])));
    assert!(flat.has_file("lib/configuration.json"));
}

#[test]
fn macos_metadata_beside_the_root_does_not_count() {
    let surveyed = surveyed(&tar(&[
        file("__MACOSX/configuration.json", b"junk"),
        file("._app", b"junk"),
        file(".DS_Store", b"junk"),
        file("app/configuration.json", b"{}"),
    ]))
    .unwrap();

    assert_eq!((surveyed.root.as_deref(), surveyed.file.as_deref()), (Some("app"), Some(&b"{}"[..])));
    assert_eq!(surveyed.entries, 1);
}

#[test]
fn an_archive_without_one_root_has_no_manifest_and_says_what_it_has() {
    let two = surveyed(&tar(&[file("a/configuration.json", b"{}"), file("b/x", b"")])).unwrap();
    assert_eq!((two.root.as_deref(), two.file.as_deref()), (None, None));
    assert_eq!(two.describe_top(), "2 things at the top: `a`, `b`");
    let none = surveyed(&tar(&[])).unwrap();
    assert_eq!(none.describe_top(), "nothing at the top");
    let link = surveyed(&tar(&[file("app/x", b"{}"), symlink("app/configuration.json", "x")])).unwrap();
    assert_eq!((link.file.as_deref(), link.kind_of(MANIFEST)), (None, Some(NodeKind::Symlink)));
    let deeper = surveyed(&tar(&[file("app/sub/configuration.json", b"{}")])).unwrap();
    assert_eq!(deeper.file, None);
}

#[test]
fn a_manifest_beyond_the_limit_is_refused_only_where_it_counts() {
    let big = vec![b' '; 101];
    let refused = surveyed(&tar(&[file("app/configuration.json", &big)]));
    assert!(matches!(refused, Err(ArchiveError::FileTooBig { limit: 100, .. })));
    let elsewhere = tar(&[file("lib/configuration.json", &big), file("configuration.json", b"{}")]);
    assert_eq!(surveyed(&elsewhere).unwrap().file.as_deref(), Some(&b"{}"[..]));
}

#[test]
fn a_flaw_behind_the_manifest_refuses_the_whole_archive() {
    let good = tar(&[file("app/configuration.json", b"{}"), file("app/x", &[1; 5000])]);
    assert!(surveyed(&good).is_ok());
    assert!(matches!(surveyed(&good[..good.len() - 3000]), Err(ArchiveError::Truncated { .. })));
    let hostile = tar(&[file("app/configuration.json", b"{}"), file("../x", b"")]);
    assert!(matches!(surveyed(&hostile), Err(ArchiveError::UnsafePath { .. })));
}
