//! A manager for tests: answers each request with what the test's handler says. Also used by the tests of the command line.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

pub(crate) type Asked = Request<Incoming>;
pub(crate) type Answer = Response<BoxBody<Bytes, io::Error>>;

/// Listens on a free port of 127.0.0.1 until it is dropped.
pub(crate) struct Fake {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Fake {
    pub(crate) async fn start<H, F>(handler: H) -> Self
    where
        H: Fn(Asked) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let handler = handler.clone();
                let service = service_fn(move |request| {
                    let answer = handler(request);
                    async move { Ok::<_, io::Error>(answer.await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                connections.spawn(async move { connection.await.ok() });
            }
        });
        Self { address, server }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        // takes the connections along: their JoinSet is dropped with it
        self.server.abort();
    }
}

pub(crate) fn answer(status: u16, content_type: &str, body: impl Into<Bytes>) -> Answer {
    Response::builder()
        .status(status)
        .header("content-type", content_type)
        .body(Full::new(body.into()).map_err(|never| match never {}).boxed())
        .expect("a valid answer")
}

pub(crate) fn json(status: u16, body: &impl serde::Serialize) -> Answer {
    answer(status, "application/json", serde_json::to_vec(body).expect("serializable"))
}

pub(crate) fn empty(status: u16) -> Answer {
    Response::builder()
        .status(status)
        .body(Full::new(Bytes::new()).map_err(|never| match never {}).boxed())
        .expect("a valid answer")
}

pub(crate) fn streamed<S>(content_type: &str, stream: S) -> Answer
where
    S: Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
{
    Response::builder()
        .header("content-type", content_type)
        .body(StreamBody::new(stream.map_ok(Frame::data)).boxed())
        .expect("a valid answer")
}

pub(crate) async fn body_of(asked: Asked) -> Bytes {
    asked.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default()
}
