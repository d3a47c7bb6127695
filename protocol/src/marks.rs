//! When an output was how long: all that is known of the times of its lines.
//!
//! A program writes into a file of its own, and nobody stands between. What its node sees is how long the file is, every now and then: a
//! *mark* is a length and a moment at which it was just reached. What ends at or before the offset of a mark was written by then. Marks are
//! few and bounded: when there are too many, they are thinned to a coarser grain, so that an output of a month has marks too.
//!
//! The written form is a version, the grain and the differences from mark to mark, each as a variable number of bytes: four or
//! five bytes for a mark. It is the form in the node's files, in reports and in the database.

/// Most marks of one output, 8,192 (about 40 KB written): eight hours of steady output are then known to seven seconds, and most outputs to a tenth of one.
pub const MAX_MARKS: usize = 8192;

/// 100 ms from one mark to the next at the least: what people tell apart while they read.
pub const SAMPLE_MS: u64 = 100;

/// Largest written form.
pub const MAX_MARKS_BYTES: usize = 1 + MAX_VARINT_BYTES + MAX_MARKS * 2 * MAX_VARINT_BYTES;

const VERSION: u8 = 1;
const MAX_VARINT_BYTES: usize = 10;

/// At `at_ms` the output had just become `offset` bytes long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    pub offset: u64,
    /// Milliseconds since 1970, UTC.
    pub at_ms: u64,
}

/// The marks of one output: offsets grow, moments do not go back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// 0: every mark is kept. Otherwise the last one of each period of this length.
    grain_ms: u64,
    /// The differences between all marks but the last.
    settled: Vec<u8>,
    count: usize,
    /// The last one in `settled`.
    base: Mark,
    /// Still to be replaced by one of the same period.
    last: Option<Mark>,
}

/// What a new mark did to those that were there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Change {
    /// It said nothing new.
    None,
    /// What was settled still is; more may be.
    Grown,
    /// All of it was written anew.
    Rewritten,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no marks of an output")]
pub struct NotMarks;

impl Marks {
    /// Adds that the output is `offset` bytes long since `at_ms`. A moment before the last mark's counts as that one. An output that has become shorter
    /// was begun anew, and so are its marks.
    pub fn push(&mut self, offset: u64, at_ms: u64) -> Change {
        let Some(last) = self.last else {
            if offset == 0 {
                return Change::None;
            }
            self.last = Some(Mark { offset, at_ms });
            return Change::Grown;
        };
        if offset == last.offset {
            return Change::None;
        }
        if offset < last.offset {
            *self = Self::default();
            let _ = self.push(offset, at_ms);
            return Change::Rewritten;
        }
        let mark = Mark { offset, at_ms: at_ms.max(last.at_ms) };
        let is_same_period = self.grain_ms > 0 && self.period(last) == self.period(mark);
        if !is_same_period {
            self.settle(last);
        }
        self.last = Some(mark);
        if self.count + 1 > MAX_MARKS {
            self.thin();
            return Change::Rewritten;
        }
        Change::Grown
    }

    pub fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// True where [`Marks::encode_settled`] says nothing yet.
    pub fn is_unsettled(&self) -> bool {
        self.count == 0
    }

    pub fn last(&self) -> Option<Mark> {
        self.last
    }

    /// A byte was written at most about so many milliseconds before the moment of its mark.
    pub fn precision_ms(&self) -> u64 {
        SAMPLE_MS.saturating_add(self.grain_ms)
    }

    /// First to last.
    pub fn iter(&self) -> impl Iterator<Item = Mark> {
        let mut rest = self.settled.as_slice();
        let mut mark = Mark::default();
        let settled = std::iter::from_fn(move || {
            mark = next_after(mark, &mut rest)?;
            Some(mark)
        });
        settled.chain(self.last)
    }

    /// Keeps what is not before `at_ms`: what is older belongs to an earlier output.
    pub fn since(&self, at_ms: u64) -> Self {
        let mut kept = Self { grain_ms: self.grain_ms, ..Self::default() };
        self.iter().filter(|mark| mark.at_ms >= at_ms).for_each(|mark| kept.append(mark));
        kept
    }

    /// The written form.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.encode_settled();
        if let Some(last) = self.last {
            put_after(self.base, last, &mut bytes);
        }
        bytes
    }

    /// The written form without the last mark: only longer from one change to the next, until [`Change::Rewritten`].
    pub fn encode_settled(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(2 * MAX_VARINT_BYTES + self.settled.len());
        bytes.push(VERSION);
        put(self.grain_ms, &mut bytes);
        bytes.extend_from_slice(&self.settled);
        bytes
    }

    /// Reads the written form.
    ///
    /// # Errors
    /// It is damaged, unknown or too long.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotMarks> {
        let (marks, rest) = Self::read(bytes).ok_or(NotMarks)?;
        if rest.is_empty() { Ok(marks) } else { Err(NotMarks) }
    }

    /// Reads what is whole of a file that may have lost its end.
    pub fn salvage(bytes: &[u8]) -> Self {
        Self::read(bytes).map(|(marks, _)| marks).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (version, mut rest) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let mut marks = Self { grain_ms: take(&mut rest)?, ..Self::default() };
        let mut mark = Mark::default();
        while marks.len() < MAX_MARKS {
            let before = rest;
            match next_after(mark, &mut rest) {
                Some(next) if next.offset > mark.offset => mark = next,
                Some(_) | None => {
                    rest = before;
                    break;
                }
            }
            marks.append(mark);
        }
        Some((marks, rest))
    }

    fn len(&self) -> usize {
        self.count + usize::from(self.last.is_some())
    }

    fn append(&mut self, mark: Mark) {
        if let Some(last) = self.last.replace(mark) {
            self.settle(last);
        }
    }

    fn settle(&mut self, mark: Mark) {
        put_after(self.base, mark, &mut self.settled);
        self.base = mark;
        self.count += 1;
    }

    /// Doubles the grain until half of the marks are enough. Periods are of the clock, so those of a coarser grain are made of whole ones
    /// of the finer: however often it happens, a mark is never later than its period.
    fn thin(&mut self) {
        let mut marks: Vec<Mark> = self.iter().collect();
        while marks.len() > MAX_MARKS / 2 {
            self.grain_ms = self.grain_ms.saturating_mul(2).max(2 * SAMPLE_MS);
            let periods: Vec<u64> = marks.iter().map(|mark| self.period(*mark)).collect();
            let mut at = 0;
            marks.retain(|_| {
                at += 1;
                periods.get(at).is_none_or(|next| *next != periods[at - 1])
            });
        }
        let mut kept = Self { grain_ms: self.grain_ms, ..Self::default() };
        marks.into_iter().for_each(|mark| kept.append(mark));
        *self = kept;
    }

    fn period(&self, mark: Mark) -> u64 {
        mark.at_ms / self.grain_ms.max(1)
    }
}

fn put_after(base: Mark, mark: Mark, bytes: &mut Vec<u8>) {
    put(mark.offset.saturating_sub(base.offset), bytes);
    put(mark.at_ms.saturating_sub(base.at_ms), bytes);
}

fn next_after(base: Mark, rest: &mut &[u8]) -> Option<Mark> {
    let (offset, at_ms) = (take(rest)?, take(rest)?);
    Some(Mark { offset: base.offset.checked_add(offset)?, at_ms: base.at_ms.checked_add(at_ms)? })
}

/// Seven bits a byte, low ones first; the eighth says that more follow (LEB128).
fn put(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push((number as u8 & 0x7f) | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for place in 0..MAX_VARINT_BYTES {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        let part = u64::from(byte & 0x7f);
        let shifted = part << (7 * place);
        if shifted >> (7 * place) != part {
            return None;
        }
        number |= shifted;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests;
