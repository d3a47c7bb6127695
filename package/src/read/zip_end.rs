//! The end of a zip, checked before the `zip` crate sees it.
//!
//! A zip is found from its end, and readers differ in how they search for that end: text in a comment can look like one,
//! and data may stand before or behind. Here it has to be unambiguous: one end record, ending exactly where the file
//! ends; the central directory directly before it, as long as it says and with as many entries as it says. This also
//! bounds the number of entries and the memory for records before anything is allocated for them.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead, Read, Seek, SeekFrom};

use crate::error::ArchiveError;
use crate::format::read_full;
use crate::limits::Limits;
use crate::path::shown;

const END_MAGIC: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const MAX_COMMENT_BYTES: usize = 0xffff;
const LOCATOR64_MAGIC: &[u8] = b"PK\x06\x07";
const LOCATOR64_BYTES: u64 = 20;
const END64_MAGIC: &[u8] = b"PK\x06\x06";
const END64_BYTES: u64 = 56;
const HEADER_MAGIC: &[u8] = b"PK\x01\x02";
const HEADER_BYTES: usize = 46;

/// Where the central directory lies and what it holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) entries: u64,
}

/// Finds the central directory and checks that it is the only one there can be.
pub(super) fn find(file: &mut (impl BufRead + Seek), limits: &Limits) -> Result<Directory, ArchiveError> {
    let (end_at, record) = find_end(file)?;
    let directory = read_end64(file, end_at)?.map_or_else(|| read_end(&record, end_at), Ok)?;
    let limit = limits.max_entries.min(limits.max_zip_entries);
    if directory.entries > u64::from(limit) {
        return Err(ArchiveError::TooManyEntries { limit });
    }
    walk(file, &directory)?;
    Ok(directory)
}

fn find_end(file: &mut (impl Read + Seek)) -> Result<(u64, Vec<u8>), ArchiveError> {
    let length = file.seek(SeekFrom::End(0)).map_err(io_error)?;
    let tail_at = length.saturating_sub((END_BYTES + MAX_COMMENT_BYTES) as u64);
    let tail = read_at(file, tail_at, (length - tail_at) as usize)?;
    let found = tail.windows(END_MAGIC.len()).rposition(|window| window == END_MAGIC);
    let found = found.ok_or_else(|| bad("its end is missing"))?;
    let record = tail[found..].to_vec();
    if record.len() < END_BYTES {
        return Err(bad("its end is cut off"));
    }
    match (record.len() - END_BYTES).cmp(&usize::from(le16(&record, 20))) {
        std::cmp::Ordering::Equal => Ok((tail_at + found as u64, record)),
        std::cmp::Ordering::Less => Err(bad("its end is cut off")),
        std::cmp::Ordering::Greater => Err(ArchiveError::TrailingGarbage),
    }
}

fn read_end(record: &[u8], end_at: u64) -> Result<Directory, ArchiveError> {
    let entries = u64::from(le16(record, 10));
    if le16(record, 4) != 0 || le16(record, 6) != 0 || u64::from(le16(record, 8)) != entries {
        return Err(bad("it is a part of a split zip"));
    }
    directory(u64::from(le32(record, 16)), u64::from(le32(record, 12)), entries, end_at)
}

/// Reads the zip64 end, if there is one. The vendor data it could carry are not accepted: a reader would have to hold
/// them in memory, and nobody uses them.
fn read_end64(file: &mut (impl Read + Seek), end_at: u64) -> Result<Option<Directory>, ArchiveError> {
    let Some(locator_at) = end_at.checked_sub(LOCATOR64_BYTES) else { return Ok(None) };
    let locator = read_at(file, locator_at, LOCATOR64_BYTES as usize)?;
    if !locator.starts_with(LOCATOR64_MAGIC) {
        return Ok(None);
    }
    let wrong = || bad("its zip64 end is not where it should be");
    let end64_at = locator_at.checked_sub(END64_BYTES).ok_or_else(wrong)?;
    let record = read_at(file, end64_at, END64_BYTES as usize)?;
    if le64(&locator, 8) != end64_at
        || !record.starts_with(END64_MAGIC)
        || le64(&record, 4) != END64_BYTES - 12
    {
        return Err(wrong());
    }
    let entries = le64(&record, 32);
    if le32(&record, 16) != 0 || le32(&record, 20) != 0 || le64(&record, 24) != entries {
        return Err(bad("it is a part of a split zip"));
    }
    directory(le64(&record, 48), le64(&record, 40), entries, end64_at).map(Some)
}

fn directory(start: u64, bytes: u64, entries: u64, end: u64) -> Result<Directory, ArchiveError> {
    match start.checked_add(bytes) {
        Some(sum) if sum == end => Ok(Directory { start, end, entries }),
        _ => Err(bad("its directory is not directly before its end")),
    }
}

/// Walks over the central directory, counts, and refuses a name that comes twice: the crate keeps the last of them, other
/// tools the first. 128-bit hashes under random keys stand for the names, which could be 64 KiB each.
fn walk(file: &mut (impl BufRead + Seek), directory: &Directory) -> Result<(), ArchiveError> {
    file.seek(SeekFrom::Start(directory.start)).map_err(io_error)?;
    let mut at = directory.start;
    let mut entries = 0_u64;
    let mut seen = HashSet::new();
    let keys = (RandomState::new(), RandomState::new());
    while at < directory.end {
        let mut header = [0; HEADER_BYTES];
        let filled = read_full(file, &mut header).map_err(io_error)?;
        if filled < HEADER_BYTES || !header.starts_with(HEADER_MAGIC) {
            return Err(bad("its directory is damaged"));
        }
        let mut name = vec![0; usize::from(le16(&header, 28))];
        file.read_exact(&mut name).map_err(io_error)?;
        if !seen.insert((keys.0.hash_one(&name), keys.1.hash_one(&name))) {
            return Err(ArchiveError::Duplicate { entry: shown(&name) });
        }
        let rest = u64::from(le16(&header, 30)) + u64::from(le16(&header, 32));
        let skipped = std::io::copy(&mut file.by_ref().take(rest), &mut std::io::sink()).map_err(io_error)?;
        at += HEADER_BYTES as u64 + name.len() as u64 + skipped;
        entries += 1;
    }
    if at != directory.end || entries != directory.entries {
        return Err(bad("its directory has more or fewer entries than it says"));
    }
    Ok(())
}

fn read_at(file: &mut (impl Read + Seek), at: u64, count: usize) -> Result<Vec<u8>, ArchiveError> {
    file.seek(SeekFrom::Start(at)).map_err(io_error)?;
    let mut data = vec![0; count];
    file.read_exact(&mut data).map_err(io_error)?;
    Ok(data)
}

fn io_error(error: std::io::Error) -> ArchiveError {
    ArchiveError::from_read(error, "the directory of the zip")
}

fn bad(reason: &str) -> ArchiveError {
    ArchiveError::BadZip { reason: reason.to_owned() }
}

fn le16(data: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([data[at], data[at + 1]])
}

fn le32(data: &[u8], at: usize) -> u32 {
    u32::from(le16(data, at)) | u32::from(le16(data, at + 2)) << 16
}

fn le64(data: &[u8], at: usize) -> u64 {
    u64::from(le32(data, at)) | u64::from(le32(data, at + 4)) << 32
}
