//! Archives built byte by byte, as no ordinary tool would.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use lp_package::{Archive, ArchiveError, EntryKind, Rules, UnpackError, unpack};

/// One tar entry, to be bent in any way.
#[derive(Debug, Clone)]
pub(crate) struct TarEntry {
    pub(crate) name: Vec<u8>,
    pub(crate) kind: u8,
    pub(crate) target: Vec<u8>,
    pub(crate) content: Vec<u8>,
    pub(crate) mode: Vec<u8>,
    /// What the size field says, if not the size of the content.
    pub(crate) size_field: Option<Vec<u8>>,
    pub(crate) magic: &'static [u8],
}

pub(crate) fn file(name: &str, content: &[u8]) -> TarEntry {
    TarEntry {
        name: name.into(),
        kind: b'0',
        target: Vec::new(),
        content: content.to_vec(),
        mode: b"0000644\0".to_vec(),
        size_field: None,
        magic: b"ustar\x0000",
    }
}

pub(crate) fn raw_name(name: &[u8]) -> TarEntry {
    TarEntry { name: name.to_vec(), ..file("", b"x") }
}

pub(crate) fn dir(name: &str) -> TarEntry {
    TarEntry { kind: b'5', mode: b"0000755\0".to_vec(), ..file(name, b"") }
}

pub(crate) fn symlink(name: &str, target: &str) -> TarEntry {
    TarEntry { kind: b'2', target: target.into(), ..file(name, b"") }
}

pub(crate) fn hardlink(name: &str, target: &str) -> TarEntry {
    TarEntry { kind: b'1', ..symlink(name, target) }
}

pub(crate) fn of_kind(kind: u8, name: &str, content: &[u8]) -> TarEntry {
    TarEntry { kind, ..file(name, content) }
}

/// A PAX header with these records for the next entry.
pub(crate) fn pax(records: &[(&str, &str)]) -> TarEntry {
    let mut content = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length += 1;
        }
        writeln!(content, "{length} {key}={value}").unwrap();
    }
    of_kind(b'x', "PaxHeader", &content)
}

/// A GNU long name for the next entry.
pub(crate) fn long_name(name: &[u8]) -> TarEntry {
    let content = [name, b"\0"].concat();
    TarEntry { magic: b"ustar  \0", ..of_kind(b'L', "././@LongLink", &content) }
}

impl TarEntry {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut block = [0_u8; 512];
        block[..self.name.len()].copy_from_slice(&self.name);
        block[100..108].copy_from_slice(&self.mode);
        block[108..116].copy_from_slice(b"0000000\0");
        block[116..124].copy_from_slice(b"0000000\0");
        let size = format!("{:011o}\0", self.content.len()).into_bytes();
        block[124..136].copy_from_slice(self.size_field.as_ref().unwrap_or(&size));
        block[136..148].copy_from_slice(b"77777777777\0");
        block[156] = self.kind;
        block[157..157 + self.target.len()].copy_from_slice(&self.target);
        block[257..265].copy_from_slice(self.magic);
        set_checksum(&mut block);
        let mut bytes = block.to_vec();
        bytes.extend_from_slice(&self.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }
}

pub(crate) fn set_checksum(block: &mut [u8]) {
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block[..512].iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// A tar without its end.
pub(crate) fn open_tar(entries: &[TarEntry]) -> Vec<u8> {
    entries.iter().flat_map(TarEntry::bytes).collect()
}

pub(crate) fn tar(entries: &[TarEntry]) -> Vec<u8> {
    let mut bytes = open_tar(entries);
    bytes.extend_from_slice(&[0; 1024]);
    bytes
}

pub(crate) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One zip entry, to be bent in any way.
#[derive(Debug, Clone)]
pub(crate) struct ZipEntry {
    pub(crate) name: Vec<u8>,
    pub(crate) content: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    /// What the headers say, if not the truth.
    pub(crate) stated_size: Option<u32>,
    pub(crate) stated_crc: Option<u32>,
    /// The name in the local header, if another.
    pub(crate) local_name: Option<Vec<u8>>,
    /// Where the directory says the entry is, if not where it is.
    pub(crate) offset: Option<u32>,
}

pub(crate) fn zfile(name: &str, content: &[u8]) -> ZipEntry {
    ZipEntry {
        name: name.into(),
        content: content.to_vec(),
        mode: 0o100644,
        method: 8,
        flags: 0,
        stated_size: None,
        stated_crc: None,
        local_name: None,
        offset: None,
    }
}

pub(crate) fn zlink(name: &str, target: &str) -> ZipEntry {
    ZipEntry { mode: 0o120777, method: 0, ..zfile(name, target.as_bytes()) }
}

pub(crate) fn zdir(name: &str) -> ZipEntry {
    ZipEntry { mode: 0o040755, method: 0, ..zfile(name, b"") }
}

pub(crate) fn zip(entries: &[ZipEntry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let data = match entry.method {
            8 => {
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
                encoder.write_all(&entry.content).unwrap();
                encoder.finish().unwrap()
            }
            _ => entry.content.clone(),
        };
        let mut crc = flate2::Crc::new();
        crc.update(&entry.content);
        let offset = entry.offset.unwrap_or(bytes.len() as u32);
        let size = entry.stated_size.unwrap_or(entry.content.len() as u32);
        let mut common = Vec::new();
        common.extend(20_u16.to_le_bytes());
        common.extend(entry.flags.to_le_bytes());
        common.extend(entry.method.to_le_bytes());
        common.extend([0, 0, 0x21, 0]);
        common.extend(entry.stated_crc.unwrap_or(crc.sum()).to_le_bytes());
        common.extend((data.len() as u32).to_le_bytes());
        common.extend(size.to_le_bytes());
        let local_name = entry.local_name.as_ref().unwrap_or(&entry.name);
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&common);
        bytes.extend((local_name.len() as u16).to_le_bytes());
        bytes.extend([0, 0]);
        bytes.extend(local_name);
        bytes.extend(&data);
        directory.extend(b"PK\x01\x02");
        directory.extend([20, 3]); // made on Unix
        directory.extend(&common);
        directory.extend((entry.name.len() as u16).to_le_bytes());
        directory.extend([0; 8]);
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(&entry.name);
    }
    let start = bytes.len() as u32;
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend((entries.len() as u16).to_le_bytes());
    bytes.extend((entries.len() as u16).to_le_bytes());
    bytes.extend((directory.len() as u32).to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

/// A directory with an archive in it and nothing else, to see whether anything appears elsewhere.
pub(crate) struct Stage {
    pub(crate) directory: tempfile::TempDir,
}

impl Stage {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("archive"), bytes).unwrap();
        std::fs::create_dir(directory.path().join("inner")).unwrap();
        Self { directory }
    }

    pub(crate) fn archive(&self) -> PathBuf {
        self.directory.path().join("archive")
    }

    pub(crate) fn dest(&self) -> PathBuf {
        self.directory.path().join("inner").join("dest")
    }

    pub(crate) fn read(&self, rules: Rules) -> Result<BTreeMap<String, String>, ArchiveError> {
        list(&self.archive(), rules)
    }

    pub(crate) fn unpack(&self, rules: Rules) -> Result<lp_package::Unpacked, UnpackError> {
        unpack(&self.archive(), &self.dest(), rules, |_| ControlFlow::Continue(()))
    }

    /// What lies around: only the archive and the directory for the destination.
    pub(crate) fn assert_nothing_else(&self) {
        let outer: Vec<String> = walk(self.directory.path()).into_keys().collect();
        assert_eq!(outer, ["archive", "inner"]);
    }
}

/// Reads an archive and refuses it the same way by reading and by unpacking, with nothing left anywhere.
pub(crate) fn refused(bytes: &[u8], rules: Rules) -> ArchiveError {
    let stage = Stage::new(bytes);
    let read = stage.read(rules).expect_err("reading must refuse");
    let unpacked = stage.unpack(rules).expect_err("unpacking must refuse");
    match unpacked {
        UnpackError::Archive(error) => assert_eq!(format!("{error:?}"), format!("{read:?}")),
        other => panic!("refused to unpack for another reason: {other:?}"),
    }
    stage.assert_nothing_else();
    assert!(read.is_refusal());
    assert!(!read.to_string().is_empty() && read.hint().is_some());
    read
}

/// What the reader lists: path to a short description.
pub(crate) fn list(archive: &Path, rules: Rules) -> Result<BTreeMap<String, String>, ArchiveError> {
    let mut listed = BTreeMap::new();
    let contents = Archive::open(archive, rules)?.visit(|entry| {
        let content = entry.read_small(1 << 30)?;
        let path = entry.path().clone();
        let mut parent = path.as_path().parent();
        while let Some(above) = parent.filter(|above| !above.as_os_str().is_empty()) {
            listed.entry(above.to_str().unwrap().to_owned()).or_insert_with(|| "dir".to_owned());
            parent = above.parent();
        }
        let description = match entry.kind() {
            EntryKind::File { size, executable } => {
                assert_eq!(*size, content.len() as u64);
                describe_file(&content, *executable)
            }
            EntryKind::Dir => "dir".to_owned(),
            EntryKind::Symlink { target } => format!("link {target}"),
            EntryKind::Hardlink { target } => listed[target.as_str()].clone(),
        };
        listed.insert(path.as_str().to_owned(), description);
        Ok::<(), ArchiveError>(())
    })?;
    assert_eq!(contents.tree.len(), listed.len());
    Ok(listed)
}

/// What lies on disk, described like the reader's list.
pub(crate) fn walk(directory: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut todo = vec![directory.to_owned()];
    while let Some(at) = todo.pop() {
        for entry in std::fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let description = if metadata.is_symlink() {
                format!("link {}", std::fs::read_link(&path).unwrap().display())
            } else if metadata.is_dir() {
                todo.push(path.clone());
                assert!(metadata.permissions().mode() & 0o7000 == 0);
                "dir".to_owned()
            } else {
                let mode = metadata.permissions().mode() & 0o7777;
                assert!(mode == 0o644 || mode == 0o755, "{mode:o}");
                describe_file(&std::fs::read(&path).unwrap(), mode == 0o755)
            };
            found.insert(path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned(), description);
        }
    }
    found
}

fn describe_file(content: &[u8], executable: bool) -> String {
    let kind = if executable { "program" } else { "file" };
    format!("{kind} {} {}", content.len(), lp_package::Digest::of(content))
}
