//! The zip side of the reader: directory entries in, claims out.
//!
//! The `zip` crate parses headers and decompresses; it is given a file whose end was checked before ([`super::zip_end`])
//! and is asked entry by entry. A first pass over the headers refuses what no content has to be read for: entries that
//! differ from their local headers, that are encrypted, that use other methods, that share bytes. The second pass reads,
//! and counts real bytes: what a header says about sizes only has to turn out true.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use zip::read::{ArchiveOffset, Config, ZipArchive, ZipArchiveMetadata, ZipFile, ZipFileEntry};
use zip::result::ZipError;
use zip::{CompressionMethod, HasZipMetadata as _};

use crate::error::ArchiveError;
use crate::path::shown;

use super::Entry;
use super::gate::{Claim, Gate};
use super::meter::Meter;
use super::zip_end::{self, Directory};
use super::zip_file::FileView;

const TYPE_BITS: u32 = 0o170_000;

/// Stands for an entry's name where there is none to tell.
const DIRECTORY: &str = "the directory of the zip";

type Reader = BufReader<FileView>;

pub(super) fn visit<E: From<ArchiveError>>(
    file: File,
    gate: &mut Gate,
    visitor: &mut dyn FnMut(&mut Entry<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let file = Rc::new(file);
    let mut own = Reader::new(FileView::new(Rc::clone(&file)));
    let directory = zip_end::find(&mut own, &gate.rules().limits)?;
    let mut archive = open(file, &directory)?;
    check_headers(&archive.metadata(), &mut own, &directory)?;
    archive.validate_header_consistency().map_err(|error| zip_error(error, DIRECTORY))?;
    let mut meter = Meter::new(gate.rules().limits);
    let mut taken = 0_u64;
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(|error| zip_error(error, DIRECTORY))?;
        taken = taken.saturating_add(file.compressed_size());
        let content = Content { stated: file.size(), file, count: 0, meter: &mut meter, taken };
        visit_entry(content, gate, visitor)?;
    }
    Ok(())
}

/// Lets the crate read the directory and makes sure that it is the one we checked.
fn open(file: Rc<File>, directory: &Directory) -> Result<ZipArchive<Reader>, ArchiveError> {
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let archive = ZipArchive::with_config(config, Reader::new(FileView::new(file)));
    let archive = archive.map_err(|error| zip_error(error, DIRECTORY))?;
    let is_same = archive.len() as u64 == directory.entries
        && (archive.is_empty() || archive.central_directory_start() == directory.start);
    if is_same {
        Ok(archive)
    } else {
        Err(ArchiveError::BadZip { reason: "its end can be read in two ways".to_owned() })
    }
}

/// The first pass: what headers alone can tell.
fn check_headers(
    archive: &ZipArchiveMetadata,
    reader: &mut Reader,
    directory: &Directory,
) -> Result<(), ArchiveError> {
    let mut ranges: Vec<(u64, u64, usize)> = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.entry(index).map_err(|error| zip_error(error, DIRECTORY))?;
        let name = shown(entry.name_raw());
        check_method(&entry, &name)?;
        let data_start = entry.get_metadata().data_start(reader).map_err(|error| zip_error(error, &name))?;
        match data_start.checked_add(entry.compressed_size()) {
            Some(end) if end <= directory.start => ranges.push((entry.header_start(), end, index)),
            _ => return Err(ArchiveError::Overlap { entry: name }),
        }
    }
    ranges.sort_unstable();
    let Some(pair) = ranges.windows(2).find(|pair| pair[0].1 > pair[1].0) else { return Ok(()) };
    let entry = archive.entry(pair[1].2).map_err(|error| zip_error(error, DIRECTORY))?;
    Err(ArchiveError::Overlap { entry: shown(entry.name_raw()) })
}

fn check_method(entry: &ZipFileEntry<'_>, name: &str) -> Result<(), ArchiveError> {
    if entry.encrypted() {
        return Err(ArchiveError::Encrypted { entry: name.to_owned() });
    }
    match entry.compression() {
        CompressionMethod::Stored | CompressionMethod::Deflated => Ok(()),
        other => {
            Err(ArchiveError::UnsupportedCompression { entry: name.to_owned(), method: method_name(other) })
        }
    }
}

/// Names the methods users meet (APPNOTE 4.4.5); the crate knows most of them only by number as we build it.
fn method_name(method: CompressionMethod) -> String {
    let known = [
        (CompressionMethod::IMPLODE, "implode"),
        (CompressionMethod::DEFLATE64, "deflate64"),
        (CompressionMethod::BZIP2, "bzip2"),
        (CompressionMethod::LZMA, "lzma"),
        (CompressionMethod::ZSTD_DEPRECATED, "zstd (old)"),
        (CompressionMethod::ZSTD, "zstd"),
        (CompressionMethod::XZ, "xz"),
        (CompressionMethod::PPMD, "ppmd"),
    ];
    let name = known.iter().find(|(known, _)| *known == method).map(|(_, name)| (*name).to_owned());
    name.unwrap_or_else(|| method.to_string())
}

fn visit_entry<E: From<ArchiveError>>(
    mut content: Content<'_>,
    gate: &mut Gate,
    visitor: &mut dyn FnMut(&mut Entry<'_>) -> Result<(), E>,
) -> Result<(), E> {
    gate.count_header()?;
    let name = content.file.name_raw().to_owned();
    let shown_name = shown(&name);
    let claimed = claimed(&content.file, &shown_name)?;
    let target = match claimed {
        Claimed::Symlink => read_target(&mut content, &shown_name, gate.rules().limits.max_path_bytes)?,
        Claimed::File { .. } | Claimed::Dir => Vec::new(),
    };
    let claim = match claimed {
        Claimed::File { executable } => Claim::File { size: content.stated, executable },
        Claimed::Dir => Claim::Dir,
        Claimed::Symlink => Claim::Symlink { target: &target },
    };
    if let Some((path, kind)) = gate.admit(&name, &claim)? {
        visitor(&mut Entry::new(path, kind, &mut content))?;
    }
    let drained = io::copy(&mut content, &mut io::sink());
    drained.map_err(|error| ArchiveError::from_read(error, &shown_name))?;
    Ok(())
}

enum Claimed {
    File { executable: bool },
    Dir,
    Symlink,
}

/// Combines what the mode and what the name say. Only one of them may be silent.
fn claimed(file: &ZipFile<'_, Reader>, entry: &str) -> Result<Claimed, ArchiveError> {
    let mode = file.unix_mode().unwrap_or(0);
    let has_slash = file.name_raw().ends_with(b"/");
    let special = |kind| Err(ArchiveError::SpecialFile { entry: entry.to_owned(), kind });
    let contradiction = |reason| Err(ArchiveError::Contradiction { entry: entry.to_owned(), reason });
    match mode & TYPE_BITS {
        0o040_000 if file.size() > 0 => contradiction("only files can have content"),
        0 | 0o100_000 if has_slash && file.size() > 0 => {
            contradiction("it is a file with the name of a directory")
        }
        0o120_000 if has_slash => contradiction("it is a link with the name of a directory"),
        0o040_000 => Ok(Claimed::Dir),
        0 | 0o100_000 if has_slash => Ok(Claimed::Dir),
        0 | 0o100_000 => Ok(Claimed::File { executable: mode & 0o111 != 0 }),
        0o120_000 => Ok(Claimed::Symlink),
        0o020_000 => special("character device"),
        0o060_000 => special("block device"),
        0o010_000 => special("FIFO"),
        0o140_000 => special("socket"),
        _ => contradiction("its mode is that of no file"),
    }
}

/// A zip stores the target of a link as its content.
fn read_target(content: &mut Content<'_>, entry: &str, limit: usize) -> Result<Vec<u8>, ArchiveError> {
    let mut target = Vec::new();
    let read = content.take(limit as u64 + 1).read_to_end(&mut target);
    read.map_err(|error| ArchiveError::from_read(error, entry))?;
    Ok(target)
}

/// The content of one entry: exactly as many bytes as the header said, or an error. The crate stops at more, this at less.
struct Content<'a> {
    file: ZipFile<'a, Reader>,
    stated: u64,
    count: u64,
    meter: &'a mut Meter,
    taken: u64,
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.count += count as u64;
        self.meter.count(count, self.taken).map_err(ArchiveError::into_io)?;
        if count == 0 && !buffer.is_empty() && self.count != self.stated {
            let (entry, stated, found) = (shown(self.file.name_raw()), self.stated, self.count);
            return Err(ArchiveError::SizeConflict { entry, stated, found }.into_io());
        }
        Ok(count)
    }
}

fn zip_error(error: ZipError, entry: &str) -> ArchiveError {
    match error {
        ZipError::Io(error) => ArchiveError::from_read(error, entry),
        ZipError::CompressionMethodNotSupported(method) => {
            ArchiveError::UnsupportedCompression { entry: entry.to_owned(), method: method.to_string() }
        }
        other => ArchiveError::BadZip { reason: other.to_string() },
    }
}
