//! Hostile tarballs: each is refused for its own reason, by reading and by unpacking alike, and leaves nothing behind.

use super::build::*;
use lp_package::path::PathFault;
use lp_package::{ArchiveError, Limits, LinkPolicy, Rules};

fn assert_refused(entries: &[TarEntry], expected: impl Fn(&ArchiveError) -> bool) {
    for bytes in [tar(entries), gz(&tar(entries)), zstd::encode_all(&tar(entries)[..], 1).unwrap()] {
        let error = refused(&bytes, Rules::app());
        assert!(expected(&error), "{entries:?}: {error:?}");
    }
}

macro_rules! refuses {
    ($entries:expr, $pattern:pat) => {
        assert_refused(&$entries, |error| matches!(error, $pattern))
    };
}

#[test]
fn names_that_leave_the_root_or_have_two_readings_are_refused() {
    let table: [(&[u8], PathFault); 12] = [
        (b"../x", PathFault::Parent),
        (b"a/../../x", PathFault::Parent),
        (b"/etc/x", PathFault::Absolute),
        (b"C:\\x", PathFault::Backslash),
        (b"C:/x", PathFault::Drive),
        (b"a\\..\\x", PathFault::Backslash),
        (b"a\x01b", PathFault::Control),
        (b"a\xffb", PathFault::NotUtf8),
        (b"a//b", PathFault::EmptyComponent),
        (b"a/./b", PathFault::Dot),
        (b"", PathFault::Empty),
        (b"a/..", PathFault::Parent),
    ];
    for (name, fault) in table {
        assert_refused(
            &[raw_name(name)],
            |error| matches!(error, ArchiveError::UnsafePath { fault: found, .. } if *found == fault),
        );
    }
}

#[test]
fn long_and_deep_names_are_refused_in_every_notation() {
    let long = "x/".repeat(2050);
    let deep = "d/".repeat(301);
    let wide = "w".repeat(256);
    let nul = "a\0b";
    let table = [
        (long.trim_end_matches('/'), PathFault::TooLong),
        (deep.trim_end_matches('/'), PathFault::TooDeep),
        (wide.as_str(), PathFault::ComponentTooLong),
        (nul, PathFault::Control),
        ("../x", PathFault::Parent),
    ];
    for (name, fault) in table {
        for header in [long_name(name.as_bytes()), pax(&[("path", name)])] {
            assert_refused(
                &[header, file("short", b"")],
                |error| matches!(error, ArchiveError::UnsafePath { fault: found, .. } if *found == fault),
            );
        }
    }
}

#[test]
fn nothing_passes_through_or_replaces_a_link() {
    refuses!([symlink("l", "d"), dir("d"), file("l/x", b"")], ArchiveError::ThroughSymlink { .. });
    refuses!([symlink("l", "x"), file("l", b"")], ArchiveError::Duplicate { .. });
    refuses!([symlink("l", "x"), dir("l")], ArchiveError::Duplicate { .. });
    refuses!([symlink("l", "a"), symlink("l", "b")], ArchiveError::Duplicate { .. });
    refuses!([file("a", b"1"), file("a", b"2")], ArchiveError::Duplicate { .. });
    refuses!([file("a", b"1"), file("a/b", b"2")], ArchiveError::NotADirectory { .. });
    refuses!([file("a/b", b"1"), file("a", b"2")], ArchiveError::Duplicate { .. });
    refuses!([file("a", b"1"), file("./a", b"2")], ArchiveError::Duplicate { .. });
}

#[test]
fn a_link_to_the_outside_is_refused_before_anything_goes_through_it() {
    refuses!([symlink("l", "/etc"), file("l/x", b"")], ArchiveError::AbsoluteTarget { .. });
    refuses!([symlink("l", "../x")], ArchiveError::TargetOutside { .. });
    refuses!([symlink("l", "a/../../x")], ArchiveError::TargetOutside { .. });
    refuses!([symlink("l", "")], ArchiveError::UnsafeTarget { .. });
    refuses!([symlink("l", "a\\b")], ArchiveError::UnsafeTarget { .. });
    refuses!([symlink("app/l", "../x"), file("app/a", b"")], ArchiveError::TargetOutside { .. });
    refuses!(
        [file("c", b""), symlink("a/l", ".."), symlink("m", "a/l/../x")],
        ArchiveError::TargetOutside { .. }
    );
}

#[test]
fn absolute_targets_are_created_for_environments_but_never_followed() {
    let stage = Stage::new(&tar(&[symlink("bin/python", "/usr/bin/python3"), file("pyvenv.cfg", b"")]));

    stage.unpack(Rules::venv()).unwrap();

    assert_eq!(
        std::fs::read_link(stage.dest().join("bin/python")).unwrap().to_str(),
        Some("/usr/bin/python3")
    );
    let through = tar(&[symlink("l", "/tmp"), file("l/x", b"")]);
    assert!(matches!(refused(&through, Rules::venv()), ArchiveError::ThroughSymlink { .. }));
    let relative = tar(&[symlink("l", "../../usr")]);
    assert!(matches!(refused(&relative, Rules::venv()), ArchiveError::TargetOutside { .. }));
    assert_eq!(Rules::venv().links, LinkPolicy::AllowAbsoluteTargets);
}

#[test]
fn hard_links_lead_to_files_that_came_before() {
    refuses!([hardlink("l", "/etc/shadow")], ArchiveError::UnsafeTarget { fault: PathFault::Absolute, .. });
    refuses!([hardlink("l", "../x")], ArchiveError::UnsafeTarget { fault: PathFault::Parent, .. });
    refuses!([hardlink("l", "later"), file("later", b"")], ArchiveError::HardlinkTarget { .. });
    refuses!([dir("d"), hardlink("l", "d")], ArchiveError::HardlinkTarget { .. });
    refuses!([symlink("s", "x"), hardlink("l", "s")], ArchiveError::HardlinkTarget { .. });
    refuses!(
        [symlink("s", "d"), file("d/x", b""), hardlink("l", "s/x")],
        ArchiveError::HardlinkTarget { .. }
    );
    refuses!([hardlink("l", "l")], ArchiveError::HardlinkTarget { .. });
}

#[test]
fn only_files_directories_and_links_are_accepted() {
    refuses!([of_kind(b'3', "null", b"")], ArchiveError::SpecialFile { kind: "character device", .. });
    refuses!([of_kind(b'4', "sda", b"")], ArchiveError::SpecialFile { kind: "block device", .. });
    refuses!([of_kind(b'6', "pipe", b"")], ArchiveError::SpecialFile { kind: "FIFO", .. });
    for kind in *b"DMVNXZs" {
        refuses!([of_kind(kind, "x", b"")], ArchiveError::UnsupportedType { .. });
    }
    refuses!([TarEntry { magic: b"ustar  \0", ..of_kind(b'S', "holes", b"") }], ArchiveError::Sparse { .. });
    refuses!(
        [pax(&[("GNU.sparse.major", "1"), ("GNU.sparse.realsize", "999999999999")]), file("holes", b"")],
        ArchiveError::Sparse { .. }
    );
}

#[test]
fn modes_are_reduced_to_executable_or_not() {
    let with_mode = |name, mode: &[u8]| TarEntry { mode: mode.to_vec(), ..file(name, b"") };
    let stage = Stage::new(&tar(&[
        with_mode("suid", b"0004755\0"),
        with_mode("sgid", b"0002644\0"),
        with_mode("none", b"0000000\0"),
        with_mode("all", b"0007777\0"),
        TarEntry { mode: b"0000000\0".to_vec(), ..dir("closed") },
        file("closed/x", b""),
    ]));

    stage.unpack(Rules::app()).unwrap();

    let found = walk(&stage.dest());
    let kinds: Vec<&str> = found.values().map(|text| text.split(' ').next().unwrap()).collect();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["all", "closed", "closed/x", "none", "sgid", "suid"]);
    assert_eq!(kinds, ["program", "dir", "file", "file", "file", "program"]);
}

#[test]
fn a_size_is_one_octal_number() {
    let sized = |field: &[u8]| TarEntry { size_field: Some(field.to_vec()), ..file("a", b"x") };
    refuses!([sized(b"\x80\0\0\0\0\0\0\0\0\0\0\x01")], ArchiveError::BadNumber { .. });
    refuses!([sized(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")], ArchiveError::BadNumber { .. });
    refuses!([sized(b"-0000000001\0")], ArchiveError::BadNumber { .. });
    refuses!([sized(b"0000000000x\0")], ArchiveError::BadNumber { .. });
    refuses!(
        [pax(&[("size", "2")]), file("a", b"x")],
        ArchiveError::SizeConflict { stated: 2, found: 1, .. }
    );
    refuses!([pax(&[("size", "0")]), file("a", b"x")], ArchiveError::SizeConflict { .. });
    refuses!([sized(b"77777777777\0")], ArchiveError::Truncated { .. });
}

#[test]
fn only_files_have_content() {
    for kind in [b'1', b'2', b'5'] {
        let entry = TarEntry { target: b"a".to_vec(), ..of_kind(kind, "x", b"content") };
        refuses!([file("a", b""), entry], ArchiveError::Contradiction { .. });
    }
    refuses!([of_kind(b'7', "dir/", b"")], ArchiveError::Contradiction { .. });
    refuses!([file("./", b"x")], ArchiveError::Contradiction { .. });
    refuses!([symlink("./", "x")], ArchiveError::Contradiction { .. });
}

#[test]
fn extension_headers_cannot_be_piled_up() {
    refuses!([pax(&[("path", "a")]), long_name(b"b"), file("c", b"")], ArchiveError::BadHeader { .. });
    refuses!([long_name(b"b"), pax(&[("mtime", "1")]), file("c", b"")], ArchiveError::BadHeader { .. });
    refuses!([pax(&[("path", "a")]), pax(&[("path", "b")]), file("c", b"")], ArchiveError::BadHeader { .. });
    refuses!([long_name(b"a"), long_name(b"b"), file("c", b"")], ArchiveError::BadHeader { .. });
    refuses!([pax(&[("path", "a"), ("path", "b")]), file("c", b"")], ArchiveError::BadHeader { .. });
    refuses!([file("a", b""), pax(&[("path", "b")])], ArchiveError::BadHeader { .. });
    refuses!(
        [TarEntry { kind: b'g', ..pax(&[("path", "a")]) }, file("c", b"")],
        ArchiveError::BadHeader { .. }
    );
    let huge = of_kind(b'x', "PaxHeader", &vec![b'x'; (1 << 20) + 1]);
    refuses!([huge, file("c", b"")], ArchiveError::MetadataTooBig { .. });
}

#[test]
fn an_archive_is_whole_and_ends_once() {
    let good = tar(&[file("a", b"x"), file("b", b"y")]);
    assert!(Stage::new(&good).read(Rules::app()).is_ok());
    for cut in [512, 513, 600, 1024, 1500, 2048, 2560, good.len() - 1] {
        let error = refused(&good[..cut], Rules::app());
        assert!(matches!(error, ArchiveError::Truncated { .. }), "{cut}: {error:?}");
    }
    let mut longer = good.clone();
    longer.extend([0; 10_240]);
    assert!(Stage::new(&longer).read(Rules::app()).is_ok());
    longer.push(1);
    assert!(matches!(refused(&longer, Rules::app()), ArchiveError::TrailingGarbage));
    let twice = [good.clone(), good.clone()].concat();
    assert!(matches!(refused(&twice, Rules::app()), ArchiveError::TrailingGarbage));
    let mut wrong = good;
    wrong[1024] ^= 1;
    assert!(matches!(refused(&wrong, Rules::app()), ArchiveError::BadHeader { .. }));
}

#[test]
fn a_compressed_stream_is_whole_and_joined_members_are_one_stream() {
    let good = tar(&[file("a", &[b'x'; 5000])]);
    let packed = gz(&good);
    for cut in [packed.len() - 1, packed.len() - 8, packed.len() / 2] {
        let error = refused(&packed[..cut], Rules::app());
        assert!(matches!(error, ArchiveError::Truncated { .. }), "{cut}: {error:?}");
    }
    let mut wrong_sum = packed.clone();
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    assert!(matches!(refused(&wrong_sum, Rules::app()), ArchiveError::Corrupt { .. }));
    let joined = [gz(&good[..700]), gz(&good[700..])].concat();
    assert_eq!(
        Stage::new(&joined).read(Rules::app()).unwrap(),
        Stage::new(&packed).read(Rules::app()).unwrap()
    );
    let two = [packed.clone(), packed.clone()].concat();
    assert!(matches!(refused(&two, Rules::app()), ArchiveError::TrailingGarbage));
    let garbage = [packed, b"garbage".to_vec()].concat();
    refused(&garbage, Rules::app());
    let frames = zstd::encode_all(&good[..], 1).unwrap();
    refused(&frames[..frames.len() - 2], Rules::app());
}

#[test]
fn bombs_stop_at_the_limits_on_real_bytes() {
    let rules = |limits| Rules::app().with_limits(limits);
    let zeros = gz(&tar(&[file("zeros", &vec![0; 4 << 20])]));
    let ratio = Limits { max_ratio: 100, ratio_free_bytes: 1 << 20, ..Limits::default() };
    assert!(matches!(refused(&zeros, rules(ratio)), ArchiveError::Ratio { limit: 100 }));
    let total = Limits { max_unpacked_bytes: 1 << 20, ..Limits::default() };
    assert!(matches!(refused(&zeros, rules(total)), ArchiveError::TooManyBytes { .. }));
    let after_the_end = gz(&[tar(&[file("a", b"")]), vec![0; 4 << 20]].concat());
    assert!(matches!(refused(&after_the_end, rules(total)), ArchiveError::TooManyBytes { .. }));
    let many: Vec<TarEntry> = (0..20).map(|i| file(&format!("f{i}"), b"")).collect();
    let few = Limits { max_entries: 10, ..Limits::default() };
    assert!(matches!(refused(&tar(&many), rules(few)), ArchiveError::TooManyEntries { limit: 10 }));
    let globals: Vec<TarEntry> = (0..30).map(|_| of_kind(b'g', "g", b"")).collect();
    assert!(matches!(refused(&tar(&globals), rules(few)), ArchiveError::TooManyEntries { .. }));
    let implied = tar(&[file("a/b/c/d/e/f/g/h/i/j/k", b"")]);
    assert!(matches!(refused(&implied, rules(few)), ArchiveError::TooManyEntries { .. }));
}

#[test]
fn other_content_is_refused_by_name() {
    for (bytes, name) in [(&b"BZh91AY"[..], "bzip2"), (b"", "an empty file"), (b"#!/bin/sh", "a script")] {
        let stage = Stage::new(bytes);
        match stage.read(Rules::app()) {
            Err(ArchiveError::UnknownFormat { found, .. }) => assert_eq!(found, name),
            other => panic!("{other:?}"),
        }
    }
    refused(&gz(b"no tar inside"), Rules::app());
    assert!(matches!(refused(&gz(&[b'x'; 2000]), Rules::app()), ArchiveError::BadHeader { .. }));
}

#[test]
fn harmless_oddities_are_accepted() {
    let stage = Stage::new(&tar(&[
        of_kind(b'g', "pax_global_header", b"52 comment=0123456789012345678901234567890123456789\n"),
        dir("./"),
        dir("./app/"),
        dir("./app/"),
        file("./app/File", b"1"),
        file("./app/file", b"2"),
        file("./app/dots...", b""),
        pax(&[("path", "app/ünï"), ("mtime", "1.5"), ("SCHILY.xattr.security.capability", "x")]),
        file("./app/x", b"3"),
        TarEntry { kind: 0, magic: &[0; 8], ..file("app/old/", b"") },
        hardlink("app/again", "./app/File"),
        file("__MACOSX/._app", b"junk"),
        file("._app", b"junk"),
        file(".DS_Store", b"junk"),
    ]));

    stage.unpack(Rules::app()).unwrap();

    let names: Vec<String> = walk(&stage.dest()).into_keys().collect();
    assert_eq!(names, ["File", "again", "dots...", "file", "old", "ünï"]);
    assert_eq!(std::fs::read(stage.dest().join("again")).unwrap(), b"1");
}
