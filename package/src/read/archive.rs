//! Opening an archive and walking through it, whatever its format.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::error::ArchiveError;
use crate::format::Format;
use crate::limits::Rules;
use crate::tree::Tree;

use super::gate::Gate;
use super::meter::{CountingReader, MeteredReader};
use super::{Entry, tar, zip};

/// 128 KiB between the file and the decompressor: few system calls, and small beside the decompressor's own window.
const FILE_BUFFER_BYTES: usize = 128 << 10;

/// Zstd frames may ask for a window this large at most: 2^25 = 32 MiB, what `zstd -20` uses. A frame header alone could
/// otherwise make us allocate 2 GiB; RFC 8878 only asks readers for 8 MiB.
const ZSTD_WINDOW_LOG: u32 = 25;

/// An archive that is about to be read.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: File,
    format: Format,
    rules: Rules,
}

/// What a complete and flawless archive holds.
#[derive(Debug)]
pub struct Contents {
    pub format: Format,
    /// Entries shown to the visitor.
    pub entries: u64,
    /// Bytes of all files together.
    pub content_bytes: u64,
    pub tree: Tree,
}

impl Archive {
    /// Opens an archive and recognises its format by its content.
    ///
    /// # Errors
    /// `Io` and `UnknownFormat`.
    pub fn open(path: &Path, rules: Rules) -> Result<Self, ArchiveError> {
        let (format, file) = Format::open_file(path)?;
        Ok(Self { path: path.to_owned(), file, format, rules })
    }

    pub fn format(&self) -> Format {
        self.format
    }

    /// Shows every entry to `visitor` and returns what the archive holds.
    ///
    /// A visitor must take back what it did when `visit` fails: entries are shown before the end is known to be good.
    ///
    /// # Errors
    /// Any [`ArchiveError`], and whatever the visitor returns.
    pub fn visit<E: From<ArchiveError>>(
        self,
        mut visitor: impl FnMut(&mut Entry<'_>) -> Result<(), E>,
    ) -> Result<Contents, E> {
        let Self { path, file, format, rules } = self;
        let io_error = |source| ArchiveError::Io { path: path.clone(), source };
        let mut gate = Gate::new(rules);
        let visited = match format {
            Format::Zip => zip::visit(file, &mut gate, &mut visitor),
            Format::Tar | Format::TarGz | Format::TarZst => {
                let compressed = CountingReader::new(file);
                let taken = compressed.taken();
                let buffered = BufReader::with_capacity(FILE_BUFFER_BYTES, compressed);
                let plain = decoder(format, buffered).map_err(io_error)?;
                tar::visit(MeteredReader::new(plain, taken, rules.limits), &mut gate, &mut visitor)
            }
        };
        visited?;
        Ok(gate.finish(format)?)
    }
}

fn decoder<'a>(format: Format, file: impl std::io::BufRead + 'a) -> std::io::Result<Box<dyn Read + 'a>> {
    Ok(match format {
        Format::TarGz => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Format::TarZst => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(file)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
        Format::Tar | Format::Zip => Box::new(file),
    })
}
