//! Uploads as their clients see them: over pieces, restarts, broken ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use lp_package::Digest;
use lp_protocol::UploadId;

use super::super::{Blobs, Error, Key};
use super::Standing;

const LIMIT: u64 = 1 << 20;
const DAY: Duration = Duration::from_secs(24 * 3600);

struct Fixture {
    directory: tempfile::TempDir,
    blobs: Blobs,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&directory.path().join("blobs")).unwrap();
        Self { directory, blobs }
    }

    /// What a new process finds.
    fn restart(&mut self) {
        self.blobs = Blobs::open(&self.directory.path().join("blobs")).unwrap();
    }

    async fn open(&self, bytes: &[u8]) -> UploadId {
        self.blobs.open_upload(bytes.len() as u64, Some(Digest::of(bytes)), LIMIT).await.unwrap()
    }

    async fn append(&self, id: UploadId, offset: u64, bytes: &[u8]) -> Result<u64, Error> {
        let mut append = self.blobs.append(id, offset).await?;
        assert!(append.write(Bytes::copy_from_slice(bytes)).await?);
        append.finish().await
    }

    fn directory(&self) -> PathBuf {
        self.directory.path().join("blobs/uploads")
    }

    fn part(&self, id: UploadId) -> PathBuf {
        self.directory().join(format!("{id}.part"))
    }

    fn files(&self) -> usize {
        fs::read_dir(self.directory()).unwrap().count()
    }

    fn stored(&self, bytes: &[u8]) -> bool {
        let path = self.blobs.path_of(&Key::package(&Digest::of(bytes)));
        fs::read(path).is_ok_and(|stored| stored == bytes)
    }
}

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n % 251) as u8 ^ (n / 251) as u8).collect()
}

fn age(path: &Path, age: Duration) {
    fs::File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
}

#[tokio::test]
async fn pieces_join_to_the_package_also_over_restarts() {
    let package = bytes(300_000);
    for restarts in [false, true] {
        let mut fixture = Fixture::new();
        let id = fixture.open(&package).await;
        let mut offset = 0;
        for size in [1, 70_000, 4096, 225_902, 1] {
            let end = offset as usize + size;
            offset = fixture.append(id, offset, &package[offset as usize..end]).await.unwrap();
            assert_eq!(offset, end as u64);
            if restarts {
                fixture.restart();
            }
        }

        let first = fixture.blobs.finish_upload(id).await.unwrap();

        assert_eq!((first.summed.digest, first.summed.size), (Digest::of(&package), 300_000));
        assert!(fixture.stored(&package) && !fixture.part(id).exists());
        // the answer was lost, and the manager with it
        fixture.restart();
        assert_eq!(fixture.blobs.finish_upload(id).await.unwrap().summed, first.summed);
        assert_eq!(fixture.blobs.look_at_upload(id).await.unwrap(), Standing::Finished(first.summed));
        assert!(matches!(fixture.append(id, 0, b"x").await, Err(Error::NoUpload { .. })));
    }
}

#[tokio::test]
async fn a_piece_at_another_place_is_refused_and_told_the_right_one() {
    let fixture = Fixture::new();
    let id = fixture.open(b"0123456789").await;
    fixture.append(id, 0, b"0123").await.unwrap();

    for offset in [0, 3, 5, u64::MAX] {
        let refused = fixture.append(id, offset, b"x").await;
        assert!(matches!(refused, Err(Error::WrongOffset { next: 4 })), "{offset}: {refused:?}");
    }
    assert!(matches!(
        fixture.blobs.finish_upload(id).await,
        Err(Error::Incomplete { next: 4, size_bytes: 10 })
    ));
    fixture.append(id, 4, b"456789").await.unwrap();
    fixture.blobs.finish_upload(id).await.unwrap();

    assert!(fixture.stored(b"0123456789"));
}

#[tokio::test]
async fn more_than_was_announced_is_not_taken() {
    let fixture = Fixture::new();
    let id = fixture.open(b"0123").await;

    let mut append = fixture.blobs.append(id, 0).await.unwrap();
    append.write(Bytes::from_static(b"012")).await.unwrap();
    let refused = append.write(Bytes::from_static(b"34")).await;

    assert!(matches!(refused, Err(Error::Beyond { size_bytes: 4 })));
    assert_eq!(append.finish().await.unwrap(), 3);
}

#[tokio::test]
async fn bytes_that_are_not_the_announced_ones_leave_nothing() {
    let fixture = Fixture::new();
    let id = fixture.open(b"0123").await;
    fixture.append(id, 0, b"3210").await.unwrap();

    let refused = fixture.blobs.finish_upload(id).await;

    assert!(matches!(refused, Err(Error::DigestMismatch { .. })));
    assert_eq!(fixture.files(), 0);
    assert!(!fixture.stored(b"3210"));
}

/// What was written and not acknowledged may be there after a crash or not, and in any case the client asks.
#[tokio::test]
async fn after_a_crash_what_is_on_the_disk_counts() {
    let package = b"0123456789";
    for (left, next) in [(&package[..7], 7), (&package[..2], 2), (&package[..4], 4)] {
        for is_same_process in [false, true] {
            let mut fixture = Fixture::new();
            let id = fixture.open(package).await;
            fixture.append(id, 0, &package[..4]).await.unwrap();
            fs::write(fixture.part(id), left).unwrap();
            if !is_same_process {
                fixture.restart();
            }

            let looked = fixture.blobs.look_at_upload(id).await.unwrap();
            let refused = fixture.append(id, 5, b"x").await;
            let end = fixture.append(id, next, &package[next as usize..]).await.unwrap();
            fixture.blobs.finish_upload(id).await.unwrap();

            assert_eq!(looked, Standing::Open { size_bytes: 10, offset: next });
            assert!(matches!(refused, Err(Error::WrongOffset { next: found }) if found == next));
            assert_eq!(end, 10);
            assert!(fixture.stored(package));
        }
    }
}

#[tokio::test]
async fn a_piece_whose_sender_vanishes_is_kept_as_far_as_it_came() {
    let fixture = Fixture::new();
    let id = fixture.open(b"0123456789").await;

    let mut append = fixture.blobs.append(id, 0).await.unwrap();
    append.write(Bytes::from_static(b"012")).await.unwrap();
    drop(append);

    // waits until the one before is on the disk
    let refused = fixture.append(id, 0, b"x").await;
    assert!(matches!(refused, Err(Error::WrongOffset { next: 3 })), "{refused:?}");
}

#[tokio::test]
async fn of_two_pieces_at_once_the_later_one_is_written() {
    let fixture = Fixture::new();
    let id = fixture.open(b"0123456789").await;
    let mut hanging = fixture.blobs.append(id, 0).await.unwrap();
    hanging.write(Bytes::from_static(b"0123")).await.unwrap();

    let blobs = fixture.blobs.clone();
    let later = tokio::spawn(async move {
        let refused = blobs.append(id, 0).await.map(drop);
        let mut append = blobs.append(id, 4).await?;
        append.write(Bytes::from_static(b"456789")).await?;
        append.finish().await.map(|end| (refused, end))
    });
    hanging.interrupted().await;
    assert_eq!(hanging.finish().await.unwrap(), 4);

    let (refused, end) = later.await.unwrap().unwrap();
    assert!(matches!(refused, Err(Error::WrongOffset { next: 4 })));
    assert_eq!(end, 10);
    fixture.blobs.finish_upload(id).await.unwrap();
    assert!(fixture.stored(b"0123456789"));
}

#[tokio::test]
async fn finishing_goes_on_where_a_crash_has_stopped_it() {
    let mut fixture = Fixture::new();
    let package = b"0123456789";
    let id = fixture.open(package).await;
    fixture.append(id, 0, package).await.unwrap();
    let summed = fixture.blobs.finish_upload(id).await.unwrap().summed;
    let target = fixture.blobs.path_of(&Key::package(&summed.digest));

    // sealed and not yet renamed
    fs::rename(&target, fixture.part(id)).unwrap();
    fixture.restart();
    assert_eq!(fixture.blobs.finish_upload(id).await.unwrap().summed, summed);
    assert!(fixture.stored(package));

    // the package was there before: the second copy goes
    fs::copy(&target, fixture.part(id)).unwrap();
    fixture.restart();
    assert!(fixture.blobs.finish_upload(id).await.unwrap().was_there);
    assert!(fixture.stored(package) && !fixture.part(id).exists());

    // finished, and the package swept since
    fs::remove_file(&target).unwrap();
    assert!(matches!(fixture.blobs.finish_upload(id).await, Err(Error::NoUpload { .. })));
}

#[tokio::test]
async fn what_is_given_up_or_too_large_leaves_nothing() {
    let fixture = Fixture::new();
    let id = fixture.open(b"0123").await;
    fixture.append(id, 0, b"01").await.unwrap();

    fixture.blobs.abandon_upload(id).await.unwrap();
    let large = fixture.blobs.open_upload(LIMIT + 1, None, LIMIT).await;

    assert!(matches!(large, Err(Error::TooLarge { limit: LIMIT })));
    assert_eq!(fixture.files(), 0);
    for outcome in [
        fixture.blobs.abandon_upload(id).await,
        fixture.append(id, 2, b"2").await.map(drop),
        fixture.blobs.finish_upload(id).await.map(drop),
        fixture.blobs.look_at_upload(id).await.map(drop),
    ] {
        assert!(matches!(outcome, Err(Error::NoUpload { .. })), "{outcome:?}");
    }
}

#[tokio::test]
async fn what_nothing_came_for_during_a_day_is_swept_and_nothing_else() {
    let mut fixture = Fixture::new();
    let (old, busy) = (fixture.open(b"old").await, fixture.open(b"busy").await);
    for id in [old, busy] {
        age(&fixture.part(id), 2 * DAY);
        age(&fixture.directory().join(format!("{id}.json")), 2 * DAY);
    }
    let young = fixture.open(b"young").await;
    let orphan = fixture.part(UploadId::random());
    fs::write(&orphan, b"without a note").unwrap();
    age(&orphan, 2 * DAY);

    fixture.restart();
    let writing = fixture.blobs.append(busy, 0).await.unwrap();
    let removed = fixture.blobs.sweep_uploads(SystemTime::now()).await.unwrap();

    assert_eq!(removed, 1);
    assert!(!fixture.part(old).exists() && !orphan.exists());
    assert!(fixture.part(young).exists());
    assert_eq!(writing.finish().await.unwrap(), 0);
}

#[tokio::test]
async fn as_many_as_there_may_be_and_no_more() {
    let fixture = Fixture::new();
    for _ in 0..super::room::MAX_OPEN {
        fixture.open(b"x").await;
    }

    let refused = fixture.blobs.open_upload(1, None, LIMIT).await;

    assert!(matches!(refused, Err(Error::TooManyUploads { .. })), "{refused:?}");
}
