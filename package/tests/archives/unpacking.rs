//! A directory appears whole or not at all.

use std::ops::ControlFlow;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::{fs, io};

use super::build::*;
use lp_package::unpack::TEMPORARY_PREFIX;
use lp_package::{RootPolicy, Rules, UnpackError, sweep_temporary, unpack};

#[test]
fn a_single_root_is_stripped_or_kept_as_asked() {
    let stage = Stage::new(&tar(&[file("app/x", b"1"), dir("app/empty")]));
    let kept = stage.directory.path().join("kept");

    let unpacked = stage.unpack(Rules::app()).unwrap();
    let rules = Rules { root: RootPolicy::Keep, ..Rules::app() };
    unpack(&stage.archive(), &kept, rules, |_| ControlFlow::Continue(())).unwrap();

    assert_eq!((unpacked.files, unpacked.bytes), (1, 1));
    assert_eq!(walk(&stage.dest()).into_keys().collect::<Vec<_>>(), ["empty", "x"]);
    assert_eq!(walk(&kept).into_keys().collect::<Vec<_>>(), ["app", "app/empty", "app/x"]);
    assert_eq!(
        fs::read_dir(stage.directory.path().join("inner")).unwrap().count(),
        1,
        "no temporary is left"
    );
}

#[test]
fn what_exists_is_never_touched() {
    let stage = Stage::new(&tar(&[file("app/x", b"1")]));
    let makers: [fn(&Path) -> io::Result<()>; 3] =
        [|path| fs::create_dir(path), |path| fs::write(path, b""), |path| symlink("nowhere", path)];
    for make in makers {
        let dest = stage.dest();
        make(&dest).unwrap();

        let refused = stage.unpack(Rules::app());

        assert!(matches!(refused, Err(UnpackError::Exists { .. })));
        assert!(walk(&stage.directory.path().join("inner")).len() == 1);
        fs::remove_file(&dest).or_else(|_| fs::remove_dir(&dest)).unwrap();
    }
}

#[test]
fn missing_parents_are_made() {
    let stage = Stage::new(&tar(&[file("app/x", b"1")]));
    let dest = stage.directory.path().join("a/b/c");

    unpack(&stage.archive(), &dest, Rules::app(), |_| ControlFlow::Continue(())).unwrap();

    assert_eq!(fs::read(dest.join("x")).unwrap(), b"1");
}

#[test]
fn progress_tells_the_bytes_and_can_cancel() {
    let stage = Stage::new(&tar(&[file("app/a", &[1; 300_000]), file("app/b", &[2; 10])]));
    let mut told = Vec::new();

    let cancelled = unpack(&stage.archive(), &stage.dest(), Rules::app(), |bytes| {
        told.push(bytes);
        if bytes >= 200_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });

    assert!(matches!(cancelled, Err(UnpackError::Cancelled)));
    assert!(
        told.is_sorted() && told.last().is_some_and(|bytes| (200_000..=300_000).contains(bytes)),
        "{told:?}"
    );
    stage.assert_nothing_else();
}

#[test]
fn an_empty_archive_becomes_an_empty_directory() {
    for bytes in [tar(&[]), gz(&tar(&[])), zip(&[])] {
        let stage = Stage::new(&bytes);
        stage.unpack(Rules::app()).unwrap();
        assert!(walk(&stage.dest()).is_empty());
    }
}

#[test]
fn sweeping_removes_leftovers_and_nothing_else() {
    let parent = tempfile::tempdir().unwrap();
    fs::create_dir_all(parent.path().join(format!("{TEMPORARY_PREFIX}1-0/tree/sub"))).unwrap();
    fs::create_dir(parent.path().join("kept")).unwrap();
    fs::write(parent.path().join(format!("{TEMPORARY_PREFIX}file")), b"").unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x"), b"").unwrap();
    let link = parent.path().join(format!("{TEMPORARY_PREFIX}1-0/tree/link"));
    symlink(outside.path(), link).unwrap();

    assert_eq!(sweep_temporary(parent.path()).unwrap(), 1);

    assert_eq!(walk(parent.path()).len(), 2);
    assert!(outside.path().join("x").exists());
    assert_eq!(sweep_temporary(&parent.path().join("missing")).unwrap(), 0);
}

#[test]
fn a_leftover_of_the_same_name_is_no_obstacle() {
    let stage = Stage::new(&tar(&[file("app/x", b"1")]));
    for number in 0..50 {
        let name = format!("{TEMPORARY_PREFIX}{}-{number}", std::process::id());
        fs::create_dir(stage.directory.path().join("inner").join(name)).unwrap();
    }

    stage.unpack(Rules::app()).unwrap();

    assert_eq!(sweep_temporary(&stage.directory.path().join("inner")).unwrap(), 50);
}

/// 1 GiB of zeros goes through a process that may not have 200 MiB more.
#[test]
fn memory_does_not_grow_with_the_size_of_files() {
    const FILE_BYTES: u64 = 1 << 30;
    let directory = tempfile::tempdir().unwrap();
    let archive = directory.path().join("archive");
    let header =
        TarEntry { size_field: Some(format!("{FILE_BYTES:011o}\0").into_bytes()), ..file("zeros", b"") };
    fs::write(&archive, header.bytes()).unwrap();
    // a hole in the file: a plain tar of zeros that takes no disk
    let sparse = fs::OpenOptions::new().write(true).open(&archive).unwrap();
    sparse.set_len(512 + FILE_BYTES + 1024).unwrap();
    let before = peak_memory_kib();

    let surveyed = lp_package::survey(&archive, Rules::app(), "configuration.json", 100).unwrap();

    assert_eq!(surveyed.unpacked_bytes, FILE_BYTES);
    let grown = peak_memory_kib().zip(before).map(|(after, before)| after - before);
    assert!(grown.is_none_or(|kib| kib < 200 * 1024), "{grown:?} KiB");
}

fn peak_memory_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
