//! What nobody thought of: random trees go through packer and reader unchanged, random damage never does harm.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;

use super::build::*;
use lp_package::{Limits, PackOptions, Rules, pack};

/// Small, so that damaged sizes do not make a test take minutes.
fn small() -> Rules {
    Rules::venv().with_limits(Limits { max_unpacked_bytes: 4 << 20, max_entries: 1000, ..Limits::default() })
}

fn a_path() -> impl Strategy<Value = String> {
    prop::collection::vec("[a-c.é ]{1,3}", 1..4).prop_map(|parts| parts.join("/"))
}

fn a_tar_entry() -> impl Strategy<Value = TarEntry> {
    let target = prop_oneof![a_path(), "(\\.\\./){0,3}[a-c]{1,2}", Just("/abs".to_owned())];
    (a_path(), 0..6, target, prop::collection::vec(any::<u8>(), 0..600)).prop_map(
        |(path, kind, target, content)| match kind {
            0 | 1 => file(&path, &content),
            2 => dir(&path),
            3 => symlink(&path, &target),
            4 => hardlink(&path, &target),
            _ => TarEntry { mode: b"0000777\0".to_vec(), ..file(&path, &content) },
        },
    )
}

fn a_zip_entry() -> impl Strategy<Value = ZipEntry> {
    let target = "(\\.\\./){0,2}[a-c]{1,2}";
    (a_path(), 0..4, target, prop::collection::vec(any::<u8>(), 0..600)).prop_map(
        |(path, kind, target, content)| match kind {
            0 | 1 => zfile(&path, &content),
            2 => zdir(&format!("{path}/")),
            _ => zlink(&path, &target),
        },
    )
}

/// Reading and unpacking agree: both refuse, leaving nothing, or the disk holds exactly what the reader listed.
fn assert_agreement(bytes: &[u8]) {
    let stage = Stage::new(bytes);
    let keep = Rules { root: lp_package::RootPolicy::Keep, ..small() };
    match (stage.read(keep), stage.unpack(keep)) {
        (Ok(listed), Ok(_)) => assert_eq!(listed, walk(&stage.dest())),
        (Err(_), Err(_)) => stage.assert_nothing_else(),
        (read, unpacked) => panic!("one refuses, one accepts: {read:?} {unpacked:?}"),
    }
    let outside: Vec<String> = walk(stage.directory.path()).into_keys().collect();
    assert!(outside.iter().all(|path| path == "archive" || path.starts_with("inner")), "{outside:?}");
}

fn damaged(mut bytes: Vec<u8>, damage: &[(prop::sample::Index, u8)], repair: bool) -> Vec<u8> {
    for (at, byte) in damage {
        let at = at.index(bytes.len());
        bytes[at] ^= byte;
        let block = at - at % 512;
        if repair && bytes.len() >= block + 512 {
            set_checksum(&mut bytes[block..block + 512]);
        }
    }
    bytes
}

fn some_damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn random_tarballs_are_read_as_they_are_unpacked(entries in prop::collection::vec(a_tar_entry(), 0..12)) {
        assert_agreement(&tar(&entries));
    }

    #[test]
    fn random_zips_are_read_as_they_are_unpacked(entries in prop::collection::vec(a_zip_entry(), 0..12)) {
        assert_agreement(&zip(&entries));
    }

    #[test]
    fn damaged_tarballs_do_no_harm(
        entries in prop::collection::vec(a_tar_entry(), 1..5), damage in some_damage(), repair in any::<bool>(),
    ) {
        assert_agreement(&damaged(tar(&entries), &damage, repair));
    }

    #[test]
    fn damaged_compressed_tarballs_do_no_harm(
        entries in prop::collection::vec(a_tar_entry(), 1..5), damage in some_damage(), zstd in any::<bool>(),
    ) {
        let bytes = tar(&entries);
        let packed = if zstd { zstd::encode_all(&bytes[..], 1).unwrap() } else { gz(&bytes) };
        assert_agreement(&damaged(packed, &damage, false));
    }

    #[test]
    fn damaged_zips_do_no_harm(entries in prop::collection::vec(a_zip_entry(), 1..5), damage in some_damage()) {
        assert_agreement(&damaged(zip(&entries), &damage, false));
    }

    #[test]
    fn random_bytes_do_no_harm(kind in 0..4_usize, rest in prop::collection::vec(any::<u8>(), 0..2000)) {
        let magic: &[u8] = [&b"PK\x03\x04"[..], &[0x1f, 0x8b, 8], &[0x28, 0xb5, 0x2f, 0xfd], b""][kind];
        assert_agreement(&[magic, &rest].concat());
    }

    #[test]
    fn a_packed_tree_is_the_unpacked_tree(
        files in prop::collection::btree_map(a_path(), prop::collection::vec(any::<u8>(), 0..3000), 0..12),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let app = directory.path().join("app");
        fs::create_dir(&app).unwrap();
        let mut made = BTreeMap::new();
        for (path, content) in &files {
            let has_dots = path.split('/').any(|part| part == "." || part == "..");
            let full = app.join(path);
            if !has_dots && fs::create_dir_all(full.parent().unwrap()).is_ok() && fs::write(&full, content).is_ok() {
                made.insert(path, content);
            }
        }

        let (bytes, packed) = pack(&app, Vec::new(), &PackOptions::default()).unwrap();

        let stage = Stage::new(&bytes);
        let unpacked = stage.unpack(Rules::app()).unwrap();
        prop_assert_eq!(walk(&stage.dest()), walk(&app));
        prop_assert_eq!(unpacked.files, packed.files);
        prop_assert_eq!(unpacked.files, made.len() as u64);
        prop_assert_eq!(unpacked.bytes, packed.bytes);
    }
}
