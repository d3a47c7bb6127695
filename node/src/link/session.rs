//! One connection from hello to its end.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use lp_protocol::frames::{Hello, LINK_VERSION, ManagerFrame, NodeFacts, NodeFrame, Welcome};
use tokio::time::{MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::connect::{Socket, connect};
use super::frames::{Outgoing, Received, parse};
use super::{Error, Link, OnReady};
use crate::capacity;
use crate::clock::boot_millis;
use crate::sync::lock;

/// 30 s for the answer to a hello; the manager reads the node's attempts from its database for it.
const WELCOME_PATIENCE: Duration = Duration::from_secs(30);

/// Three heartbeats without an answer, but at least 10 s: the connection is dead even if nobody says so.
const SILENT_HEARTBEATS: u32 = 3;
const MIN_SILENCE: Duration = Duration::from_secs(10);

/// 4 MiB of reports in a message, so that heartbeats come through between them.
const MESSAGE_BYTES: usize = 4 << 20;

/// What the two directions of a session share.
struct Session<'l> {
    link: &'l Link,
    welcome: Welcome,
    /// When the heartbeats were sent that are not answered yet: an answer proves that the manager heard of us then, not now.
    heartbeats: Mutex<VecDeque<u64>>,
}

impl Link {
    /// Connects and serves until the connection ends.
    pub(super) async fn session(
        &self,
        on_ready: &mut Option<OnReady>,
        complained: &mut bool,
    ) -> Result<(), Error> {
        let (mut sink, mut stream) = connect(&self.manager).await?.split();
        let hello_at = boot_millis();
        let held = self.runner.look(|state| state.held());
        let mut engine = self.runner.site.containers.presence.watch();
        let node = NodeFacts { docker_support: *engine.borrow_and_update(), ..self.facts.clone() };
        let building = self.runner.cache.envs.building();
        let hello = Hello { link_version: LINK_VERSION, node, held, building };
        send(&mut sink, &[hello.into()]).await?;
        let (welcome, rest) =
            timeout(WELCOME_PATIENCE, expect_welcome(&mut stream)).await.map_err(|_| Error::Silent)??;
        tracing::info!(manager = %self.manager.base(), node.id = %welcome.node_id, "linked to the manager");
        *complained = false;
        self.runner.act(|state, now, effects| {
            state.contact(hello_at, welcome.lost_after, effects);
            state.welcome(&welcome, now, effects);
        });
        if let Some(on_ready) = on_ready.take() {
            on_ready(welcome.node_id);
        }
        self.runner.cache.envs.connected();
        let session = Session { link: self, welcome, heartbeats: Mutex::default() };
        let ended = match session.handle(rest) {
            Ok(()) => tokio::select! {
                ended = session.read(stream) => ended,
                ended = session.write(sink) => ended,
                // what a node has is said in its hello
                Ok(()) = engine.changed() => Err(Error::FactsChanged),
            },
            Err(error) => Err(error),
        };
        self.runner.cache.envs.disconnected();
        ended
    }
}

impl Session<'_> {
    async fn read(&self, mut stream: SplitStream<Socket>) -> Result<(), Error> {
        let patience = (self.welcome.heartbeat * SILENT_HEARTBEATS).max(MIN_SILENCE);
        loop {
            let received = timeout(patience, receive(&mut stream)).await.map_err(|_| Error::Silent)??;
            self.handle(received)?;
        }
    }

    fn handle(&self, received: Received) -> Result<(), Error> {
        let runner = &self.link.runner;
        for (attempt, error) in received.strange {
            let reason = format!(
                "this node ({}) does not understand its assignment: {error}",
                env!("CARGO_PKG_VERSION")
            );
            runner.act(|state, now, effects| state.refuse(attempt, reason, now, effects));
        }
        for frame in received.frames {
            match frame {
                ManagerFrame::Welcome(_) => tracing::warn!("the manager welcomed this node a second time"),
                ManagerFrame::Assign { assignments } => runner.assign(assignments),
                ManagerFrame::Stop { stops } => runner.act(|state, now, effects| {
                    stops.iter().for_each(|stop| state.stop(stop, now, effects));
                }),
                ManagerFrame::Recall { attempts } => {
                    runner.act(|state, _, effects| state.recall(&attempts, effects))
                }
                ManagerFrame::Ack { through } => runner.act(|state, _, effects| state.ack(through, effects)),
                ManagerFrame::HeartbeatAck => self.heard(),
                ManagerFrame::Envs { answers } => runner.cache.envs.answered(answers),
                ManagerFrame::DeleteWorkspaces { attempts } => {
                    runner.act(|state, _, effects| state.delete_workspaces(&attempts, effects));
                }
                ManagerFrame::OpenStream { stream_id, what } => self.link.streams.open(stream_id, what),
                ManagerFrame::CloseStream { stream_id } => self.link.streams.close(stream_id),
                ManagerFrame::Refused { error } => return Err(Error::Refused(error)),
            }
        }
        Ok(())
    }

    fn heard(&self) {
        if let Some(sent_at) = lock(&self.heartbeats).pop_front() {
            let lost_after = self.welcome.lost_after;
            self.link.runner.act(|state, _, effects| state.contact(sent_at, lost_after, effects));
        }
    }

    /// Sends whatever has gathered; no delay of its own.
    async fn write(&self, mut sink: SplitSink<Socket, Message>) -> Result<(), Error> {
        let period = self.welcome.heartbeat.max(Duration::from_millis(100));
        let mut heartbeat = interval_at(tokio::time::Instant::now() + period, period);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut others = self.link.frames.lock().await;
        let mut outgoing: Vec<Outgoing> =
            vec![NodeFrame::Packages(self.link.runner.cache.inventory()).into()];
        loop {
            let reports = self.link.runner.look(|state| state.outbox.take(MESSAGE_BYTES));
            if !reports.is_empty() {
                outgoing.push(Outgoing::Reports { reports });
            }
            while let Ok(frame) = others.try_recv() {
                outgoing.push(frame.into());
            }
            if !outgoing.is_empty() {
                // rides with what is sent anyway, the heartbeat at the latest
                outgoing.extend(self.link.runner.cache.news().map(|news| NodeFrame::Packages(news).into()));
                send(&mut sink, &outgoing).await?;
                outgoing.clear();
                continue;
            }
            tokio::select! {
                () = self.link.runner.bells.link.notified() => {}
                frame = others.recv() => outgoing.extend(frame.map(Outgoing::from)),
                _ = heartbeat.tick() => outgoing.push(self.heartbeat().into()),
            }
        }
    }

    fn heartbeat(&self) -> NodeFrame {
        lock(&self.heartbeats).push_back(boot_millis());
        let attempts = self.link.runner.look(|state| state.load());
        let load = capacity::load(attempts, self.link.runner.site.layout.root());
        NodeFrame::Heartbeat { load }
    }
}

async fn send(sink: &mut SplitSink<Socket, Message>, frames: &[Outgoing]) -> Result<(), Error> {
    let text = match serde_json::to_string(frames) {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(%error, "frames cannot be written as JSON");
            return Ok(());
        }
    };
    sink.send(Message::text(text)).await.map_err(broken)
}

async fn receive(stream: &mut SplitStream<Socket>) -> Result<Received, Error> {
    loop {
        match stream.next().await {
            None | Some(Ok(Message::Close(_))) => return Err(Error::Closed),
            Some(Err(error)) => return Err(broken(error)),
            Some(Ok(Message::Text(text))) => return Ok(parse(&text)),
            Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
        }
    }
}

/// The welcome, and what came after it in the same message.
async fn expect_welcome(stream: &mut SplitStream<Socket>) -> Result<(Welcome, Received), Error> {
    loop {
        let mut received = receive(stream).await?;
        if received.frames.is_empty() {
            continue;
        }
        return match received.frames.remove(0) {
            ManagerFrame::Welcome(welcome) => Ok((welcome, received)),
            ManagerFrame::Refused { error } => Err(Error::Refused(error)),
            _ => Err(Error::NotAManager),
        };
    }
}

fn broken(error: tokio_tungstenite::tungstenite::Error) -> Error {
    Error::Broken(Box::new(error))
}
