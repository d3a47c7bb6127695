//! The loop behind a live page: wait for whatever comes first, say it to the browser.
//!
//! Events are gathered before the page is rendered, and the more a rendering costs the rarer it gets, so a page with a thousand moving
//! actions costs the manager no more than a fixed part of its time. Where the manager goes away the page is told so, and told again when
//! it is back.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use lp_protocol::client::EventStream;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, Interval, interval_at, sleep_until};

use super::diff::{Change, Sent};
use super::log::{LogFollow, Step};
use super::sse;
use super::view::{Query, Shown, View};
use crate::failure::Failure;
use crate::frame::Signed;
use crate::state::State;

/// A connection without a word for longer than two of these is broken; also how old ages and loads of nodes may get.
const BEAT: Duration = Duration::from_secs(10);

/// Events this close together become one rendering; below what the eye notices.
const GATHER: Duration = Duration::from_millis(100);

/// A rendering may take a fifth of the time.
const REST_FACTOR: u32 = 4;

/// Between tries to reach the manager again.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(15);

/// `GET /live`.
pub(crate) async fn follow(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Failure> {
    let view = View::parse(query.into_inner())?;
    let resumed = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let live = Live::new(state.into_inner(), signed.into_inner(), view, resumed)?;
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        // proxies in front are to pass each event on at once
        .insert_header((header::HeaderName::from_static("x-accel-buffering"), "no"))
        .streaming(live.into_stream()))
}

struct Live {
    state: std::sync::Arc<State>,
    signed: Signed,
    view: View,
    log: Option<LogFollow>,
    events: Events,
    beat: Interval,
    /// When the page is to be rendered next; None: nothing has changed.
    render_at: Option<Instant>,
    /// Not before this time.
    rest_until: Instant,
    /// The parts as the browser has them.
    sent: HashMap<&'static str, Sent>,
    out: VecDeque<Bytes>,
    is_over: bool,
}

/// The manager's events.
enum Events {
    Coming(EventStream),
    Away { try_at: Instant, wait: Duration, is_told: bool },
}

enum Happened {
    Shutdown,
    Beat,
    Retry,
    Changed,
    Lost,
    Render,
    Log(Step),
}

impl Live {
    fn new(
        state: std::sync::Arc<State>,
        signed: Signed,
        view: View,
        resumed: Option<u64>,
    ) -> Result<Self, Failure> {
        // counted by hand, since the permit cannot borrow from what it lies beside
        state.live.try_acquire().map(SemaphorePermit::forget).map_err(|_| {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Failure::new(
                status,
                "Too many live pages",
                "Too many pages are open; this one is not kept up to date.",
            )
        })?;
        let now = Instant::now();
        Ok(Self {
            log: view.log(&signed.session, resumed),
            state,
            signed,
            view,
            events: Events::Away { try_at: now, wait: FIRST_RETRY, is_told: false },
            beat: interval_at(now + BEAT, BEAT),
            render_at: None,
            rest_until: now,
            sent: HashMap::new(),
            out: VecDeque::from([sse::hello()]),
            is_over: false,
        })
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
        stream::unfold(self, |mut live| async move { live.next().await.map(|bytes| (Ok(bytes), live)) })
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.out.pop_front() {
                return Some(bytes);
            }
            if self.is_over {
                return None;
            }
            let happened = self.wait().await;
            self.handle(happened).await;
        }
    }

    async fn wait(&mut self) -> Happened {
        let Self { state, log, events, beat, render_at, .. } = self;
        let events = async {
            match events {
                Events::Away { try_at, .. } => {
                    sleep_until(*try_at).await;
                    Happened::Retry
                }
                Events::Coming(stream) => match stream.next().await {
                    Some(Ok(_)) => Happened::Changed,
                    Some(Err(_)) | None => Happened::Lost,
                },
            }
        };
        let log = async {
            match log {
                Some(log) => Happened::Log(log.step().await),
                None => std::future::pending().await,
            }
        };
        let render = async {
            match render_at {
                Some(at) => sleep_until(*at).await,
                None => std::future::pending().await,
            }
        };
        // in this order: a flood of events or output must not keep the page from being rendered or the viewer from stopping
        tokio::select! {
            biased;
            () = state.shutdown.cancelled() => Happened::Shutdown,
            _ = beat.tick() => Happened::Beat,
            () = render => Happened::Render,
            happened = log => happened,
            happened = events => happened,
        }
    }

    async fn handle(&mut self, happened: Happened) {
        match happened {
            Happened::Shutdown => self.end(sse::stale("The viewer has stopped.")),
            Happened::Beat if !self.state.sessions.is_open(&self.signed.id, std::time::Instant::now()) => {
                self.end(sse::over("You are signed out. Reload the page to sign in again."));
            }
            Happened::Beat => {
                self.out.push_back(sse::beat());
                if matches!(self.events, Events::Coming(_)) {
                    self.render_soon();
                }
            }
            Happened::Retry => self.subscribe().await,
            Happened::Changed => self.render_soon(),
            Happened::Lost => self.lose("The connection to the manager is lost."),
            Happened::Render => self.render().await,
            Happened::Log(Step::Bytes { bytes, next }) => self.out.push_back(sse::log(&bytes, next)),
            Happened::Log(Step::End) => {
                self.out.push_back(sse::log_end());
                self.render_soon();
            }
        }
    }

    /// Subscribes first and reads the state after: a change between the two is then seen twice, never missed.
    async fn subscribe(&mut self) {
        match self.signed.session.client.events(self.view.task_id()).await {
            Ok(stream) => {
                self.events = Events::Coming(stream);
                self.render_at = Some(Instant::now());
                self.out.push_back(sse::fresh());
            }
            Err(error) => self.fail(error.into()),
        }
    }

    fn render_soon(&mut self) {
        let at = (Instant::now() + GATHER).max(self.rest_until);
        self.render_at.get_or_insert(at);
    }

    async fn render(&mut self) {
        self.render_at = None;
        let began = Instant::now();
        match self.view.show(&self.signed.session).await {
            Ok(Shown::Parts(parts)) => parts.into_iter().for_each(|(part, html)| self.send(part, &html)),
            Ok(Shown::Reload) => self.end(sse::reload()),
            Err(failure) => self.fail(failure),
        }
        self.rest_until = Instant::now() + began.elapsed() * REST_FACTOR;
    }

    fn send(&mut self, part: &'static str, html: &str) {
        let now = Sent::new(html);
        match self.sent.get(part).map_or(Change::All, |before| before.change(&now, html)) {
            Change::Nothing => return,
            Change::Rows(rows) => self.out.push_back(sse::patch(part, &rows)),
            Change::All => self.out.push_back(sse::swap(part, html)),
        }
        self.sent.insert(part, now);
    }

    fn fail(&mut self, failure: Failure) {
        if failure.status == StatusCode::UNAUTHORIZED {
            self.state.sessions.close(&self.signed.id);
            self.end(sse::over(
                "Your token was revoked or has expired. Reload the page to sign in with another.",
            ));
        } else if matches!(failure.status, StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN) {
            self.end(sse::over(&failure.line()));
        } else {
            self.lose(&failure.line());
        }
    }

    fn lose(&mut self, message: &str) {
        let now = Instant::now();
        let (wait, is_told) = match self.events {
            Events::Coming(_) => (FIRST_RETRY, false),
            Events::Away { wait, is_told, .. } => ((wait * 2).min(LAST_RETRY), is_told),
        };
        if !is_told {
            self.out.push_back(sse::stale(message));
        }
        self.events = Events::Away { try_at: now + wait, wait, is_told: true };
    }

    fn end(&mut self, last_word: Bytes) {
        self.out.push_back(last_word);
        self.is_over = true;
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.state.live.add_permits(1);
    }
}
