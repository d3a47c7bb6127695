//! What two archives have in common and what not, whatever their formats.

use super::build::*;
use lp_package::listing::FactKind;
use lp_package::{ArchiveError, Limits, Listing, Rules, list};

fn listed(bytes: &[u8]) -> Listing {
    list(&Stage::new(bytes).archive(), Rules::venv()).unwrap()
}

fn changes(from: &Listing, to: &Listing) -> Vec<String> {
    from.beside(to)
        .filter(|(_, from, to)| from != to)
        .map(|(path, from, to)| {
            let mark = match (from, to) {
                (None, _) => '+',
                (_, None) => '-',
                _ => '~',
            };
            format!("{mark}{path}")
        })
        .collect()
}

#[test]
fn format_root_order_and_named_directories_do_not_count() {
    let tarred = listed(&gz(&tar(&[dir("app"), file("app/b/c", b"1"), dir("app/b"), file("app/a", b"2")])));
    let zipped = listed(&zip(&[zfile("a", b"2"), zfile("b/c", b"1")]));

    assert_eq!(changes(&tarred, &zipped), Vec::<String>::new());
    assert_eq!(tarred.len(), 2);
}

#[test]
fn content_kind_target_and_permission_do() {
    let program = TarEntry { mode: b"0000755\0".to_vec(), ..file("x/tool", b"1") };
    let from = listed(&tar(&[
        file("x/same", b"1"),
        file("x/content", b"1"),
        file("x/tool", b"1"),
        symlink("x/link", "same"),
        file("x/kind", b"same"),
        file("x/gone", b""),
        dir("x/empty"),
    ]));
    let to = listed(&tar(&[
        file("x/same", b"1"),
        file("x/content", b"2"),
        program,
        symlink("x/link", "content"),
        symlink("x/kind", "same"),
        file("x/new", b""),
        file("x/empty/file", b""),
    ]));

    assert_eq!(
        changes(&from, &to),
        ["~content", "-empty", "+empty/file", "-gone", "~kind", "~link", "+new", "~tool"]
    );
    assert_eq!(to.get("tool").unwrap().kind, FactKind::File { executable: true });
    assert_eq!(changes(&to, &to), Vec::<String>::new());
}

#[test]
fn a_second_name_of_a_file_is_a_file_like_any_other() {
    let linked = listed(&tar(&[file("x/a", b"1"), hardlink("x/b", "x/a")]));
    let copied = listed(&tar(&[file("x/a", b"1"), file("x/b", b"1")]));

    assert_eq!(changes(&linked, &copied), Vec::<String>::new());
}

#[test]
fn a_hostile_or_too_large_archive_is_refused_as_everywhere() {
    let outside = Stage::new(&tar(&[file("../x", b"")]));
    assert!(list(&outside.archive(), Rules::app()).is_err());

    let many: Vec<_> = (0..20).map(|n| file(&format!("x/{n}"), b"")).collect();
    let stage = Stage::new(&tar(&many));
    let rules = Rules::app().with_limits(Limits { max_entries: 10, ..Limits::default() });
    let refused = list(&stage.archive(), rules);
    assert!(refused.as_ref().is_err_and(ArchiveError::is_refusal), "{refused:?}");
}
