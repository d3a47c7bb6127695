//! Reading an object, or a range of it, in chunks.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;

use bytes::Bytes;

use super::{Blobs, Error, Key};

/// 256 KiB per trip to a blocking thread: large enough for the disk, small enough that a thousand readers hold 256 MiB.
const CHUNK_BYTES: u64 = 256 << 10;

/// An object that is open: it can be read to its end even where it is deleted meanwhile.
#[derive(Debug)]
pub struct Blob {
    file: File,
    pub size_bytes: u64,
}

/// The bytes of a range, chunk by chunk.
#[derive(Debug)]
pub struct Chunks {
    file: Option<File>,
    range: Range<u64>,
}

impl Blobs {
    /// Opens an object for reading.
    ///
    /// # Errors
    /// `NotFound` where there is none of this name.
    pub async fn open_blob(&self, key: &Key) -> Result<Blob, Error> {
        let path = self.path_of(key);
        super::upload::blocking(move || {
            let file = File::open(path).map_err(Error::io("open a blob"))?;
            let size_bytes = file.metadata().map_err(Error::io("look at a blob"))?.len();
            Ok(Blob { file, size_bytes })
        })
        .await
    }
}

impl Blob {
    /// Reads a range, which is cut to what there is.
    pub fn chunks(self, range: Range<u64>) -> Chunks {
        let end = range.end.min(self.size_bytes);
        Chunks { file: Some(self.file), range: range.start.min(end)..end }
    }
}

impl Chunks {
    /// Returns the next bytes; None at the end of the range.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(mut file) = self.file.take() else { return Ok(None) };
        if self.range.is_empty() {
            return Ok(None);
        }
        let (start, wanted) = (self.range.start, (self.range.end - self.range.start).min(CHUNK_BYTES));
        let (file, bytes) = super::upload::blocking(move || {
            let mut bytes = vec![0; wanted as usize];
            file.seek(SeekFrom::Start(start)).map_err(Error::io("read a blob"))?;
            file.read_exact(&mut bytes).map_err(Error::io("read a blob"))?;
            Ok((file, bytes))
        })
        .await?;
        self.range.start += wanted;
        self.file = Some(file);
        Ok(Some(bytes.into()))
    }
}
