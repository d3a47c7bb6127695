//! Whether one more upload may be opened, and which abandoned ones give way to it. Pure.

use std::time::{Duration, SystemTime};

use lp_protocol::UploadId;

use super::super::Error;
use super::disk::{Found, Listed};

/// Open at once. Each holds a file open, and a person or a script has one or two.
pub(super) const MAX_OPEN: usize = 64;

/// All that is announced together, in largest packages: with the standard limit 40 GiB.
const MAX_LARGEST: u64 = 4;

/// Nothing came for so long: it gives way to a new one that would not fit. Where all fit it keeps its day.
const GIVES_WAY: Duration = Duration::from_secs(3600);

/// Outcomes that are remembered for clients that ask again because an answer was lost.
const MAX_FINISHED: usize = 256;

/// A new upload and where it is to go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) size_bytes: u64,
    /// Of the largest package.
    pub(super) limit: u64,
    pub(super) free_bytes: u64,
    pub(super) now: SystemTime,
}

/// Says what has to be removed, so that the wish fits. `listed` is sorted by age, oldest first.
///
/// # Errors
/// `TooLarge`, `TooManyUploads`, `NoRoom`; then nothing is to be removed.
pub(super) fn make_room(listed: &[Listed], wish: Wish) -> Result<Vec<UploadId>, Error> {
    if wish.size_bytes > wish.limit {
        return Err(Error::TooLarge { limit: wish.limit });
    }
    let mut load = Load { count: 0, announced: 0, missing: 0, free: wish.free_bytes };
    let mut finished = Vec::new();
    for Listed { id, found, touched: _ } in listed {
        match found {
            Found::Open { note, offset } => load.add(note.size_bytes, *offset),
            Found::Finished { .. } => finished.push(*id),
        }
    }
    finished.truncate(finished.len().saturating_sub(MAX_FINISHED - 1));
    let mut gone = finished;
    for Listed { id, found, touched } in listed {
        let Found::Open { note, offset } = found else { continue };
        let Some(_too_much) = load.refuses(wish) else { break };
        if wish.now.duration_since(*touched).is_ok_and(|idle| idle >= GIVES_WAY) {
            load.take(note.size_bytes, *offset);
            gone.push(*id);
        }
    }
    match load.refuses(wish) {
        Some(error) => Err(error),
        None => Ok(gone),
    }
}

/// What is open, as far as it matters to what comes.
struct Load {
    count: usize,
    announced: u64,
    /// Announced and not there yet.
    missing: u64,
    free: u64,
}

impl Load {
    fn add(&mut self, size_bytes: u64, offset: u64) {
        self.count += 1;
        self.announced = self.announced.saturating_add(size_bytes);
        self.missing = self.missing.saturating_add(size_bytes.saturating_sub(offset));
    }

    fn take(&mut self, size_bytes: u64, offset: u64) {
        self.count -= 1;
        self.announced = self.announced.saturating_sub(size_bytes);
        self.missing = self.missing.saturating_sub(size_bytes.saturating_sub(offset));
        self.free = self.free.saturating_add(offset);
    }

    fn refuses(&self, wish: Wish) -> Option<Error> {
        let largest = wish.limit.saturating_mul(MAX_LARGEST);
        if self.count >= MAX_OPEN || self.announced.saturating_add(wish.size_bytes) > largest {
            return Some(Error::TooManyUploads { count: self.count, announced: self.announced });
        }
        let free = self.free.saturating_sub(self.missing);
        (wish.size_bytes > free).then_some(Error::NoRoom { wanted: wish.size_bytes, free })
    }
}

#[cfg(test)]
mod tests {
    use lp_package::Digest;
    use lp_package::Summed;

    use super::super::disk::Note;
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn open(size_bytes: u64, offset: u64, idle: Duration) -> Listed {
        let note = Note { size_bytes, expected: None, summed: None };
        Listed {
            id: UploadId::random(),
            found: Found::Open { note, offset },
            touched: NOW + Duration::from_secs(1_000_000) - idle,
        }
    }

    fn wish(size_bytes: u64) -> Wish {
        Wish { size_bytes, limit: 100, free_bytes: 1000, now: NOW + Duration::from_secs(1_000_000) }
    }

    fn minutes(count: u64) -> Duration {
        Duration::from_secs(60 * count)
    }

    #[test]
    fn what_is_too_large_or_does_not_fit_on_the_disk_is_refused() {
        assert!(matches!(make_room(&[], wish(101)), Err(Error::TooLarge { limit: 100 })));
        assert!(make_room(&[], wish(100)).unwrap().is_empty());
        let tight = Wish { free_bytes: 130, ..wish(100) };
        assert!(make_room(&[], tight).is_ok());
        // 50 of the free bytes are promised to another
        let refused = make_room(&[open(80, 30, minutes(1))], tight);
        assert!(matches!(refused, Err(Error::NoRoom { wanted: 100, free: 80 })), "{refused:?}");
    }

    #[test]
    fn number_and_size_of_all_are_bounded_and_what_was_left_for_an_hour_gives_way() {
        let many: Vec<Listed> = (0..MAX_OPEN).map(|_| open(1, 0, minutes(59))).collect();
        assert!(matches!(make_room(&many, wish(1)), Err(Error::TooManyUploads { count: MAX_OPEN, .. })));
        let mut many = many;
        many.insert(0, open(1, 1, minutes(90)));
        many.remove(1);
        assert_eq!(make_room(&many, wish(1)).unwrap(), [many[0].id]);

        let large = [open(100, 0, minutes(80)), open(100, 0, minutes(70)), open(100, 0, minutes(1))];
        assert!(make_room(&large, wish(100)).unwrap().is_empty(), "all fit");
        let large = [&large[..], &[open(100, 0, minutes(0))]].concat();
        assert_eq!(make_room(&large, wish(100)).unwrap(), [large[0].id]);
    }

    #[test]
    fn outcomes_are_remembered_to_a_number() {
        let summed = Summed { digest: Digest::of(b"x"), sha1: String::new(), size: 1 };
        let done = |_| Listed {
            id: UploadId::random(),
            found: Found::Finished { summed: summed.clone() },
            touched: NOW,
        };
        let listed: Vec<Listed> = (0..MAX_FINISHED + 2).map(done).collect();

        let gone = make_room(&listed, wish(1)).unwrap();

        assert_eq!(gone, [listed[0].id, listed[1].id, listed[2].id]);
    }
}
