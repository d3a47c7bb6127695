//! A file that several readers can read at their own positions.
//!
//! A zip is read in two places at once, its directory and its entries. Duplicated file handles share one position; reading
//! at explicit positions (pread(2)) does not depend on who read last.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::rc::Rc;

#[derive(Debug)]
pub(super) struct FileView {
    file: Rc<File>,
    at: u64,
}

impl FileView {
    pub(super) fn new(file: Rc<File>) -> Self {
        Self { file, at: 0 }
    }
}

impl Read for FileView {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for FileView {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.file.metadata()?.len().checked_add_signed(by),
        };
        // offsets beyond i64 cannot be read at; they come from hostile headers
        let at = at.filter(|&at| i64::try_from(at).is_ok());
        self.at =
            at.ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "a position outside of the file"))?;
        Ok(self.at)
    }
}
