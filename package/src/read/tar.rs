//! The tar side of the reader: blocks in, claims out.
//!
//! Headers are read with the `tar` crate's types, but the walk over the blocks is ours: the crate's iterator accepts an
//! archive without an end, ignores what follows the end, takes base-256 and overriding PAX sizes, and loads extension
//! headers of any size into memory. In each of these tools differ, and what tools see differently cannot be checked
//! once for all. So: one size, in octal, stated the same everywhere; two zero blocks at the end and only zeros behind.

use std::io::{self, Read};

use tar::{EntryType, Header};

use crate::error::ArchiveError;
use crate::format::{parse_octal, read_full, tar_checksum_holds};
use crate::path::shown;

use super::Entry;
use super::gate::{Claim, Gate};
use super::tar_names::Names;

const BLOCK_BYTES: usize = 512;

pub(super) fn visit<E: From<ArchiveError>>(
    mut stream: impl Read,
    gate: &mut Gate,
    visitor: &mut dyn FnMut(&mut Entry<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut last = "the beginning".to_owned();
    let mut names = Names::default();
    while let Some(header) = next_header(&mut stream, &last)? {
        gate.count_header()?;
        let size = number(&header.as_old().size, &header)?;
        if names.take_extension(&header, size, &mut stream, gate.rules())? {
            skip_padding(&mut stream, size, &last)?;
            continue;
        }
        let named = std::mem::take(&mut names).apply(&header, size)?;
        last = shown(&named.path);
        let claim = claim(&header, size, &named.path, named.target.as_deref())?;
        let mut content = Content { stream: &mut stream, left: size };
        if let Some((path, kind)) = gate.admit(&named.path, &claim)? {
            visitor(&mut Entry::new(path, kind, &mut content))?;
        }
        content.drain().map_err(|error| ArchiveError::from_read(error, &last))?;
        skip_padding(&mut stream, size, &last)?;
    }
    if names.is_pending() {
        return Err(
            ArchiveError::BadHeader { after: last, reason: "an extended header describes no entry" }.into()
        );
    }
    Ok(())
}

/// Reads one header. `None` is the proper end: two zero blocks and nothing but zeros after them.
fn next_header(stream: &mut dyn Read, last: &str) -> Result<Option<Header>, ArchiveError> {
    let mut header = Header::new_old();
    read_block(stream, header.as_mut_bytes(), last)?;
    if header.as_bytes().iter().all(|&byte| byte == 0) {
        read_end(stream, last)?;
        return Ok(None);
    }
    if !tar_checksum_holds(header.as_bytes()) {
        return Err(ArchiveError::BadHeader { after: last.to_owned(), reason: "its checksum is wrong" });
    }
    Ok(Some(header))
}

fn read_end(stream: &mut dyn Read, last: &str) -> Result<(), ArchiveError> {
    let mut block = [0; BLOCK_BYTES];
    read_block(stream, &mut block, last)?;
    let mut buffer = vec![0; 16 * BLOCK_BYTES];
    let mut filled = BLOCK_BYTES;
    buffer[..filled].copy_from_slice(&block);
    while filled > 0 {
        if buffer[..filled].iter().any(|&byte| byte != 0) {
            return Err(ArchiveError::TrailingGarbage);
        }
        filled = read_full(stream, &mut buffer).map_err(|error| ArchiveError::from_read(error, "the end"))?;
    }
    Ok(())
}

fn read_block(stream: &mut dyn Read, block: &mut [u8; BLOCK_BYTES], last: &str) -> Result<(), ArchiveError> {
    let filled = read_full(stream, block).map_err(|error| ArchiveError::from_read(error, last))?;
    if filled < BLOCK_BYTES { Err(ArchiveError::Truncated { after: last.to_owned() }) } else { Ok(()) }
}

fn skip_padding(stream: &mut dyn Read, size: u64, last: &str) -> Result<(), ArchiveError> {
    let mut block = [0; BLOCK_BYTES];
    let padding = (size.next_multiple_of(BLOCK_BYTES as u64) - size) as usize;
    let filled =
        read_full(stream, &mut block[..padding]).map_err(|error| ArchiveError::from_read(error, last))?;
    if filled < padding { Err(ArchiveError::Truncated { after: last.to_owned() }) } else { Ok(()) }
}

fn number(field: &[u8], header: &Header) -> Result<u64, ArchiveError> {
    parse_octal(field).ok_or_else(|| ArchiveError::BadNumber { entry: shown(&header.path_bytes()) })
}

/// Says what an entry claims to be. Only files may have content: for links and directories some tools skip as many bytes
/// as the header says and others none.
fn claim<'a>(
    header: &Header,
    size: u64,
    name: &[u8],
    target: Option<&'a [u8]>,
) -> Result<Claim<'a>, ArchiveError> {
    let entry = || shown(name);
    let contradiction = |reason| ArchiveError::Contradiction { entry: entry(), reason };
    let special = |kind| ArchiveError::SpecialFile { entry: entry(), kind };
    let claim = match header.entry_type() {
        // tar before POSIX had no type for directories and wrote a slash instead
        EntryType::Regular if name.ends_with(b"/") => Claim::Dir,
        EntryType::Regular | EntryType::Continuous => {
            let executable = number(&header.as_old().mode, header)? & 0o111 != 0;
            Claim::File { size, executable }
        }
        EntryType::Directory => Claim::Dir,
        EntryType::Symlink => Claim::Symlink { target: target.unwrap_or_default() },
        EntryType::Link => Claim::Hardlink { target: target.unwrap_or_default() },
        EntryType::Char => return Err(special("character device")),
        EntryType::Block => return Err(special("block device")),
        EntryType::Fifo => return Err(special("FIFO")),
        EntryType::GNUSparse => return Err(ArchiveError::Sparse { entry: entry() }),
        other => {
            let type_byte = char::from(other.as_byte());
            return Err(ArchiveError::UnsupportedType { entry: entry(), type_byte });
        }
    };
    match claim {
        Claim::File { .. } if name.ends_with(b"/") => {
            Err(contradiction("it is a file with the name of a directory"))
        }
        Claim::File { .. } => Ok(claim),
        Claim::Dir | Claim::Symlink { .. } | Claim::Hardlink { .. } if size == 0 => Ok(claim),
        Claim::Dir | Claim::Symlink { .. } | Claim::Hardlink { .. } => {
            Err(contradiction("only files can have content"))
        }
    }
}

/// The content of one entry: exactly as many bytes as the header said, or an error.
struct Content<R> {
    stream: R,
    left: u64,
}

impl<R: Read> Content<R> {
    fn drain(mut self) -> io::Result<()> {
        io::copy(&mut self, &mut io::sink()).map(drop)
    }
}

impl<R: Read> Read for Content<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.stream.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}
