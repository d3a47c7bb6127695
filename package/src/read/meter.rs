//! Counting what goes into a decompressor and what comes out, and stopping when it is too much.
//!
//! The limits are on real bytes as they appear; what headers state is never trusted. Refusals travel through decoders as
//! `io::Error`s and are taken out again by [`ArchiveError::from_read`].

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use crate::error::ArchiveError;
use crate::limits::Limits;

/// Counts the compressed bytes that were taken from the file.
pub(super) struct CountingReader<R> {
    inner: R,
    taken: Rc<Cell<u64>>,
}

impl<R: Read> CountingReader<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, taken: Rc::default() }
    }

    /// Returns the counter itself: the reader disappears into a decoder.
    pub(super) fn taken(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.taken)
    }
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.taken.set(self.taken.get() + count as u64);
        Ok(count)
    }
}

/// Bytes out so far, judged against the limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meter {
    limits: Limits,
    out: u64,
}

impl Meter {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, out: 0 }
    }

    /// Counts `count` bytes that came out of `taken` compressed bytes in total.
    pub(super) fn count(&mut self, count: usize, taken: u64) -> Result<(), ArchiveError> {
        self.out = self.out.saturating_add(count as u64);
        let Limits { max_unpacked_bytes, max_ratio, ratio_free_bytes, .. } = self.limits;
        if self.out > max_unpacked_bytes {
            return Err(ArchiveError::TooManyBytes { limit: max_unpacked_bytes });
        }
        if self.out > ratio_free_bytes && self.out > taken.saturating_mul(max_ratio) {
            return Err(ArchiveError::Ratio { limit: max_ratio });
        }
        Ok(())
    }
}

/// A decompressor's output under a [`Meter`].
pub(super) struct MeteredReader<R> {
    inner: R,
    taken: Rc<Cell<u64>>,
    meter: Meter,
}

impl<R: Read> MeteredReader<R> {
    pub(super) fn new(inner: R, taken: Rc<Cell<u64>>, limits: Limits) -> Self {
        Self { inner, taken, meter: Meter::new(limits) }
    }
}

impl<R: Read> Read for MeteredReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.meter.count(count, self.taken.get()).map_err(ArchiveError::into_io)?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_counts_only_beyond_the_free_bytes() {
        let limits =
            Limits { max_ratio: 10, ratio_free_bytes: 100, max_unpacked_bytes: 1000, ..Limits::default() };
        let mut meter = Meter::new(limits);

        assert!(meter.count(100, 1).is_ok());
        assert!(meter.count(1, 11).is_ok());
        assert!(matches!(meter.count(10, 11), Err(ArchiveError::Ratio { limit: 10 })));
        assert!(matches!(meter.count(900, 1000), Err(ArchiveError::TooManyBytes { limit: 1000 })));
    }
}
