//! A node that speaks the link and runs nothing: it says what a test wants it to have done.

use futures_util::{SinkExt as _, StreamExt as _};
use lp_protocol::frames::{
    Assignment, AttemptEvent, Finish, Hello, JoinRequest, Joined, LINK_VERSION, ManagerFrame, NodeFacts,
    NodeFrame, NodeLoad, Report, StreamRequest, Usage,
};
use lp_protocol::plan::Resources;
use lp_protocol::{AttemptKey, Exit, NodeId};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::harness::{Manager, SOON, read, within};

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

pub struct FakeNode {
    pub node_id: NodeId,
    pub credential: String,
    socket: Socket,
    waiting: std::collections::VecDeque<ManagerFrame>,
    seq: u64,
}

/// Joins without connecting.
pub async fn join(manager: &Manager, name: &str) -> Joined {
    let token = manager.join_token().await;
    let request = manager
        .bare(Method::POST, "/node/v1/join")
        .bearer_auth(token)
        .json(&JoinRequest { name: name.into() });
    read(request.send().await.unwrap(), StatusCode::CREATED).await
}

pub async fn open_socket(
    manager: &Manager,
    credential: &str,
) -> Result<Socket, tokio_tungstenite::tungstenite::Error> {
    let mut request = format!("ws://{}/node/v1/link", manager.address).into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {credential}").parse().unwrap());
    within(tokio_tungstenite::connect_async(request)).await.map(|(socket, _)| socket)
}

pub fn facts(name: &str, slots: u32) -> NodeFacts {
    NodeFacts {
        name: name.into(),
        platform: "x86_64".into(),
        capacity: Resources { slots, cpu_millis: 64_000, memory_bytes: 1 << 40, ..Resources::default() },
        ..NodeFacts::default()
    }
}

impl FakeNode {
    /// Joins, connects and says hello; the welcome is read.
    pub async fn connect(manager: &Manager, name: &str) -> Self {
        let Joined { node_id, credential } = join(manager, name).await;
        Self::reconnect(manager, node_id, credential, name).await
    }

    pub async fn reconnect(manager: &Manager, node_id: NodeId, credential: String, name: &str) -> Self {
        Self::reconnect_holding(manager, node_id, credential, name, Vec::new()).await
    }

    /// Connects as a node that still has these attempts.
    pub async fn reconnect_holding(
        manager: &Manager,
        node_id: NodeId,
        credential: String,
        name: &str,
        held: Vec<AttemptKey>,
    ) -> Self {
        Self::say_hello(manager, node_id, credential, facts(name, 8), held).await
    }

    /// Joins and connects as a node with labels.
    pub async fn connect_with_labels(manager: &Manager, name: &str, labels: &[(&str, &str)]) -> Self {
        let Joined { node_id, credential } = join(manager, name).await;
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let facts = NodeFacts { labels, ..facts(name, 8) };
        Self::say_hello(manager, node_id, credential, facts, Vec::new()).await
    }

    async fn say_hello(
        manager: &Manager,
        node_id: NodeId,
        credential: String,
        facts: NodeFacts,
        held: Vec<AttemptKey>,
    ) -> Self {
        let socket = open_socket(manager, &credential).await.unwrap();
        let mut node = Self { node_id, credential, socket, waiting: Default::default(), seq: 0 };
        node.send(NodeFrame::Hello(Hello {
            link_version: LINK_VERSION,
            node: facts,
            held,
            building: Default::default(),
        }))
        .await;
        node.find(|frame| matches!(frame, ManagerFrame::Welcome(_)).then_some(())).await;
        node
    }

    pub async fn send(&mut self, frame: NodeFrame) {
        self.send_text(serde_json::to_string(&[frame]).unwrap()).await;
    }

    pub async fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Waits for a frame that is wanted; others are dropped.
    pub async fn find<T>(&mut self, mut wanted: impl FnMut(ManagerFrame) -> Option<T>) -> T {
        within(async {
            loop {
                while let Some(frame) = self.waiting.pop_front() {
                    if let Some(found) = wanted(frame) {
                        return found;
                    }
                }
                match self.socket.next().await.expect("the manager closed the link").unwrap() {
                    Message::Text(text) => {
                        self.waiting.extend(serde_json::from_str::<Vec<ManagerFrame>>(&text).unwrap())
                    }
                    Message::Close(reason) => panic!("the manager closed the link: {reason:?}"),
                    _ => {}
                }
            }
        })
        .await
    }

    /// Reads to the end and returns the reason of the close.
    pub async fn closed(mut self) -> String {
        within(async {
            while let Some(Ok(message)) = self.socket.next().await {
                if let Message::Close(reason) = message {
                    return reason.map(|reason| reason.reason.to_string()).unwrap_or_default();
                }
            }
            String::new()
        })
        .await
    }

    pub async fn assignment(&mut self) -> Assignment {
        self.find(|frame| match frame {
            ManagerFrame::Assign { mut assignments } => assignments.pop(),
            _ => None,
        })
        .await
    }

    /// Waits until the manager wants bytes.
    pub async fn stream_request(&mut self) -> (u64, StreamRequest) {
        self.find(|frame| match frame {
            ManagerFrame::OpenStream { stream_id, what } => Some((stream_id, what)),
            _ => None,
        })
        .await
    }

    pub async fn report(&mut self, attempt: &AttemptKey, event: AttemptEvent) {
        self.seq += 1;
        let report = Report { seq: self.seq, attempt: attempt.clone(), event };
        self.send(NodeFrame::Reports { reports: vec![report] }).await;
    }

    /// Says that the attempt has begun, and waits until that is committed.
    pub async fn start(&mut self, attempt: &AttemptKey) {
        self.report(attempt, AttemptEvent::Started { start_at: chrono::Utc::now(), preparing: Vec::new() })
            .await;
        self.acked().await;
    }

    /// Says that the attempt has ended, with a log of so many bytes, and waits until that is committed.
    pub async fn finish(&mut self, attempt: &AttemptKey, code: i32, log: Log<'_>) {
        self.finish_timed(attempt, code, log, None).await;
    }

    /// The same with what it knows of when the log was written.
    pub async fn finish_timed(
        &mut self,
        attempt: &AttemptKey,
        code: i32,
        log: Log<'_>,
        log_times: Option<String>,
    ) {
        let now = chrono::Utc::now();
        let (log_bytes, log) = match log {
            Log::Inline(bytes) => (bytes.len() as u64, Some(base64(bytes))),
            Log::Shipped(size) => (size, None),
        };
        let output = (code == 0).then(|| RawValue::from_string(r#"{"data": {"n": 1}}"#.to_owned()).unwrap());
        let finish = Finish {
            exit: Exit::Code { code },
            start_at: Some(now),
            end_at: now,
            output,
            log_bytes,
            log,
            log_times,
            usage: Usage::default(),
            preparing: Vec::new(),
        };
        self.report(attempt, AttemptEvent::Finished(Box::new(finish))).await;
        self.acked().await;
    }

    async fn acked(&mut self) {
        let seq = self.seq;
        self.find(|frame| matches!(frame, ManagerFrame::Ack { through } if through >= seq).then_some(()))
            .await;
    }

    pub async fn heartbeat(&mut self) {
        self.send(NodeFrame::Heartbeat { load: NodeLoad::default() }).await;
        self.find(|frame| matches!(frame, ManagerFrame::HeartbeatAck).then_some(())).await;
    }

    /// A request on the node plane.
    pub fn request(&self, manager: &Manager, method: Method, path: &str) -> RequestBuilder {
        manager.http.request(method, manager.url(path)).timeout(SOON).bearer_auth(&self.credential)
    }

    /// Stores a segment of a log and returns where the next one begins.
    pub async fn ship(
        &self,
        manager: &Manager,
        attempt: &AttemptKey,
        offset: u64,
        bytes: &[u8],
        end: bool,
    ) -> u64 {
        let AttemptKey { task_id, action, attempt } = attempt;
        let path = format!("/node/v1/logs/{task_id}/{action}/{attempt}?offset={offset}&end={end}");
        let response = self.request(manager, Method::PUT, &path).body(bytes.to_vec()).send().await.unwrap();
        read::<serde_json::Value>(response, StatusCode::OK).await["next"].as_u64().unwrap()
    }
}

/// How the log of a finished attempt is told.
pub enum Log<'a> {
    Inline(&'a [u8]),
    Shipped(u64),
}

pub fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
