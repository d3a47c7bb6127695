//! Server-sent events: what has changed and is committed.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use lp_protocol::TaskId;
use lp_protocol::views::Event;
use serde::Deserialize;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::download::stream_of;
use super::failure::Failure;
use super::input::Query;
use super::state::State;
use crate::store::Epoch;

/// A sign of life for proxies and for readers that want to notice a dead connection.
const COMMENT: Duration = Duration::from_secs(15);

/// Events sent in one piece.
const AT_ONCE: usize = 256;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FollowEvents {
    /// Only events of this task.
    task_id: Option<TaskId>,
}

/// Sends an `Event` in each `data:` line as it happens. A reader that is too slow gets `missed` and should load anew what it shows.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "cluster",
    params(FollowEvents),
    responses((status = 200, description = "One `Event` in each `data:` line.", body = Event, content_type = "text/event-stream"))
)]
pub(crate) async fn follow(
    state: web::Data<State>,
    query: Query<FollowEvents>,
) -> Result<HttpResponse, Failure> {
    let mut leadership = state.engine.leadership();
    leadership.borrow_and_update().ok_or_else(|| Failure::unavailable("this manager does not lead"))?;
    let reader = Reader {
        events: state.engine.subscribe(),
        leadership,
        task_id: query.0.task_id,
        shutdown: state.shutdown.clone(),
        greeted: false,
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(Box::pin(stream_of(reader, Reader::next))))
}

struct Reader {
    events: broadcast::Receiver<Arc<Event>>,
    /// What happens under another leader is told by that one: the reader has to come again.
    leadership: watch::Receiver<Option<Epoch>>,
    task_id: Option<TaskId>,
    shutdown: CancellationToken,
    greeted: bool,
}

impl Reader {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, super::download::BodyError> {
        if !self.greeted {
            // so that the reader knows that the subscription stands
            self.greeted = true;
            return Ok(Some((Bytes::from_static(b": connected\n\n"), self)));
        }
        let (shutdown, mut leadership) = (self.shutdown.clone(), self.leadership.clone());
        let text = tokio::select! {
            text = self.gather() => text,
            _ = leadership.changed() => None,
            () = tokio::time::sleep(COMMENT) => Some(": alive\n\n".to_owned()),
            () = shutdown.cancelled() => None,
        };
        Ok(text.map(|text| (text.into(), self)))
    }

    /// Waits for an event that is wanted and takes what else is there.
    async fn gather(&mut self) -> Option<String> {
        let mut text = String::new();
        while text.is_empty() {
            match self.events.recv().await {
                Ok(event) => self.push(&mut text, &event),
                Err(RecvError::Lagged(_)) => self.push(&mut text, &Event::Missed),
                Err(RecvError::Closed) => return None,
            }
        }
        for _ in 0..AT_ONCE {
            match self.events.try_recv() {
                Ok(event) => self.push(&mut text, &event),
                Err(broadcast::error::TryRecvError::Lagged(_)) => self.push(&mut text, &Event::Missed),
                Err(_) => break,
            }
        }
        Some(text)
    }

    fn push(&self, text: &mut String, event: &Event) {
        let of_task = match event {
            Event::Task { task_id, .. } | Event::Attempt { task_id, .. } => Some(*task_id),
            Event::Node { .. } | Event::Work { .. } => None,
            Event::Missed => self.task_id,
        };
        if self.task_id.is_some() && self.task_id != of_task {
            return;
        }
        match serde_json::to_string(event) {
            Ok(json) => text.push_str(&format!("data: {json}\n\n")),
            Err(error) => tracing::error!(error = %error, "an event cannot be written"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_protocol::Stage;

    fn reader(capacity: usize, task_id: Option<TaskId>) -> (broadcast::Sender<Arc<Event>>, Reader) {
        let (sender, events) = broadcast::channel(capacity);
        let (_, leadership) = watch::channel(None);
        (sender, Reader { events, leadership, task_id, shutdown: CancellationToken::new(), greeted: true })
    }

    fn task_event(task_id: TaskId) -> Arc<Event> {
        Arc::new(Event::Task { task_id, stage: Stage::Running, status: None })
    }

    #[tokio::test]
    async fn a_reader_of_one_task_sees_only_its_events() {
        let (one, other) = (TaskId::random(), TaskId::random());
        let (sender, mut reader) = reader(8, Some(one));
        for task_id in [other, one, other] {
            sender.send(task_event(task_id)).unwrap();
        }

        let text = reader.gather().await.unwrap();

        assert_eq!(text.matches("data: ").count(), 1);
        assert!(text.contains(&one.to_string()) && text.ends_with("\n\n"), "{text}");
    }

    #[tokio::test]
    async fn a_reader_that_was_too_slow_is_told_and_gets_the_rest() {
        let (sender, mut reader) = reader(2, None);
        for _ in 0..5 {
            sender.send(task_event(TaskId::random())).unwrap();
        }
        drop(sender);

        let text = reader.gather().await.unwrap();

        assert!(text.starts_with("data: {\"event\":\"missed\"}\n\n"), "{text}");
        assert_eq!(text.matches("data: ").count(), 3);
        assert_eq!(reader.gather().await, None);
    }
}
