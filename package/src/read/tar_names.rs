//! Tar's extension headers: GNU long names and PAX records.
//!
//! They stand before the entry they describe. Only names are taken from them; a PAX size must repeat the header's, and a
//! mixture of both kinds, a repetition or a global name is refused, because tools resolve each of these differently
//! (the smuggling of entries in tokio-tar and others began there).

use std::io::Read;

use tar::{EntryType, Header};

use crate::error::ArchiveError;
use crate::format::read_full;
use crate::limits::{Limits, Rules};
use crate::path::shown;

/// What extension headers said about the next entry.
#[derive(Debug, Default)]
pub(super) struct Names {
    gnu_path: Option<Vec<u8>>,
    gnu_target: Option<Vec<u8>>,
    pax: Option<Pax>,
}

#[derive(Debug, Default)]
struct Pax {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
}

/// The names of an entry as bytes, not yet checked.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) path: Vec<u8>,
    pub(super) target: Option<Vec<u8>>,
}

impl Names {
    pub(super) fn is_pending(&self) -> bool {
        self.gnu_path.is_some() || self.gnu_target.is_some() || self.pax.is_some()
    }

    /// Reads the header's content if it is an extension header, and returns whether it was one.
    pub(super) fn take_extension(
        &mut self,
        header: &Header,
        size: u64,
        stream: &mut dyn Read,
        rules: &Rules,
    ) -> Result<bool, ArchiveError> {
        let twice = || bad(header, "an entry has two extended headers of one kind");
        match header.entry_type() {
            EntryType::GNULongName => {
                let name = read_long_name(header, size, stream, &rules.limits)?;
                self.gnu_path.replace(name).map_or(Ok(()), |_| Err(twice()))?;
            }
            EntryType::GNULongLink => {
                let name = read_long_name(header, size, stream, &rules.limits)?;
                self.gnu_target.replace(name).map_or(Ok(()), |_| Err(twice()))?;
            }
            EntryType::XHeader => {
                let pax = parse_pax(header, &read_metadata(header, size, stream, &rules.limits)?)?;
                self.pax.replace(pax).map_or(Ok(()), |_| Err(twice()))?;
            }
            EntryType::XGlobalHeader => {
                let pax = parse_pax(header, &read_metadata(header, size, stream, &rules.limits)?)?;
                if pax.path.is_some() || pax.target.is_some() || pax.size.is_some() {
                    return Err(bad(header, "a global header gives all entries one name or size"));
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns the names of the entry with this header.
    pub(super) fn apply(self, header: &Header, size: u64) -> Result<Named, ArchiveError> {
        let Self { gnu_path, gnu_target, pax } = self;
        if pax.is_some() && (gnu_path.is_some() || gnu_target.is_some()) {
            return Err(bad(header, "an entry has extended headers of two kinds"));
        }
        let Pax { path, target, size: stated } = pax.unwrap_or_default();
        let path = path.or(gnu_path).unwrap_or_else(|| header.path_bytes().into_owned());
        if let Some(stated) = stated.filter(|&stated| stated != size) {
            return Err(ArchiveError::SizeConflict { entry: shown(&path), stated, found: size });
        }
        let target = target.or(gnu_target).or_else(|| header.link_name_bytes().map(|name| name.into_owned()));
        Ok(Named { path, target })
    }
}

fn bad(header: &Header, reason: &'static str) -> ArchiveError {
    ArchiveError::BadHeader { after: shown(&header.path_bytes()), reason }
}

fn read_metadata(
    header: &Header,
    size: u64,
    stream: &mut dyn Read,
    limits: &Limits,
) -> Result<Vec<u8>, ArchiveError> {
    let entry = shown(&header.path_bytes());
    if size > limits.max_metadata_bytes {
        return Err(ArchiveError::MetadataTooBig { entry, limit: limits.max_metadata_bytes });
    }
    let mut data = vec![0; size as usize];
    let filled = read_full(stream, &mut data).map_err(|error| ArchiveError::from_read(error, &entry))?;
    if filled < data.len() { Err(ArchiveError::Truncated { after: entry }) } else { Ok(data) }
}

/// A GNU long name ends with one NUL; more text behind it would be seen by some tools and not by others.
fn read_long_name(
    header: &Header,
    size: u64,
    stream: &mut dyn Read,
    limits: &Limits,
) -> Result<Vec<u8>, ArchiveError> {
    let mut name = read_metadata(header, size, stream, limits)?;
    if name.last() == Some(&0) {
        name.pop();
    }
    Ok(name)
}

/// Parses PAX records, `LENGTH KEY=VALUE\n`, the length counting the whole record (POSIX pax(1), "pax Header Block").
fn parse_pax(header: &Header, mut data: &[u8]) -> Result<Pax, ArchiveError> {
    let malformed = || bad(header, "its PAX records are malformed");
    let mut pax = Pax::default();
    while !data.is_empty() {
        let space = data.iter().take(20).position(|&byte| byte == b' ').ok_or_else(malformed)?;
        let length =
            parse_decimal(&data[..space]).and_then(|n| usize::try_from(n).ok()).ok_or_else(malformed)?;
        let record = data.get(space + 1..length).ok_or_else(malformed)?;
        let record = record.strip_suffix(b"\n").ok_or_else(malformed)?;
        let equals = record.iter().position(|&byte| byte == b'=').ok_or_else(malformed)?;
        pax.take_record(header, &record[..equals], &record[equals + 1..])?;
        data = &data[length..];
    }
    Ok(pax)
}

impl Pax {
    fn take_record(&mut self, header: &Header, key: &[u8], value: &[u8]) -> Result<(), ArchiveError> {
        let was_there = match key {
            b"path" => self.path.replace(value.to_owned()).is_some(),
            b"linkpath" => self.target.replace(value.to_owned()).is_some(),
            b"size" => {
                let size = parse_decimal(value).ok_or_else(|| bad(header, "its PAX size is no number"))?;
                self.size.replace(size).is_some()
            }
            _ if key.starts_with(b"GNU.sparse") => {
                return Err(ArchiveError::Sparse { entry: shown(&header.path_bytes()) });
            }
            _ => false, // owners, times, attributes, comments: not part of a package
        };
        if was_there { Err(bad(header, "its PAX records name one thing twice")) } else { Ok(()) }
    }
}

fn parse_decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(data: &[u8]) -> Result<Pax, ArchiveError> {
        parse_pax(&Header::new_ustar(), data)
    }

    #[test]
    fn records_are_taken_by_their_length() {
        let pax = parse(b"12 path=a/b\n20 mtime=1.25=x\nzzz\n13 size=1234\n").unwrap();

        assert_eq!(pax.path.as_deref(), Some(&b"a/b"[..]));
        assert_eq!(pax.size, Some(1234));
        assert_eq!(parse(b"12 path=a\nb\n").unwrap().path.as_deref(), Some(&b"a\nb"[..]));
    }

    #[test]
    fn malformed_records_are_refused() {
        let table: [&[u8]; 12] = [
            b"12 path=a/b",
            b"13 path=a/b\n",
            b"11 path=a/b\n",
            b"path=a/b\n",
            b"0 \n",
            b"2 \n",
            b"99999999999999999999999 path=a\n",
            b"18446744073709551615 path=a\n",
            b"-12 path=a/b\n",
            b"10 pathabc\n",
            b"9 size=x\n",
            b"9 path=a\n9 path=b\n",
        ];
        for data in table {
            assert!(matches!(parse(data), Err(ArchiveError::BadHeader { .. })), "{:?}", shown(data));
        }
    }
}
