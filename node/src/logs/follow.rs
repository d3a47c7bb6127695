//! Reading a log while it is written, from any byte to its end.
//!
//! The file is opened once and never through a link: a program that puts something else under the name later shows nothing but what it had
//! written. The end of the attempt is looked at before the last read, so nothing written before it is missed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use lp_protocol::{ApiError, AttemptKey, ErrorCode};
use tokio::sync::Notify;

use super::watch::{Watch, Watcher};
use crate::runner::Runner;
use crate::runner::workspace::{STDOUT, open_left};

/// 64 KiB a piece: a line of 50 MB is 800 of them, and none stays in memory.
const PIECE_BYTES: usize = 64 << 10;

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    At(u64),
    /// So many bytes before what is the end now.
    LastBytes(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Following {
    /// What is there now.
    No,
    UntilEnd,
}

pub(crate) struct Follower {
    runner: Arc<Runner>,
    watcher: Arc<Watcher>,
    key: AttemptKey,
    dir: PathBuf,
    /// Rung when the program starts and when it has ended.
    bell: Arc<Notify>,
    watch: Option<Watch>,
    file: Option<File>,
    buffer: Vec<u8>,
}

enum Look {
    Piece(Bytes),
    Nothing,
}

impl Follower {
    pub(crate) fn new(runner: Arc<Runner>, watcher: &Arc<Watcher>, key: AttemptKey, dir: PathBuf) -> Self {
        let bell = runner.look(|state| state.follow(&key));
        let watcher = Arc::clone(watcher);
        Self { runner, watcher, key, dir, bell, watch: None, file: None, buffer: Vec::new() }
    }

    /// The bytes, with the place of the first of them.
    ///
    /// # Errors
    /// There is no such log here, or what has its name is no file.
    pub(crate) fn read(
        mut self,
        begin: Begin,
        following: Following,
    ) -> Result<(u64, impl Stream<Item = io::Result<Bytes>> + Send), ApiError> {
        let unreadable = |error| ApiError::new(ErrorCode::Gone, format!("its log cannot be read: {error}"));
        self.open().map_err(unreadable)?;
        if self.file.is_none() && !self.is_live() && !self.dir.is_dir() {
            return Err(ApiError::new(ErrorCode::Gone, "its workspace is no longer on the node"));
        }
        let offset = match (begin, &self.file) {
            (Begin::At(offset), _) => offset,
            (Begin::LastBytes(_), None) => 0,
            (Begin::LastBytes(count), Some(file)) => {
                file.metadata().map_err(unreadable)?.len().saturating_sub(count)
            }
        };
        let begin = (self, offset, following);
        let stream = futures_util::stream::try_unfold(begin, |(mut own, offset, following)| async move {
            let piece = own.next(offset, following).await?;
            Ok(piece.map(|piece| {
                let next = offset + piece.len() as u64;
                (piece, (own, next, following))
            }))
        });
        Ok((offset, stream))
    }

    async fn next(&mut self, offset: u64, following: Following) -> io::Result<Option<Bytes>> {
        loop {
            // asked before the look: what it wrote before its end is seen by the look
            let live = self.is_live();
            if let Look::Piece(piece) = self.look(offset)? {
                return Ok(Some(piece));
            }
            if following == Following::No || !live {
                return Ok(None);
            }
            match &self.watch {
                Some(watch) => tokio::select! {
                    () = watch.changed() => {}
                    () = self.bell.notified() => {}
                },
                None => self.bell.notified().await,
            }
        }
    }

    fn look(&mut self, offset: u64) -> io::Result<Look> {
        self.open()?;
        let Some(file) = &self.file else { return Ok(Look::Nothing) };
        if self.buffer.len() < PIECE_BYTES {
            self.buffer.resize(PIECE_BYTES, 0);
        }
        let length = file.read_at(&mut self.buffer, offset)?;
        if length == 0 {
            // one follower waits for hours, another is one of many
            self.buffer = Vec::new();
            return Ok(Look::Nothing);
        }
        Ok(Look::Piece(Bytes::copy_from_slice(&self.buffer[..length])))
    }

    /// Opens the log once it is there; the watch is set before the look, so that nothing falls between.
    fn open(&mut self) -> io::Result<()> {
        if self.file.is_some() {
            return Ok(());
        }
        if self.watch.is_none() && self.dir.is_dir() {
            self.watch = Some(self.watcher.watch(&self.dir));
        }
        let path = self.dir.join(STDOUT);
        if let Some((file, _)) = open_left(&path)? {
            self.watch = Some(self.watcher.watch(&path));
            self.file = Some(file);
        }
        Ok(())
    }

    fn is_live(&self) -> bool {
        self.runner.look(|state| state.is_live(&self.key))
    }
}
