//! Hostile zips: each is refused for its own reason, by reading and by unpacking alike, and leaves nothing behind.

use super::build::*;
use lp_package::path::PathFault;
use lp_package::{ArchiveError, Limits, Rules};

fn assert_refused(entries: &[ZipEntry], expected: impl Fn(&ArchiveError) -> bool) {
    let error = refused(&zip(entries), Rules::app());
    assert!(expected(&error), "{entries:?}: {error:?}");
}

macro_rules! refuses {
    ($entries:expr, $pattern:pat) => {
        assert_refused(&$entries, |error| matches!(error, $pattern))
    };
}

#[test]
fn names_that_leave_the_root_or_have_two_readings_are_refused() {
    let long = "x/".repeat(2050) + "x";
    let deep = "d/".repeat(301) + "x";
    let table: [(&[u8], PathFault); 14] = [
        (b"../x", PathFault::Parent),
        (b"a/../../x", PathFault::Parent),
        (b"/etc/x", PathFault::Absolute),
        (b"C:\\x", PathFault::Backslash),
        (b"C:/x", PathFault::Drive),
        (b"a\\..\\x", PathFault::Backslash),
        (b"a\0b", PathFault::Control),
        (b"a\nb", PathFault::Control),
        (b"a\xffb", PathFault::NotUtf8),
        (b"a//b", PathFault::EmptyComponent),
        (b"a/./b", PathFault::Dot),
        (b"a/..", PathFault::Parent),
        (long.as_bytes(), PathFault::TooLong),
        (deep.as_bytes(), PathFault::TooDeep),
    ];
    for (name, fault) in table {
        assert_refused(
            &[ZipEntry { name: name.to_vec(), ..zfile("", b"x") }],
            |error| matches!(error, ArchiveError::UnsafePath { fault: found, .. } if *found == fault),
        );
    }
}

#[test]
fn nothing_passes_through_or_replaces_a_link() {
    refuses!([zlink("l", "d"), zdir("d/"), zfile("l/x", b"")], ArchiveError::ThroughSymlink { .. });
    refuses!([zlink("l", "x"), zfile("l", b"")], ArchiveError::Duplicate { .. });
    refuses!([zlink("l", "x"), zdir("l/")], ArchiveError::Duplicate { .. });
    refuses!([zfile("a", b"1"), zfile("a", b"2")], ArchiveError::Duplicate { .. });
    refuses!([zfile("a", b"1"), zfile("./a", b"2")], ArchiveError::Duplicate { .. });
    refuses!([zlink("l", "/etc")], ArchiveError::AbsoluteTarget { .. });
    refuses!([zlink("l", "../x")], ArchiveError::TargetOutside { .. });
    refuses!([zlink("l", "")], ArchiveError::UnsafeTarget { fault: PathFault::Empty, .. });
    refuses!([zlink("l", &"x".repeat(5000))], ArchiveError::UnsafeTarget { fault: PathFault::TooLong, .. });
    refuses!([zlink("l/", "x")], ArchiveError::Contradiction { .. });
}

#[test]
fn only_files_directories_and_links_are_accepted() {
    for (mode, kind) in
        [(0o020666, "character device"), (0o060666, "block device"), (0o010666, "FIFO"), (0o140666, "socket")]
    {
        assert_refused(
            &[ZipEntry { mode, ..zfile("x", b"") }],
            |error| matches!(error, ArchiveError::SpecialFile { kind: found, .. } if *found == kind),
        );
    }
    refuses!([zfile("d/", b"content")], ArchiveError::Contradiction { .. });
    refuses!([ZipEntry { mode: 0o040755, ..zfile("d", b"content") }], ArchiveError::Contradiction { .. });
}

#[test]
fn encrypted_and_exotic_entries_are_refused_by_name() {
    refuses!([ZipEntry { flags: 1, ..zfile("secret", b"x") }], ArchiveError::Encrypted { .. });
    for (method, name) in [(9, "deflate64"), (12, "bzip2"), (14, "lzma"), (93, "zstd"), (95, "xz")] {
        assert_refused(
            &[ZipEntry { method, ..zfile("x", b"x") }],
            |error| matches!(error, ArchiveError::UnsupportedCompression { method, .. } if method == name),
        );
    }
}

#[test]
fn sizes_and_checksums_have_to_turn_out_true() {
    refuses!([ZipEntry { stated_size: Some(99), ..zfile("x", b"short") }], ArchiveError::SizeConflict { .. });
    refuses!([ZipEntry { stated_size: Some(2), ..zfile("x", b"longer") }], ArchiveError::Corrupt { .. });
    refuses!([ZipEntry { stated_crc: Some(1), ..zfile("x", b"content") }], ArchiveError::Corrupt { .. });
    refuses!(
        [ZipEntry { stated_size: Some(0), ..zfile("x", &vec![0; 1 << 20]) }],
        ArchiveError::Corrupt { .. }
    );
}

#[test]
fn entries_that_share_bytes_are_refused() {
    let overlapping = [zfile("a", b"content"), ZipEntry { offset: Some(0), ..zfile("a", b"content") }];
    let overlapping = [overlapping[0].clone(), ZipEntry { name: b"b".to_vec(), ..overlapping[1].clone() }];
    refuses!(overlapping, ArchiveError::Overlap { .. });
    refuses!(
        [ZipEntry { local_name: Some(b"other".to_vec()), ..zfile("a", b"") }],
        ArchiveError::BadZip { .. }
    );
    refuses!([ZipEntry { offset: Some(1), ..zfile("a", b"") }], ArchiveError::BadZip { .. });
    refuses!([ZipEntry { offset: Some(u32::MAX - 1), ..zfile("a", b"") }], _);
}

#[test]
fn the_end_is_found_in_one_way_only() {
    let good = zip(&[zfile("a", b"content")]);
    assert!(Stage::new(&good).read(Rules::app()).is_ok());
    for cut in 30..good.len() {
        let error = refused(&good[..cut], Rules::app());
        assert!(
            matches!(error, ArchiveError::BadZip { .. } | ArchiveError::Truncated { .. }),
            "{cut}: {error:?}"
        );
    }
    let garbage = [good.clone(), b"garbage".to_vec()].concat();
    assert!(matches!(refused(&garbage, Rules::app()), ArchiveError::TrailingGarbage));
    let twice = [good.clone(), good.clone()].concat();
    assert!(matches!(refused(&twice, Rules::app()), ArchiveError::BadZip { .. }));
    for (at, byte) in [(10, 2), (8, 2), (4, 1), (12, 1), (16, 1)] {
        let mut bent = good.clone();
        let end = bent.len() - 22;
        bent[end + at] = byte;
        let error = refused(&bent, Rules::app());
        assert!(matches!(error, ArchiveError::BadZip { .. }), "{at}: {error:?}");
    }
    let mut commented = good.clone();
    let length = commented.len();
    commented[length - 2] = 7;
    commented.extend(b"comment");
    assert!(Stage::new(&commented).read(Rules::app()).is_ok());
}

#[test]
fn bombs_stop_at_the_limits_on_real_bytes() {
    let rules = |limits| Rules::app().with_limits(limits);
    let zeros = zip(&[zfile("zeros", &vec![0; 4 << 20])]);
    let ratio = Limits { max_ratio: 100, ratio_free_bytes: 1 << 20, ..Limits::default() };
    assert!(matches!(refused(&zeros, rules(ratio)), ArchiveError::Ratio { limit: 100 }));
    let total = Limits { max_unpacked_bytes: 1 << 20, ..Limits::default() };
    assert!(matches!(refused(&zeros, rules(total)), ArchiveError::TooManyBytes { .. }));
    let many: Vec<ZipEntry> = (0..20).map(|i| zfile(&format!("f{i}"), b"")).collect();
    let few = Limits { max_zip_entries: 10, ..Limits::default() };
    assert!(matches!(refused(&zip(&many), rules(few)), ArchiveError::TooManyEntries { limit: 10 }));
}

#[test]
fn a_zip_unpacks_like_the_same_tarball() {
    let zipped = Stage::new(&zip(&[
        zdir("app/"),
        zfile("app/configuration.json", b"{}"),
        ZipEntry { mode: 0o104755, ..zfile("app/run", b"#!/bin/sh\n") },
        ZipEntry { mode: 0, method: 0, ..zfile("app/from windows", b"x") },
        zlink("app/bin/link", "../run"),
        zfile("__MACOSX/app/._run", b"junk"),
    ]));
    let tarred = Stage::new(&tar(&[
        file("app/configuration.json", b"{}"),
        TarEntry { mode: b"0000755\0".to_vec(), ..file("app/run", b"#!/bin/sh\n") },
        file("app/from windows", b"x"),
        symlink("app/bin/link", "../run"),
    ]));

    zipped.unpack(Rules::app()).unwrap();
    tarred.unpack(Rules::app()).unwrap();

    assert_eq!(walk(&zipped.dest()), walk(&tarred.dest()));
    assert_eq!(zipped.read(Rules::app()).unwrap(), tarred.read(Rules::app()).unwrap());
}
