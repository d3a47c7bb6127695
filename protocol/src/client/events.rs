//! The event stream: `GET /events` as server-sent events.
//!
//! It ends when the connection does; whoever reads it opens a new one and reads anew what it shows, for events in
//! between are not repeated. Subscribe first and read the state after: an event between the two is then seen twice, never missed.

use std::pin::Pin;

use futures_util::{Stream, StreamExt};
use reqwest::Method;

use super::{Error, ManagerClient};
use crate::TaskId;
use crate::views::Event;

pub type EventStream = Pin<Box<dyn Stream<Item = Result<Event, Error>> + Send>>;

impl ManagerClient {
    /// `GET /events`: of one task, or of all. When this returns the subscription stands.
    pub async fn events(&self, task_id: Option<TaskId>) -> Result<EventStream, Error> {
        let mut request = self.request(Method::GET, &["events"])?.header("accept", "text/event-stream");
        if let Some(task_id) = task_id {
            request = request.query(&[("task_id", task_id)]);
        }
        let response = self.send(request).await?;
        let mut parser = Parser::default();
        let events = self.lines(response).filter_map(move |line| {
            std::future::ready(match line {
                Ok(line) => parser.line(&line).map(Ok),
                Err(error) => Some(Err(error)),
            })
        });
        Ok(Box::pin(events))
    }
}

/// Gathers the `data:` lines of an event until the blank line that ends it.
#[derive(Default)]
struct Parser {
    data: String,
}

impl Parser {
    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            // an event of a newer manager that this version does not know says nothing to it
            let event = serde_json::from_str(&self.data).ok();
            self.data.clear();
            return event;
        }
        let rest = line.strip_prefix("data:")?;
        if !self.data.is_empty() {
            self.data.push('\n');
        }
        self.data.push_str(rest.strip_prefix(' ').unwrap_or(rest));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<Event> {
        let mut parser = Parser::default();
        text.lines().filter_map(|line| parser.line(line)).collect()
    }

    #[test]
    fn an_event_is_its_data_lines_up_to_a_blank_line() {
        let events = parse(
            "data: {\"event\":\n: comment\nid: 7\ndata: \"missed\"}\n\ndata:{\"event\":\"missed\"}\n\n",
        );

        assert_eq!(events.len(), 2);
        assert!(events.iter().all(|event| matches!(event, Event::Missed)));
    }

    #[test]
    fn unknown_events_and_comments_are_skipped() {
        assert!(
            parse(": ping\n\ndata: {\"event\":\"of_the_future\"}\n\ndata: {\"event\":\"missed\"}\n")
                .is_empty()
        );
    }
}
