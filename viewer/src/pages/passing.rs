//! Bytes on their way from a browser to the manager. They are never kept here: what the browser sends faster than the manager takes it waits in
//! the browser.

use std::future::Future;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use lp_protocol::client::{self, Upload};
use tokio::sync::mpsc;

/// Pieces on their way.
const PIECES: usize = 8;

/// Read of a body after it was refused, so that the browser comes to see the answer.
const MAX_REFUSED_BYTES: usize = 16 << 20;

/// Hands what comes to `send`, as a body of `size_bytes` where that is known. The outer error is the browser's, the inner one the manager's.
pub(super) async fn pass_on<S, E, F, T>(
    incoming: S,
    size_bytes: Option<u64>,
    send: impl FnOnce(Upload) -> F,
) -> Result<Result<T, client::Error>, E>
where
    S: Stream<Item = Result<Bytes, E>>,
    F: Future<Output = Result<T, client::Error>>,
{
    let (pieces, passed) = mpsc::channel::<std::io::Result<Bytes>>(PIECES);
    let passed = stream::unfold(passed, async |mut passed| Some((passed.recv().await?, passed)));
    let sent = send(Upload::stream(passed, size_bytes, None));
    let feed = async move {
        let mut incoming = std::pin::pin!(incoming);
        let mut refused = 0;
        while let Some(piece) = incoming.next().await {
            match piece {
                Ok(piece) => {
                    let size = piece.len();
                    // the manager has answered already
                    if pieces.send(Ok(piece)).await.is_err() {
                        refused += size;
                        if refused > MAX_REFUSED_BYTES {
                            return Ok(());
                        }
                    }
                }
                Err(error) => {
                    let cut = std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the browser has gone");
                    pieces.send(Err(cut)).await.ok();
                    return Err(error);
                }
            }
        }
        Ok(())
    };
    let (fed, sent) = futures_util::future::join(feed, sent).await;
    fed?;
    Ok(sent)
}
