//! The bytes of a package.
//!
//! Every field that could differ between machines is fixed: order by name, times and owners 0, modes 0644 and 0755, no
//! names of users, no time and an unknown operating system in the gzip header, one compression level, pieces of one size.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use crate::format::Format;
use crate::read::EntryKind;

use super::PackError;
use super::collect::{Collected, Item};

/// zlib's default: level 9 takes twice the time for about one percent.
const GZIP_LEVEL: u32 = 6;
/// RFC 1952: 255 is "unknown".
const GZIP_UNKNOWN_SYSTEM: u8 = 255;
/// zstd's default.
const ZSTD_LEVEL: i32 = 3;
/// Compressors see pieces of this size only: what they write may depend on how their input was cut.
const PIECE_BYTES: usize = 64 << 10;

/// How much was written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Written {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

pub(super) fn write<W: Write>(
    dir: &Path,
    root: &str,
    collected: &Collected,
    format: Format,
    writer: W,
) -> Result<(W, Written), PackError> {
    debug_assert!(collected.items.first().is_some_and(|item| item.name == root));
    let write_error = |source| PackError::Write { source };
    match format {
        Format::TarGz => {
            let builder = GzBuilder::new().mtime(0).operating_system(GZIP_UNKNOWN_SYSTEM);
            let mut pieces = Pieces::new(builder.write(writer, Compression::new(GZIP_LEVEL)));
            let written = write_tar(dir, collected, &mut pieces)?;
            let writer = pieces.finish().and_then(flate2::write::GzEncoder::finish).map_err(write_error)?;
            Ok((writer, written))
        }
        Format::TarZst => {
            let mut encoder = zstd::stream::write::Encoder::new(writer, ZSTD_LEVEL).map_err(write_error)?;
            encoder.include_checksum(true).map_err(write_error)?;
            let mut pieces = Pieces::new(encoder);
            let written = write_tar(dir, collected, &mut pieces)?;
            let writer =
                pieces.finish().and_then(zstd::stream::write::Encoder::finish).map_err(write_error)?;
            Ok((writer, written))
        }
        Format::Tar | Format::Zip => Err(PackError::Format { format }),
    }
}

fn write_tar(dir: &Path, collected: &Collected, writer: &mut impl Write) -> Result<Written, PackError> {
    let mut builder = Builder::new(writer);
    let mut written = Written::default();
    for item in &collected.items {
        write_item(&mut builder, dir, item)?;
        if let EntryKind::File { size, .. } = item.kind {
            written.files += 1;
            written.bytes += size;
        }
    }
    builder.finish().map_err(|source| PackError::Write { source })?;
    Ok(written)
}

fn write_item(builder: &mut Builder<impl Write>, dir: &Path, item: &Item) -> Result<(), PackError> {
    let write_error = |source| PackError::Write { source };
    match &item.kind {
        EntryKind::Dir => {
            let mut header = header(EntryType::Directory, 0, 0o755);
            builder.append_data(&mut header, format!("{}/", item.name), io::empty()).map_err(write_error)
        }
        EntryKind::Symlink { target } => {
            let mut header = header(EntryType::Symlink, 0, 0o777);
            builder.append_link(&mut header, &item.name, target).map_err(write_error)
        }
        EntryKind::File { size, executable } => {
            let mode = if *executable { 0o755 } else { 0o644 };
            let mut header = header(EntryType::Regular, *size, mode);
            let path = dir.join(&item.path);
            let file = File::open(&path).map_err(|source| PackError::Read { path: path.clone(), source })?;
            let mut exact = Exact { file, left: *size, fault: None };
            let appended = builder.append_data(&mut header, &item.name, &mut exact);
            match exact.into_fault() {
                Some(Fault::Read(source)) => Err(PackError::Read { path, source }),
                Some(Fault::Changed) => Err(PackError::Changed { path }),
                None => appended.map_err(write_error),
            }
        }
        // the collector makes none: linked files are packed as the files they are
        EntryKind::Hardlink { .. } => Ok(()),
    }
}

fn header(kind: EntryType, size: u64, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

/// A file that must have exactly the size that was promised in its header.
struct Exact {
    file: File,
    left: u64,
    fault: Option<Fault>,
}

enum Fault {
    Read(io::Error),
    Changed,
}

impl Exact {
    /// Returns what went wrong with the file, growth included.
    fn into_fault(mut self) -> Option<Fault> {
        if self.fault.is_none() && self.left == 0 {
            match self.file.read(&mut [0]) {
                Ok(0) => {}
                Ok(_) => self.fault = Some(Fault::Changed),
                Err(error) => self.fault = Some(Fault::Read(error)),
            }
        }
        self.fault
    }
}

impl Read for Exact {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        match self.file.read(&mut buffer[..wanted]) {
            Ok(0) => {
                self.fault = Some(Fault::Changed);
                Err(io::ErrorKind::UnexpectedEof.into())
            }
            Ok(count) => {
                self.left -= count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let told = io::Error::from(error.kind());
                self.fault = Some(Fault::Read(error));
                Err(told)
            }
        }
    }
}

/// Hands on what is written in pieces of one size, however it came.
struct Pieces<W> {
    inner: W,
    piece: Vec<u8>,
}

impl<W: Write> Pieces<W> {
    fn new(inner: W) -> Self {
        Self { inner, piece: Vec::with_capacity(PIECE_BYTES) }
    }

    fn finish(mut self) -> io::Result<W> {
        self.inner.write_all(&self.piece)?;
        Ok(self.inner)
    }
}

impl<W: Write> Write for Pieces<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.len() == PIECE_BYTES {
            self.inner.write_all(&self.piece)?;
            self.piece.clear();
        }
        let count = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    /// Does nothing: a flush in the middle would show in the output.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
