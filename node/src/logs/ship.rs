//! Bringing long logs to the manager in segments.
//!
//! The manager says where it is, so a segment that was sent twice, a restart or a lost answer cost nothing but bytes. Each
//! segment is streamed from the file. Logs of running programs are looked at every few seconds, and sent as soon as a whole
//! segment has gathered, so that little is left to send at the end.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use lp_protocol::AttemptKey;
use reqwest::{Body, Method, RequestBuilder, header};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::http::{self, Manager};
use crate::runner::Runner;
use crate::runner::workspace::{self, STDOUT, open_left};
use crate::sync::lock;

/// 4 MiB, the contract's largest segment: bounds what a failed request costs.
const SEGMENT_BYTES: u64 = 4 << 20;

/// 64 KiB a piece of a request's body.
const PIECE_BYTES: usize = 64 << 10;

/// 5 s between looks at the logs of running programs; without any there is no look.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// 1 s to 60 s between tries while the manager takes no logs.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

pub(crate) struct Shipper {
    runner: Arc<Runner>,
    manager: Manager,
    /// How much of a log the manager has, as far as this process knows.
    progress: Mutex<HashMap<AttemptKey, u64>>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Http(#[from] http::Error),
    #[error("read the log")]
    Read(#[source] io::Error),
}

/// Which end of the log a segment has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Middle,
    Last,
}

#[derive(Deserialize)]
struct Next {
    next: u64,
}

impl Shipper {
    pub(crate) fn new(runner: Arc<Runner>, manager: Manager) -> Self {
        Self { runner, manager, progress: Mutex::default() }
    }

    /// Ships until shutdown.
    pub(crate) async fn keep(&self, shutdown: &CancellationToken) {
        let mut pause = FIRST_PAUSE;
        loop {
            let passed = tokio::select! {
                () = shutdown.cancelled() => return,
                passed = self.pass() => passed,
            };
            let wait = match passed {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    self.until_next_look().await
                }
                Err(error) => {
                    tracing::debug!(error = %crate::link::chain(&error), "cannot ship logs now");
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    Some(pause / 2)
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.runner.bells.ship.notified(), if pause == FIRST_PAUSE => {}
                () = sleep(wait) => {}
            }
        }
    }

    /// None: nothing runs, so only the bell matters.
    async fn until_next_look(&self) -> Option<Duration> {
        (self.runner.look(|state| state.load().running) > 0).then_some(LOOK_EVERY)
    }

    /// Sends what there is to send: ended logs to their end, of running ones whole segments.
    async fn pass(&self) -> Result<(), Error> {
        for (key, bytes) in self.runner.look(|state| state.unshipped()) {
            match self.ship(&key, bytes).await {
                Ok(()) => {}
                Err(Error::Http(error)) if error.is_transient() => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(attempt = %key, error = %crate::link::chain(&error), "the rest of a log is given up");
                }
            }
            lock(&self.progress).remove(&key);
            self.runner.act(|state, _, _| state.log_done(&key));
        }
        let running = self.runner.look(|state| state.running());
        lock(&self.progress).retain(|key, _| running.contains(key));
        for key in running {
            self.ship_begun(&key).await?;
        }
        Ok(())
    }

    async fn ship(&self, key: &AttemptKey, bytes: u64) -> Result<(), Error> {
        let Some((file, length)) = self.open(key)? else { return Ok(()) };
        let file = Arc::new(file);
        // a program may have cut its own log after the end was reported
        let total = bytes.min(length);
        let mut next = lock(&self.progress).get(key).copied().unwrap_or(0).min(total);
        loop {
            let end = total.min(next + SEGMENT_BYTES);
            let part = if end == total { Part::Last } else { Part::Middle };
            let answer = self.send(key, &file, next..end, part).await?;
            if part == Part::Last && answer >= end {
                return Ok(());
            }
            next = answer.min(total);
            lock(&self.progress).insert(key.clone(), next);
        }
    }

    async fn ship_begun(&self, key: &AttemptKey) -> Result<(), Error> {
        let Ok(Some((file, length))) = self.open(key) else { return Ok(()) };
        let file = Arc::new(file);
        let mut next = lock(&self.progress).get(key).copied().unwrap_or(0);
        while length >= next + SEGMENT_BYTES {
            next = self.send(key, &file, next..next + SEGMENT_BYTES, Part::Middle).await?;
            lock(&self.progress).insert(key.clone(), next);
        }
        Ok(())
    }

    fn open(&self, key: &AttemptKey) -> Result<Option<(File, u64)>, Error> {
        let path = workspace::path(&self.runner.site.layout, key).join(STDOUT);
        open_left(&path).map_err(Error::Read)
    }

    /// Sends one segment; where the manager is then.
    async fn send(
        &self,
        key: &AttemptKey,
        file: &Arc<File>,
        range: std::ops::Range<u64>,
        part: Part,
    ) -> Result<u64, Error> {
        let response = match self.manager.send(self.request(key, file, range, part)).await {
            Ok(response) => response.json().await,
            Err(http::Error::Conflict { body, .. }) => {
                return next_of(&body).ok_or_else(|| conflict(&body).into());
            }
            Err(error) => return Err(error.into()),
        };
        let answer: Next = response
            .map_err(|source| http::Error::Unreachable { base: self.manager.base().clone(), source })?;
        Ok(answer.next)
    }

    fn request(
        &self,
        key: &AttemptKey,
        file: &Arc<File>,
        range: std::ops::Range<u64>,
        part: Part,
    ) -> RequestBuilder {
        let path = http::log_path(key);
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        let end = if part == Part::Last { "true" } else { "false" };
        self.manager
            .brief(Method::PUT, &segments)
            .query(&[("offset", range.start.to_string().as_str()), ("end", end)])
            .header(header::CONTENT_LENGTH, range.end - range.start)
            .body(body(Arc::clone(file), range))
    }
}

fn next_of(body: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Next>(body).ok().map(|answer| answer.next)
}

fn conflict(body: &[u8]) -> http::Error {
    http::refusal(reqwest::StatusCode::CONFLICT, body)
}

fn body(file: Arc<File>, range: std::ops::Range<u64>) -> Body {
    Body::wrap_stream(futures_util::stream::try_unfold((file, range), |(file, range)| async move {
        if range.is_empty() {
            return Ok::<_, io::Error>(None);
        }
        let wanted = PIECE_BYTES.min((range.end - range.start) as usize);
        let mut piece = vec![0; wanted];
        file.read_exact_at(&mut piece, range.start)?;
        let rest = range.start + wanted as u64..range.end;
        Ok(Some((Bytes::from(piece), (file, rest))))
    }))
}

/// For ever where there is nothing to wait for but a bell.
async fn sleep(longest: Option<Duration>) {
    match longest {
        Some(longest) => tokio::time::sleep(longest).await,
        None => std::future::pending().await,
    }
}
