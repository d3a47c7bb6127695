//! A manager of the node plane that remembers everything and obeys the test.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use lp_protocol::frames::{AttemptEvent, Finish, Hello, Joined, ManagerFrame, NodeFrame, Report, Welcome};
use lp_protocol::{AttemptKey, NodeId};
use tokio::io::BufReader;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::http::{self, Connection, Request};

/// Long enough for a loaded machine; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Facts {
    pub hellos: Vec<Hello>,
    pub reports: Vec<Report>,
    /// How many of them are ends.
    pub finished: usize,
    /// The numbers of those in `reports`; clear it with them.
    pub seqs: std::collections::BTreeSet<u64>,
    pub others: Vec<NodeFrame>,
    pub packages: HashMap<String, Package>,
    /// Bytes of streams by number, and whether their end has come.
    pub streams: HashMap<u64, (Vec<u8>, bool)>,
    pub stream_offsets: HashMap<u64, String>,
    /// Logs by path, and whether their end has come.
    pub logs: HashMap<String, (Vec<u8>, bool)>,
    pub downloads: Vec<String>,
    pub acked: u64,
    pub settings: Settings,
    pub link: Option<mpsc::UnboundedSender<Message>>,
    links: u64,
}

#[derive(Clone, Default)]
pub struct Package {
    pub bytes: Vec<u8>,
    /// The connection is cut after so many bytes, once.
    pub cut_at: Option<usize>,
}

#[derive(Clone)]
pub struct Settings {
    /// Reports are acknowledged as they come.
    pub acks: bool,
    /// Heartbeats are answered.
    pub answers_heartbeats: bool,
    pub heartbeat: Duration,
    pub lost_after: Duration,
    /// Held attempts that are given up at the next welcome.
    pub given_up: Vec<AttemptKey>,
    /// Connections are accepted.
    pub up: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            acks: true,
            answers_heartbeats: true,
            heartbeat: Duration::from_secs(5),
            lost_after: Duration::from_secs(60),
            given_up: Vec::new(),
            up: true,
        }
    }
}

pub struct Manager {
    pub address: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    facts: Mutex<Facts>,
    changed: Notify,
    node_id: NodeId,
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Manager {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let shared =
            Arc::new(Shared { facts: Mutex::default(), changed: Notify::new(), node_id: NodeId::random() });
        let own = Arc::clone(&shared);
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let own = Arc::clone(&own);
                tokio::spawn(async move {
                    // a node that was killed hangs up in the middle of anything
                    let _ = own.serve(BufReader::new(stream)).await;
                });
            }
        });
        Self { address, shared, server }
    }

    pub fn facts(&self) -> MutexGuard<'_, Facts> {
        self.shared.facts.lock().unwrap()
    }

    pub fn node_id(&self) -> NodeId {
        self.shared.node_id
    }

    /// Waits until the facts give an answer.
    pub async fn wait<T>(&self, what: &str, mut look: impl FnMut(&mut Facts) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(found) = look(&mut self.facts()) {
                    return found;
                }
                changed.await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(found) => found,
            Err(_) => panic!("waited in vain for {what}; reports: {:#?}", self.facts().reports),
        }
    }

    pub async fn linked(&self) {
        self.wait("a link", |facts| facts.link.is_some().then_some(())).await;
    }

    pub fn send(&self, frame: ManagerFrame) {
        self.send_text(serde_json::to_string(&[frame]).unwrap());
    }

    pub fn send_text(&self, text: String) {
        self.facts().link.as_ref().expect("a link stands").send(Message::text(text)).unwrap();
    }

    /// Cuts the link and, if asked to, refuses new ones until [`Manager::come_up`].
    pub fn go_down(&self) {
        let mut facts = self.facts();
        facts.settings.up = false;
        facts.link = None;
    }

    pub fn come_up(&self) {
        self.facts().settings.up = true;
    }

    pub async fn finish_of(&self, key: &AttemptKey) -> Finish {
        let what = format!("the end of {key}");
        self.wait(&what, |facts| facts.finishes(key).pop()).await
    }

    pub async fn started(&self, key: &AttemptKey) {
        let is_start =
            |report: &Report| report.attempt == *key && matches!(report.event, AttemptEvent::Started { .. });
        let what = format!("the start of {key}");
        self.wait(&what, |facts| facts.reports.iter().any(is_start).then_some(())).await;
    }
}

impl Facts {
    pub fn finishes(&self, key: &AttemptKey) -> Vec<Finish> {
        let finish = |report: &Report| match &report.event {
            AttemptEvent::Finished(finish) if report.attempt == *key => Some((**finish).clone()),
            _ => None,
        };
        self.reports.iter().rev().filter_map(finish).collect()
    }
}

impl Shared {
    async fn serve(&self, mut connection: Connection) -> io::Result<()> {
        while let Some(request) = http::read_head(&mut connection).await? {
            if !self.facts.lock().unwrap().settings.up {
                return Ok(());
            }
            let parts: Vec<&str> = request.path().trim_matches('/').split('/').collect();
            match (request.method.as_str(), parts.as_slice()) {
                ("GET", ["node", "v1", "link"]) => return self.link(connection, &request).await,
                ("POST", ["node", "v1", "join"]) => self.join(&mut connection, &request).await?,
                ("GET", ["node", "v1", "packages", digest]) => {
                    self.package(&mut connection, &request, digest).await?
                }
                ("POST", ["node", "v1", "streams", id]) => {
                    self.stream(&mut connection, &request, id.parse().unwrap()).await?;
                }
                ("PUT", ["node", "v1", "logs", ..]) => self.log(&mut connection, &request).await?,
                _ => http::answer(&mut connection, 404, &[], b"{}").await?,
            }
        }
        Ok(())
    }

    fn change(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts.lock().unwrap());
        self.changed.notify_waiters();
    }

    async fn join(&self, connection: &mut Connection, request: &Request) -> io::Result<()> {
        http::read_body(connection, request, |_| ()).await?;
        if request.header("authorization") != Some("Bearer join-token") {
            let body = br#"{"code": "unauthenticated", "message": "the join token is not known"}"#;
            return http::answer(connection, 401, &[], body).await;
        }
        let joined = Joined { node_id: self.node_id, credential: "credential".into() };
        http::answer(connection, 200, &[], &serde_json::to_vec(&joined).unwrap()).await
    }

    async fn package(&self, connection: &mut Connection, request: &Request, digest: &str) -> io::Result<()> {
        let begin = request
            .header("range")
            .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        let begin: usize = begin.unwrap_or(0);
        let (package, cut) = {
            let mut facts = self.facts.lock().unwrap();
            facts.downloads.push(format!("{digest} {begin}"));
            match facts.packages.get_mut(digest) {
                Some(package) => (Some(package.clone()), package.cut_at.take()),
                None => (None, None),
            }
        };
        let Some(package) = package else {
            return http::answer(
                connection,
                404,
                &[],
                br#"{"code": "not_found", "message": "no such package"}"#,
            )
            .await;
        };
        let body = &package.bytes[begin..];
        if let Some(cut) = cut {
            use tokio::io::AsyncWriteExt;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            connection.write_all(head.as_bytes()).await?;
            connection.write_all(&body[..cut]).await?;
            connection.flush().await?;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let range = format!("bytes {begin}-{}/{}", package.bytes.len() - 1, package.bytes.len());
        let (status, headers) = if begin > 0 { (206, vec![("content-range", range)]) } else { (200, vec![]) };
        http::answer(connection, status, &headers, body).await
    }

    async fn stream(&self, connection: &mut Connection, request: &Request, id: u64) -> io::Result<()> {
        let offset = request.header("x-offset").unwrap_or_default().to_owned();
        self.change(|facts| {
            facts.streams.entry(id).or_default();
            facts.stream_offsets.insert(id, offset);
        });
        http::read_body(connection, request, |piece| {
            self.change(|facts| facts.streams.entry(id).or_default().0.extend_from_slice(piece));
        })
        .await?;
        self.change(|facts| facts.streams.entry(id).or_default().1 = true);
        http::answer(connection, 200, &[], b"{}").await
    }

    async fn log(&self, connection: &mut Connection, request: &Request) -> io::Result<()> {
        let mut segment = Vec::new();
        http::read_body(connection, request, |piece| segment.extend_from_slice(piece)).await?;
        let offset: usize = request.query("offset").unwrap().parse().unwrap();
        let end = request.query("end") == Some("true");
        let mut answer = (200, 0);
        self.change(|facts| {
            let log = facts.logs.entry(request.path().to_owned()).or_default();
            if log.0.len() == offset {
                log.0.extend_from_slice(&segment);
                log.1 |= end;
            } else {
                answer.0 = 409;
            }
            answer.1 = log.0.len();
        });
        http::answer(connection, answer.0, &[], format!("{{\"next\": {}}}", answer.1).as_bytes()).await
    }

    async fn link(&self, mut connection: Connection, request: &Request) -> io::Result<()> {
        if request.header("authorization") != Some("Bearer credential") {
            let body = br#"{"code": "unauthenticated", "message": "the credential is not known"}"#;
            return http::answer(&mut connection, 401, &[], body).await;
        }
        let accept = derive_accept_key(request.header("sec-websocket-key").unwrap().as_bytes());
        {
            use tokio::io::AsyncWriteExt;
            let head = format!(
                "HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {accept}\r\n\r\n"
            );
            connection.write_all(head.as_bytes()).await?;
            connection.flush().await?;
        }
        let socket = WebSocketStream::from_raw_socket(connection, Role::Server, None).await;
        let (mut sink, mut stream) = socket.split();
        let (sender, mut receiver) = mpsc::unbounded_channel::<Message>();
        let mut number = 0;
        let mut sender = Some(sender);
        loop {
            tokio::select! {
                message = receiver.recv() => match message {
                    Some(message) => sink.send(message).await.map_err(io::Error::other)?,
                    // the test has cut the link
                    None => return Ok(()),
                },
                message = stream.next() => {
                    let Some(Ok(message)) = message else { break };
                    let Message::Text(text) = message else { continue };
                    let frames: Vec<NodeFrame> = serde_json::from_str(&text).unwrap();
                    let mut answers = Vec::new();
                    self.change(|facts| {
                        for frame in frames {
                            if let (NodeFrame::Hello(_), Some(sender)) = (&frame, sender.take()) {
                                facts.link = Some(sender);
                                facts.links += 1;
                                number = facts.links;
                            }
                            answers.extend(facts.take(frame, self.node_id));
                        }
                    });
                    if !answers.is_empty() {
                        let text = serde_json::to_string(&answers).unwrap();
                        sink.send(Message::text(text)).await.map_err(io::Error::other)?;
                    }
                }
            }
        }
        self.change(|facts| {
            if facts.links == number {
                facts.link = None;
            }
        });
        Ok(())
    }
}

impl Facts {
    fn take(&mut self, frame: NodeFrame, node_id: NodeId) -> Vec<ManagerFrame> {
        match frame {
            NodeFrame::Hello(hello) => {
                let mut go_on = hello.held.clone();
                go_on.retain(|key| !self.settings.given_up.contains(key));
                self.hellos.push(hello);
                let Settings { heartbeat, lost_after, .. } = self.settings;
                vec![ManagerFrame::Welcome(Welcome {
                    node_id,
                    heartbeat,
                    lost_after,
                    go_on,
                    acked: self.acked,
                })]
            }
            NodeFrame::Reports { reports } => {
                for report in reports {
                    // a repeated one is not taken twice
                    if self.seqs.insert(report.seq) {
                        self.finished += usize::from(matches!(report.event, AttemptEvent::Finished(_)));
                        self.reports.push(report);
                    }
                }
                let through = self.seqs.last().copied().unwrap_or(0);
                if !self.settings.acks {
                    return Vec::new();
                }
                self.acked = through;
                vec![ManagerFrame::Ack { through }]
            }
            NodeFrame::Heartbeat { .. } if self.settings.answers_heartbeats => {
                vec![ManagerFrame::HeartbeatAck]
            }
            other => {
                self.others.push(other);
                Vec::new()
            }
        }
    }
}
