//! Many tasks in one streamed request: inputs go up, created ids come down at the same time.

use std::io;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Method, StatusCode};
use serde::Deserialize;

use super::{Error, ManagerClient};
use crate::ApiError;
use crate::views::{CreateTasks, Created};

/// What was created, line by line in the order of the inputs; an error is the last item.
pub type CreatedStream = Pin<Box<dyn Stream<Item = Result<Created, Error>> + Send>>;

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Created(Created),
    Refused { error: ApiError },
}

impl ManagerClient {
    /// `POST /tasks/batch`: each line of `inputs` (NDJSON, one object a line, cut anywhere into chunks) makes a task.
    ///
    /// Read the answer while the inputs are sent: the manager stops taking lines from a client that takes no answers.
    pub async fn create_tasks<S>(&self, query: &CreateTasks, inputs: S) -> Result<CreatedStream, Error>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let request = self
            .request(Method::POST, &["tasks", "batch"])?
            .query(query)
            .header(CONTENT_TYPE, "application/x-ndjson")
            .body(Body::wrap_stream(inputs));
        let response = self.send(request).await?;
        let status = response.status();
        let client = self.clone();
        let lines = self.lines(response).filter(|line| {
            let blank = line.as_ref().is_ok_and(|line| line.trim().is_empty());
            std::future::ready(!blank)
        });
        Ok(Box::pin(lines.map(move |line| client.read_line(status, &line?))))
    }

    fn read_line(&self, status: StatusCode, line: &str) -> Result<Created, Error> {
        match serde_json::from_str(line) {
            Ok(Line::Created(created)) => Ok(created),
            Ok(Line::Refused { error }) => Err(Error::api(error)),
            Err(error) => Err(self.protocol(status, error.to_string())),
        }
    }
}
