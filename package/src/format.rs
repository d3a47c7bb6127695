//! Which kind of archive some bytes are.
//!
//! The content decides, never the file name: names come from users, and a `.zip` that is a tarball must mean the same to
//! the manager and to every node. Names are only read to say in an error what was expected, and written for downloads.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::ArchiveError;

/// Bytes needed to tell formats apart: one tar header.
pub const DETECT_BYTES: usize = 512;

/// An archive format we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Format {
    #[serde(rename = "tar.gz")]
    TarGz,
    #[serde(rename = "tar")]
    Tar,
    #[serde(rename = "tar.zst")]
    TarZst,
    #[serde(rename = "zip")]
    Zip,
}

impl Format {
    /// All formats, in the order in which they are told to users.
    pub const ALL: [Format; 4] = [Format::TarGz, Format::Zip, Format::TarZst, Format::Tar];

    /// Returns the ending of file names of this format, without the leading dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::TarGz => "tar.gz",
            Self::Tar => "tar",
            Self::TarZst => "tar.zst",
            Self::Zip => "zip",
        }
    }

    /// Returns the media type for downloads.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::TarGz => "application/gzip",
            Self::Tar => "application/x-tar",
            Self::TarZst => "application/zstd",
            Self::Zip => "application/zip",
        }
    }

    /// Returns the format a file name promises, or `None`. For messages and for choosing what to write only.
    pub fn promised_by_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let endings = [
            (".tar.gz", Self::TarGz),
            (".tgz", Self::TarGz),
            (".tar.zst", Self::TarZst),
            (".tar", Self::Tar),
            (".zip", Self::Zip),
        ];
        endings.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| format)
    }

    /// Returns the format of content that begins with `head` (at least [`DETECT_BYTES`] unless the content is shorter).
    pub fn detect(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::TarGz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::TarZst),
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            _ => is_tar(head).then_some(Self::Tar),
        }
    }

    /// Opens a file and returns its format, with the file at its beginning.
    ///
    /// # Errors
    /// `Io` when the file cannot be read; `UnknownFormat` when the content is none of [`Format::ALL`].
    pub fn open_file(path: &Path) -> Result<(Self, File), ArchiveError> {
        let io_error = |source| ArchiveError::Io { path: path.to_owned(), source };
        let mut head = Vec::with_capacity(DETECT_BYTES);
        let mut file = File::open(path).map_err(io_error)?;
        (&mut file).take(DETECT_BYTES as u64).read_to_end(&mut head).map_err(io_error)?;
        file.rewind().map_err(io_error)?;
        match Self::detect(&head) {
            Some(format) => Ok((format, file)),
            None => Err(ArchiveError::UnknownFormat {
                found: describe(&head),
                promised: path.file_name().and_then(|name| Self::promised_by_name(&name.to_string_lossy())),
            }),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

/// A tar header has no magic number in its oldest form, but always a checksum. Two blocks of zeros are an empty tar.
fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.get(..DETECT_BYTES) else { return false };
    block.iter().all(|&byte| byte == 0) || tar_checksum_holds(block)
}

/// Returns whether a 512-byte tar header carries the checksum POSIX prescribes: the sum of its bytes, the checksum field
/// itself taken as spaces.
pub(crate) fn tar_checksum_holds(block: &[u8]) -> bool {
    let (before, rest) = block.split_at(148);
    let (field, after) = rest.split_at(8);
    let sum: u64 = before.iter().chain(after).map(|&byte| u64::from(byte)).sum::<u64>() + 8 * 32;
    parse_octal(field) == Some(sum)
}

/// Parses a tar number: octal digits, padded with spaces before and spaces or NULs after; a blank field is 0.
///
/// Base-256 (high bit set) and anything else is `None`: tools disagree about them.
pub(crate) fn parse_octal(field: &[u8]) -> Option<u64> {
    let start = field.iter().position(|&byte| byte != b' ').unwrap_or(field.len());
    let digits = &field[start..];
    let end = digits.iter().position(|&byte| byte == b' ' || byte == 0).unwrap_or(digits.len());
    let (digits, padding) = digits.split_at(end);
    if padding.iter().any(|&byte| byte != b' ' && byte != 0) {
        return None;
    }
    let mut value: u64 = 0;
    for &digit in digits {
        let digit = (b'0'..=b'7').contains(&digit).then(|| u64::from(digit - b'0'))?;
        value = value.checked_mul(8)?.checked_add(digit)?;
    }
    Some(value)
}

fn describe(head: &[u8]) -> &'static str {
    match head {
        [] => "an empty file",
        [b'B', b'Z', b'h', ..] => "bzip2",
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => "xz",
        [b'7', b'z', 0xbc, 0xaf, ..] => "7-Zip",
        [b'R', b'a', b'r', b'!', ..] => "RAR",
        [b'P', b'K', 7, 8, ..] => "a part of a split zip",
        [b'#', b'!', ..] => "a script",
        [0x7f, b'E', b'L', b'F', ..] => "a program",
        [b'<', ..] => "a page of HTML or XML",
        [b'{' | b'[', ..] => "JSON",
        _ => "something else",
    }
}

/// Reads until `buffer` is full or the input ends and returns how much was read.
pub(crate) fn read_full(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_the_format() {
        assert_eq!(Format::detect(&[0x1f, 0x8b, 8, 0]), Some(Format::TarGz));
        assert_eq!(Format::detect(&[0x28, 0xb5, 0x2f, 0xfd]), Some(Format::TarZst));
        assert_eq!(Format::detect(b"PK\x03\x04rest"), Some(Format::Zip));
        assert_eq!(Format::detect(b"PK\x05\x06"), Some(Format::Zip));
        assert_eq!(Format::detect(&[0; 1024]), Some(Format::Tar));
        assert_eq!(Format::detect(tar::Header::new_gnu().as_bytes()), None, "no checksum yet");
        let mut header = tar::Header::new_old();
        header.set_cksum();
        assert_eq!(Format::detect(header.as_bytes()), Some(Format::Tar));
        assert_eq!(Format::detect(b""), None);
        assert_eq!(Format::detect(b"BZh9"), None);
    }

    #[test]
    fn names_only_promise() {
        let table = [
            ("a.tar.gz", Some(Format::TarGz)),
            ("A.TGZ", Some(Format::TarGz)),
            ("a.tar", Some(Format::Tar)),
            ("a.tar.zst", Some(Format::TarZst)),
            ("a.zip", Some(Format::Zip)),
            ("a.tar.bz2", None),
            ("zip", None),
        ];
        for (name, format) in table {
            assert_eq!(Format::promised_by_name(name), format, "{name}");
        }
        for format in Format::ALL {
            assert_eq!(Format::promised_by_name(&format!("x.{}", format.extension())), Some(format));
        }
    }

    #[test]
    fn numbers_are_octal_or_nothing() {
        let table: [(&[u8], Option<u64>); 9] = [
            (b"0000644\0", Some(0o644)),
            (b"   644 \0", Some(0o644)),
            (b"\0\0\0\0", Some(0)),
            (b"77777777777", Some(0o77777777777)),
            (b"-0000001\0", None),
            (b"0000008\0", None),
            (b"00\x0012\0", None),
            (b"\x80\0\0\0\0\0\0\x01", None),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", None),
        ];
        for (field, value) in table {
            assert_eq!(parse_octal(field), value, "{field:?}");
        }
    }
}
